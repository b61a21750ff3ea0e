//! What a request says outside its body: content type, encoding, and the wishes in headers and query.

use std::borrow::Cow;

use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use inlet::Admitted;

use super::problem::Problem;

/// How the body is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Identity,
    Gzip,
}

/// What the request wishes for all its messages.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wishes {
    pub(super) flow: Option<String>,
    pub(super) dataset: Option<String>,
    pub(super) sync_validation: Option<bool>,
}

/// The value of `Authorization`. One that is not text is no valid token, but not as good as none.
pub(super) fn authorization(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION).map(|value| value.to_str().unwrap_or("not text"))
}

/// Checks content type and encoding, which must be ones that we read.
pub(super) fn encoding(headers: &HeaderMap) -> Result<Encoding, Problem> {
    let content_type = headers.get(CONTENT_TYPE).map_or(Cow::Borrowed(""), lossy);
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    // Browsers' beacons send text or no type at all. Smile, the binary form, is documented but not read here yet.
    if !matches!(essence.as_str(), "" | "application/json" | "text/plain") {
        return Err(Problem::ContentType(essence));
    }
    let encoding = headers.get(CONTENT_ENCODING).map_or(Cow::Borrowed(""), lossy);
    match encoding.trim().to_ascii_lowercase().as_str() {
        "" | "identity" => Ok(Encoding::Identity),
        "gzip" | "x-gzip" => Ok(Encoding::Gzip),
        other => Err(Problem::ContentEncoding(other.to_owned())),
    }
}

impl Wishes {
    pub(super) fn of(head: &Parts, admitted: &Admitted) -> Self {
        note_sandbox(&head.headers, admitted);
        let mut wishes = Self {
            flow: header(&head.headers, "x-adobe-flow-id"),
            dataset: header(&head.headers, "x-adobe-dataset-id"),
            sync_validation: None,
        };
        if let Some(query) = head.uri.query() {
            wishes.query(query);
        }
        wishes
    }

    fn query(&mut self, query: &str) {
        let pairs: Vec<(Cow<'_, str>, Cow<'_, str>)> = serde_urlencoded::from_str(query).unwrap_or_default();
        for (key, value) in pairs {
            match &*key {
                // Webhook senders cannot set headers. Documented.
                "x-adobe-flow-id" if self.flow.is_none() => self.flow = id(&value),
                // The second is the older spelling; Postman sends both. True if any is.
                "syncValidation" | "synchronousValidation" => {
                    if let Some(wish) = boolean(&value) {
                        self.sync_validation = Some(self.sync_validation.unwrap_or(false) || wish);
                    }
                }
                _ => {}
            }
        }
    }
}

/// The inlet fixes the sandbox; a request that names another goes where the inlet says.
fn note_sandbox(headers: &HeaderMap, admitted: &Admitted) {
    let named = headers.get("x-sandbox-name").or_else(|| headers.get("sandbox-name"));
    let inlet = admitted.inlet();
    if named.is_some_and(|named| named != inlet.sandbox_name.as_str()) {
        tracing::debug!(inlet = %inlet.id, "a request names another sandbox than its inlet's");
    }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    id(&lossy(headers.get(name)?))
}

/// An id without the blanks and the trailing semicolon that stand in a published sample.
fn id(value: &str) -> Option<String> {
    let id = value.trim().trim_end_matches(';').trim_end();
    (!id.is_empty()).then(|| id.to_owned())
}

fn lossy(value: &HeaderValue) -> Cow<'_, str> {
    String::from_utf8_lossy(value.as_bytes())
}

/// Clients in Python write `True`, others `1`. Anything else says nothing.
fn boolean(value: &str) -> Option<bool> {
    match value.trim() {
        "1" => Some(true),
        "0" => Some(false),
        text if text.eq_ignore_ascii_case("true") => Some(true),
        text if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types_and_encodings() {
        let check = |content_type: Option<&'static str>,
                     encoding_: Option<&'static str>,
                     expected: Option<Encoding>| {
            let mut headers = HeaderMap::new();
            if let Some(value) = content_type {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static(value));
            }
            if let Some(value) = encoding_ {
                headers.insert(CONTENT_ENCODING, HeaderValue::from_static(value));
            }
            assert_eq!(encoding(&headers).ok(), expected, "{content_type:?} {encoding_:?}");
        };
        use Encoding::{Gzip, Identity};
        check(None, None, Some(Identity));
        check(Some(""), None, Some(Identity));
        check(Some("application/json"), None, Some(Identity));
        check(Some("Application/JSON; charset=utf-8"), None, Some(Identity));
        check(Some("application/json;charset=utf-16"), None, Some(Identity));
        check(Some("text/plain;charset=UTF-8"), None, Some(Identity));
        check(Some("application/json"), Some("gzip"), Some(Gzip));
        check(Some("application/json"), Some("GZIP"), Some(Gzip));
        check(Some("application/json"), Some("identity"), Some(Identity));
        check(Some("application/json"), Some("br"), None);
        check(Some("application/json"), Some("gzip, gzip"), None);
        check(Some("application/x-jackson-smile"), None, None);
        check(Some("application/x-www-form-urlencoded"), None, None);
        check(Some("application/jsonx"), None, None);
        check(Some("json"), None, None);
    }

    #[test]
    fn wishes_in_the_query() {
        let check = |query: &str, flow: Option<&str>, sync_validation: Option<bool>| {
            let mut wishes = Wishes { flow: None, dataset: None, sync_validation: None };
            wishes.query(query);
            assert_eq!((wishes.flow.as_deref(), wishes.sync_validation), (flow, sync_validation), "{query}");
        };
        check("", None, None);
        check("syncValidation=true", None, Some(true));
        check("syncValidation=True", None, Some(true));
        check("syncValidation=1", None, Some(true));
        check("syncValidation=False", None, Some(false));
        check("syncValidation=0", None, Some(false));
        check("syncValidation=", None, None);
        check("syncValidation=perhaps", None, None);
        check("syncvalidation=true", None, None);
        check("synchronousValidation=true", None, Some(true));
        check("syncValidation=false&synchronousValidation=true", None, Some(true));
        check("syncValidation=true&synchronousValidation=false", None, Some(true));
        check("synchronousValidation=false", None, Some(false));
        check("x-adobe-flow-id=f2ae&a=b", Some("f2ae"), None);
        check("x-adobe-flow-id=%20f2ae%3B", Some("f2ae"), None);
        check("x-adobe-flow-id=", None, None);
        check("x-adobe-flow-id=a&x-adobe-flow-id=b", Some("a"), None);
        check("%ff=%zz&&=&syncValidation=true", None, Some(true));
    }

    #[test]
    fn ids_in_headers() {
        for (value, expected) in [
            ("f", Some("f")),
            (" f ", Some("f")),
            ("f;", Some("f")),
            ("f ; ", Some("f")),
            (";", None),
            ("  ", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("x-adobe-flow-id", HeaderValue::from_bytes(value.as_bytes()).unwrap());
            assert_eq!(header(&headers, "x-adobe-flow-id").as_deref(), expected, "{value}");
        }
    }
}
