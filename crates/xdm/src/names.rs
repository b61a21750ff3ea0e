//! Paths and ids, and their two notations.

use std::fmt;

/// A path to a field, in the notation of ingestion: `["person", "name", "firstName"]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FieldPath(Vec<String>);

impl FieldPath {
    /// Reads `/person/name`, `person.name` and the standard notation (`/xdm:person/@id`): `xdm:` goes, `@id` becomes `_id`,
    /// and an item mark (`*`) is dropped. `None` when nothing is left or a step is empty.
    pub fn parse(text: &str) -> Option<Self> {
        let separator = if text.contains('/') { '/' } else { '.' };
        let steps: Vec<String> = text
            .trim_start_matches('/')
            .split(separator)
            .filter(|step| *step != "*" && *step != "[*]")
            .map(|step| field_name(step.trim_end_matches("[*]")))
            .collect();
        if steps.is_empty() || steps.iter().any(String::is_empty) { None } else { Some(Self(steps)) }
    }

    pub fn new(steps: Vec<String>) -> Self {
        Self(steps)
    }

    pub fn steps(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|step| write!(f, "/{step}"))
    }
}

/// One name of the standard notation as ingestion spells it: `xdm:birthDate` is `birthDate`, `@id` is `_id`.
pub(crate) fn field_name(name: &str) -> String {
    if let Some(rest) = name.strip_prefix("xdm:") {
        rest.to_owned()
    } else if let Some(rest) = name.strip_prefix('@') {
        format!("_{rest}")
    } else {
        name.to_owned()
    }
}

/// Where ingestion has a field of the standard notation: `repo:createDate` is `_repo.createDate`, a URI is a path of its
/// words without the vendor's own, and hyphens give way to camel case.
pub(crate) fn field_steps(name: &str) -> Vec<String> {
    let uri = name.strip_prefix("https://").or_else(|| name.strip_prefix("http://"));
    if let Some(path) = uri {
        let known = ["ns.adobe.com/xdm/data/metrics/", "ns.adobe.com/xdm/", "ns.adobe.com/"];
        let path = known.iter().find_map(|prefix| path.strip_prefix(prefix)).unwrap_or(path);
        let mut steps: Vec<String> = path.split('/').filter(|step| !step.is_empty()).map(camel).collect();
        if steps.len() > 1 {
            steps[0].insert(0, '_');
        }
        return steps;
    }
    match name.split_once(':') {
        Some((prefix, rest)) if prefix != "xdm" => vec![format!("_{}", camel(prefix)), camel(rest)],
        _ => vec![camel(&field_name(name))],
    }
}

fn camel(word: &str) -> String {
    let mut parts = word.split('-');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let mut letters = part.chars();
        out.extend(letters.next().into_iter().flat_map(char::to_uppercase));
        out.push_str(letters.as_str());
    }
    out
}

/// The `meta:altId` of a resource: `_` and the path of its `$id`, with dots. Ids of other hosts keep the host's first word.
pub fn alt_id(id: &str) -> String {
    let path = id.strip_prefix("https://").or_else(|| id.strip_prefix("http://")).unwrap_or(id);
    let path = path.strip_prefix("ns.adobe.com/").unwrap_or(path);
    format!("_{}", path.trim_matches('/').replace('/', "."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        for (text, expected) in [
            ("/person/name/firstName", Some("/person/name/firstName")),
            ("person.name.firstName", Some("/person/name/firstName")),
            ("/xdm:person/@id", Some("/person/_id")),
            ("/items/*/sku", Some("/items/sku")),
            ("", None),
            ("/", None),
            ("a..b", None),
        ] {
            assert_eq!(FieldPath::parse(text).map(|path| path.to_string()).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn standard_names() {
        for (name, expected) in [
            ("xdm:birthDate", "birthDate"),
            ("birthDate", "birthDate"),
            ("@id", "_id"),
            ("repo:createDate", "_repo.createDate"),
            (
                "https://ns.adobe.com/experience/analytics/customDimensions",
                "_experience.analytics.customDimensions",
            ),
            ("https://ns.adobe.com/xdm/channels/apns", "_channels.apns"),
            ("https://ns.adobe.com/xdm/data/metrics/opens", "opens"),
            ("https://ns.adobe.com/xdm/channels/direct-mail", "_channels.directMail"),
            ("xdm:direct-mail", "directMail"),
            ("braze:in-appMessage", "_braze.inAppMessage"),
        ] {
            assert_eq!(field_steps(name).join("."), expected, "{name}");
        }
    }

    #[test]
    fn alt_ids() {
        for (id, expected) in [
            ("https://ns.adobe.com/xdm/context/profile", "_xdm.context.profile"),
            ("https://ns.adobe.com/acme/schemas/0a", "_acme.schemas.0a"),
            (
                "https://ns.adobe.com/experience/aep-web-sdk-experienceevent",
                "_experience.aep-web-sdk-experienceevent",
            ),
            ("http://schema.org/GeoCoordinates", "_schema.org.GeoCoordinates"),
        ] {
            assert_eq!(alt_id(id), expected);
        }
    }
}
