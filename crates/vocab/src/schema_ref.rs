//! A reference to a schema: its `$id` and the content type under which a message or dataset names it.

use serde::{Deserialize, Serialize};

use crate::SchemaId;

/// `{"id": "https://ns.adobe.com/…", "contentType": "application/vnd.adobe.xed-full+json;version=1"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaRef {
    pub id: SchemaId,
    #[serde(rename = "contentType", default, skip_serializing_if = "String::is_empty")]
    pub content_type: String,
}

impl SchemaRef {
    /// The major version that the content type asks for; `None` stands for the latest.
    pub fn major(&self) -> Option<u32> {
        major_version(&self.content_type)
    }
}

/// Reads the major version out of a content type: `;version=1`, `; version=1.0` or `;1`.
pub fn major_version(content_type: &str) -> Option<u32> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let parameter = parameter.trim();
        let value = match parameter.split_once('=') {
            Some((name, value)) if name.trim().eq_ignore_ascii_case("version") => value.trim(),
            Some(_) => return None,
            None => parameter,
        };
        value.trim_matches('"').split('.').next()?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn major_versions() {
        for (text, expected) in [
            ("application/vnd.adobe.xed-full+json;version=1", Some(1)),
            ("application/vnd.adobe.xed-full-notext+json; version=1.0", Some(1)),
            ("application/vnd.adobe.xed+json;1", Some(1)),
            ("application/vnd.adobe.xed+json ; Version = 2", Some(2)),
            ("application/vnd.adobe.xed+json", None),
            ("", None),
        ] {
            assert_eq!(major_version(text), expected, "{text}");
        }
    }
}
