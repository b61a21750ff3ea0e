//! The `Accept` header of the registry: which form of a resource is asked for. Content types of schema references follow
//! the same grammar.

use super::error::{Missing, RegistryError};

/// What a valid header looks like, for messages.
const PATTERN: &str = "application/vnd.adobe.{xed|xdm}[-full][-desc][-notext]+json; version={version}";

/// What a valid header of a list looks like, for messages.
const LIST_PATTERN: &str = "application/vnd.adobe.{xed|xdm}[-id]+json";

/// What a header is sent to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    Lookup,
    List,
    /// A list of descriptors, which have no versions and forms of their own.
    Descriptors,
}

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

    /// Refuses a major version that does not exist: there is one of everything.
    pub(super) fn check_major(&self, kind: Missing, id: &str) -> Result<(), RegistryError> {
        match self.major.filter(|major| *major != 1) {
            None => Ok(()),
            Some(major) => {
                Err(RegistryError::NotFound { kind, id: id.to_owned(), version: major.to_string() })
            }
        }
    }

    /// Refuses a resolved form where many resources are shown.
    pub(super) fn check_list(&self) -> Result<(), RegistryError> {
        if !self.full {
            return Ok(());
        }
        let value = "application/vnd.adobe.xed-full+json".to_owned();
        Err(RegistryError::Accept { value, pattern: LIST_PATTERN })
    }

    /// Reads a header as the documents demand it: it must be there, with a version on a lookup and without one on a list.
    pub fn strict(header: Option<&str>, reading: Reading) -> Result<Option<Self>, RegistryError> {
        let pattern = if reading == Reading::Lookup { PATTERN } else { LIST_PATTERN };
        let form = Self::parse(header)?;
        let found = form.as_ref().ok_or(RegistryError::AcceptMissing { pattern })?;
        let value = || header.unwrap_or_default().chars().take(QUOTED_CHARS_MAX).collect();
        match reading {
            Reading::Lookup if found.major.is_none() => Err(RegistryError::VersionMissing { value: value() }),
            Reading::List if found.major.is_some() => Err(RegistryError::Accept { value: value(), pattern }),
            Reading::Descriptors if found.notation == Notation::Xed => Err(RegistryError::Accept {
                value: value(),
                pattern: "application/vnd.adobe.xdm[-v2][-id|-link]+json",
            }),
            _ => Ok(form),
        }
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
    fn as_the_documents_demand() {
        let strict = |name: &str, reading| {
            let header = format!("application/vnd.adobe.{name}");
            Form::strict(Some(&header).filter(|_| !name.is_empty()).map(String::as_str), reading)
        };
        assert!(strict("xed-full+json; version=1", Reading::Lookup).unwrap().unwrap().full);
        assert!(strict("xed-id+json", Reading::List).is_ok());
        assert!(strict("xdm-v2+json", Reading::Descriptors).is_ok());
        for (name, reading, text) in [
            ("", Reading::Lookup, "must be supplied"),
            ("xed+json", Reading::Lookup, "version must be supplied"),
            ("xed+json;version=1", Reading::List, "xed+json;version=1 is invalid"),
            ("xed-id+json", Reading::Descriptors, "is invalid"),
            ("xed-half+json", Reading::List, "is invalid"),
        ] {
            let error = strict(name, reading).unwrap_err().to_string();
            assert!(error.contains(text), "{name}: {error}");
        }
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
