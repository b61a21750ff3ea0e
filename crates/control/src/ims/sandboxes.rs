//! In which sandboxes a credential may act.

use std::fmt;

/// All sandboxes of an org, those made later included, or some of them by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Sandboxes {
    #[default]
    All,
    Only(Vec<String>),
}

impl Sandboxes {
    /// Those names alone; each once.
    pub fn only<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut only: Vec<String> = Vec::new();
        for name in names {
            if !only.iter().any(|known| known == name) {
                only.push(name.to_owned());
            }
        }
        Sandboxes::Only(only)
    }

    pub fn allow(&self, name: &str) -> bool {
        self.names().is_none_or(|names| names.iter().any(|known| known == name))
    }

    /// The names, when it is not all.
    pub fn names(&self) -> Option<&[String]> {
        match self {
            Sandboxes::All => None,
            Sandboxes::Only(names) => Some(names),
        }
    }

    /// The one that a caller without a wish acts in, when there is just one.
    pub fn single(&self) -> Option<&str> {
        match self {
            Sandboxes::Only(names) if names.len() == 1 => Some(&names[0]),
            _ => None,
        }
    }

    /// As it is stored: names hold no comma; NULL stands for all.
    pub(super) fn to_text(&self) -> Option<String> {
        self.names().map(|names| names.join(","))
    }

    pub(super) fn from_text(text: Option<&str>) -> Self {
        text.map_or(Sandboxes::All, |text| Sandboxes::only(text.split(',').filter(|name| !name.is_empty())))
    }
}

impl fmt::Display for Sandboxes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Sandboxes::All => f.write_str("all"),
            Sandboxes::Only(names) => f.write_str(&names.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists() {
        for (text, allowed, refused) in [
            (None, &["prod", "dev"][..], &[][..]),
            (Some("dev"), &["dev"], &["prod", "de", ""]),
            (Some("dev,prod,dev"), &["dev", "prod"], &["dev,prod"]),
            (Some(""), &[], &["prod", ""]),
        ] {
            let sandboxes = Sandboxes::from_text(text);
            assert!(allowed.iter().all(|name| sandboxes.allow(name)), "{text:?}");
            assert!(!refused.iter().any(|name| sandboxes.allow(name)), "{text:?}");
            assert_eq!(Sandboxes::from_text(sandboxes.to_text().as_deref()), sandboxes);
        }
        assert_eq!(Sandboxes::from_text(Some("dev")).single(), Some("dev"));
        assert_eq!(Sandboxes::from_text(Some("dev,prod")).single(), None);
    }
}
