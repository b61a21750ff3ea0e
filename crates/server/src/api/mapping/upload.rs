//! A file in a form: the one part of `multipart/form-data` that uploads have. Bodies are small and in memory.

use bytes::Bytes;
use control::mapping::MappingError;
use http::header::CONTENT_TYPE;

use crate::api::call::Call;
use crate::api::gateway;

/// The field that holds the file.
const FIELD: &str = "file";

/// The text of the uploaded file. A body that is no form is the file itself.
pub(super) fn file(call: &Call) -> Result<String, MappingError> {
    let content_type = gateway::text(&call.headers, CONTENT_TYPE.as_str()).unwrap_or_default();
    let content = match boundary(content_type) {
        Some(boundary) => part(&call.body, &boundary)
            .ok_or_else(|| MappingError::Invalid(format!("the form has no field {FIELD}")))?,
        None => &call.body,
    };
    let text = std::str::from_utf8(content)
        .map_err(|_| MappingError::Invalid("the file is not text in UTF-8".to_owned()))?;
    Ok(text.trim_start_matches('\u{feff}').to_owned())
}

/// The boundary that a content type names, when it is a form's.
fn boundary(content_type: &str) -> Option<String> {
    let mut parts = content_type.split(';');
    if !parts.next()?.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim().eq_ignore_ascii_case("boundary").then(|| value.trim().trim_matches('"').to_owned())
    })?;
    (!boundary.is_empty()).then_some(boundary)
}

/// The content of the field, or of the only part that has a file name.
fn part<'b>(body: &'b Bytes, boundary: &str) -> Option<&'b [u8]> {
    let delimiter = format!("\r\n--{boundary}");
    // The first delimiter has no line before it.
    let mut rest = match body.strip_prefix(&delimiter.as_bytes()[2..]) {
        Some(rest) => rest,
        None => &body[find(body, delimiter.as_bytes())? + delimiter.len()..],
    };
    loop {
        if rest.starts_with(b"--") {
            return None;
        }
        let start = find(rest, b"\r\n\r\n")?;
        let headers = &rest[..start];
        let content = &rest[start + 4..];
        let end = find(content, delimiter.as_bytes())?;
        if is_the_field(headers) {
            return Some(&content[..end]);
        }
        rest = &content[end + delimiter.len()..];
    }
}

fn is_the_field(headers: &[u8]) -> bool {
    let headers = String::from_utf8_lossy(headers);
    let disposition = headers.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("content-disposition").then_some(value)
    });
    disposition.is_some_and(|value| {
        value.split(';').filter_map(|part| part.split_once('=')).any(|(name, value)| {
            name.trim().eq_ignore_ascii_case("name") && value.trim().trim_matches('"') == FIELD
        })
    })
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boundaries() {
        for (content_type, expected) in [
            ("multipart/form-data; boundary=abc", Some("abc")),
            ("Multipart/Form-Data; charset=utf-8; Boundary=\"a b\"", Some("a b")),
            ("multipart/form-data", None),
            ("multipart/form-data; boundary=", None),
            ("application/json; boundary=abc", None),
        ] {
            assert_eq!(boundary(content_type).as_deref(), expected, "{content_type}");
        }
    }

    #[test]
    fn parts() {
        let other = "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1\r\n";
        let file = "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.json\"\r\nContent-Type: application/json\r\n\r\n{\r\n}\r\n";
        for (body, expected) in [
            (format!("{file}--b--\r\n"), Some("{\r\n}")),
            (format!("{other}{file}--b--"), Some("{\r\n}")),
            (format!("preamble\r\n{file}{other}--b--"), Some("{\r\n}")),
            (format!("{other}--b--"), None),
            (file.to_owned(), None),
            ("--b--".to_owned(), None),
            ("--b".to_owned(), None),
            (String::new(), None),
        ] {
            let body = Bytes::from(body);
            let found = part(&body, "b").map(|content| std::str::from_utf8(content).unwrap());
            assert_eq!(found, expected, "{body:?}");
        }
    }
}
