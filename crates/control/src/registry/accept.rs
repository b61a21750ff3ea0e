//! The `Accept` header of the registry: which form of a resource is asked for. Content types of schema references follow
//! the same grammar.

use super::RegistryError;

/// What a valid header looks like, for messages.
const PATTERN: &str = "application/vnd.adobe.{xed|xdm}[-full][-desc][-notext]+json; version={version}";

/// Which names fields have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Notation {
    /// As ingestion takes them: `_id`, `firstName`.
    #[default]
    Xed,
    /// The standard ones: `@id`, `xdm:firstName`.
    Xdm,
}

/// The form of a resource or of a list. The suffixes are a set: clients send them in any order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    pub notation: Notation,
    /// References resolved into one tree.
    pub full: bool,
    pub descriptors: bool,
    pub no_text: bool,
    /// One level, keyed by path.
    pub flat: bool,
    /// Deprecated fields are marked.
    pub deprecated: bool,
    pub id: bool,
    pub link: bool,
    /// The paged envelope of descriptor lists.
    pub v2: bool,
    /// The major version; `None` stands for the latest.
    pub major: Option<u32>,
}

impl Form {
    /// Reads a header. `None` when there is none, or when it leaves the choice to the server.
    pub fn parse(header: Option<&str>) -> Result<Option<Self>, RegistryError> {
        let Some(header) = header.map(str::trim).filter(|header| !header.is_empty()) else {
            return Ok(None);
        };
        let mut any = false;
        for range in header.split(',') {
            if let Some(form) = Self::of_range(range) {
                return Ok(Some(form));
            }
            let media = range.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            any |= ["*/*", "application/*", "application/json"].contains(&media.as_str());
        }
        if any { Ok(None) } else { Err(refused(header)) }
    }

    /// One media range, when it is of the registry's own types.
    fn of_range(range: &str) -> Option<Self> {
        let media = range.split(';').next()?.trim().to_ascii_lowercase();
        let name = media.strip_prefix("application/vnd.adobe.")?.strip_suffix("+json")?;
        let mut words = name.split('-');
        let mut form = Self { major: vocab::schema_ref::major_version(range), ..Self::default() };
        form.notation = match words.next()? {
            "xed" => Notation::Xed,
            "xdm" => Notation::Xdm,
            _ => return None,
        };
        for word in words {
            match word {
                "full" => form.full = true,
                "desc" => form.descriptors = true,
                "notext" => form.no_text = true,
                "flat" => form.flat = true,
                "deprecated" | "deprecatefield" => form.deprecated = true,
                "id" => form.id = true,
                "link" => form.link = true,
                "v2" => form.v2 = true,
                _ => return None,
            }
        }
        // These show fields, which are known when references are resolved.
        form.full |= form.flat || form.deprecated;
        let wrong_version = form.major.is_none() && range.to_ascii_lowercase().contains("version");
        (!wrong_version).then_some(form)
    }
}

/// Longest part of a header that a message repeats, characters.
const QUOTED_CHARS_MAX: usize = 200;

fn refused(header: &str) -> RegistryError {
    RegistryError::Accept { value: header.chars().take(QUOTED_CHARS_MAX).collect(), pattern: PATTERN }
}

/// The refusal of a resolved form where many resources are shown.
pub(super) fn refused_for_list() -> RegistryError {
    let value = "application/vnd.adobe.xed-full+json".to_owned();
    RegistryError::Accept { value, pattern: "application/vnd.adobe.{xed|xdm}[-id]+json" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(suffixes: &[&str], notation: Notation, major: Option<u32>) -> Form {
        let has = |word: &str| suffixes.contains(&word);
        Form {
            notation,
            full: has("full"),
            descriptors: has("desc"),
            no_text: has("notext"),
            flat: has("flat"),
            deprecated: has("deprecated"),
            id: has("id"),
            link: has("link"),
            v2: has("v2"),
            major,
        }
    }

    #[test]
    fn headers() {
        use Notation::{Xdm, Xed};
        for (name, suffixes, notation, major) in [
            ("xed-id+json", &["id"][..], Xed, None),
            ("xed+json;version=1", &[], Xed, Some(1)),
            ("xed-full+json; version=1", &["full"], Xed, Some(1)),
            ("xed-notext+json ; Version = 1.0", &["notext"], Xed, Some(1)),
            ("xed-full-notext+json; version=2", &["full", "notext"], Xed, Some(2)),
            ("xed-deprecatefield+json; version=1", &["full", "deprecated"], Xed, Some(1)),
            (
                "XDM-Full-Desc-Flat-Deprecated+json;version=1",
                &["full", "desc", "flat", "deprecated"],
                Xdm,
                Some(1),
            ),
            ("xdm-v2-link-id+json", &["v2", "link", "id"], Xdm, None),
            ("xdm-flat+json", &["flat", "full"], Xdm, None),
        ] {
            let header = format!("application/vnd.adobe.{name}");
            let found = Form::parse(Some(&header)).unwrap();
            assert_eq!(found, Some(form(suffixes, notation, major)), "{header}");
        }
    }

    #[test]
    fn the_servers_choice() {
        for header in
            ["", "  ", "*/*", "application/json", "Application/JSON; charset=utf-8", "text/html, */*; q=0.2"]
        {
            assert_eq!(Form::parse(Some(header)).unwrap(), None, "{header}");
        }
        assert_eq!(Form::parse(None).unwrap(), None);
        let both = "application/json, application/vnd.adobe.xed-id+json";
        assert!(Form::parse(Some(both)).unwrap().unwrap().id);
    }

    #[test]
    fn what_is_refused() {
        for header in [
            "text/html",
            "application/vnd.adobe.xed",
            "application/vnd.adobe.xyz+json",
            "application/vnd.adobe.xed-half+json;version=1",
            "application/vnd.adobe.xed+json;version=new",
            "application/vnd.adobe.+json",
        ] {
            assert!(matches!(Form::parse(Some(header)), Err(RegistryError::Accept { .. })), "{header}");
        }
    }
}
