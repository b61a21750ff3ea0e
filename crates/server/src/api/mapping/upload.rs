//! A file in a form: the one part of `multipart/form-data` that uploads have. Bodies are small and in memory.

use axum::body::Body;
use axum::extract::{FromRequest as _, Multipart, Request};
use bytes::Bytes;
use control::mapping::MappingError;
use http::header::CONTENT_TYPE;

use crate::api::call::Call;
use crate::api::gateway;

/// The field that holds the file.
const FIELD: &str = "file";

/// The text of the uploaded file. A body that is no form is the file itself.
pub(super) async fn file(call: &Call) -> Result<String, MappingError> {
    let content_type = gateway::text(&call.headers, CONTENT_TYPE.as_str()).unwrap_or_default();
    let content = match gateway::is_form(content_type) {
        true => part(content_type, call.body.clone()).await?,
        false => call.body.clone(),
    };
    let text = std::str::from_utf8(&content).map_err(|_| invalid("the file is not text in UTF-8"))?;
    Ok(text.trim_start_matches('\u{feff}').to_owned())
}

async fn part(content_type: &str, body: Bytes) -> Result<Bytes, MappingError> {
    let no_form = |_| invalid("the body is not a form as multipart/form-data says");
    let mut request = Request::new(Body::from(body));
    let content_type = content_type.parse().map_err(|_| invalid("the content type cannot be read"))?;
    request.headers_mut().insert(CONTENT_TYPE, content_type);
    let mut parts = Multipart::from_request(request, &())
        .await
        .map_err(|_| invalid("the content type names no boundary"))?;
    while let Some(part) = parts.next_field().await.map_err(no_form)? {
        if part.name() == Some(FIELD) {
            return part.bytes().await.map_err(no_form);
        }
    }
    Err(MappingError::Invalid(format!("the form has no field {FIELD}")))
}

fn invalid(text: &str) -> MappingError {
    MappingError::Invalid(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn parts() {
        let other = "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1\r\n";
        let file = "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.json\"\r\nContent-Type: application/json\r\n\r\n{\r\n}\r\n";
        for (body, expected) in [
            (format!("{file}--b--\r\n"), Some("{\r\n}")),
            (format!("{other}{file}--b--"), Some("{\r\n}")),
            (format!("{other}--b--"), None),
            (file.to_owned(), None),
            ("--b--".to_owned(), None),
            ("--b".to_owned(), None),
            (String::new(), None),
        ] {
            let found = part("Multipart/Form-Data; charset=utf-8; Boundary=\"b\"", body.clone().into()).await;
            assert_eq!(found.as_deref().ok(), expected.map(str::as_bytes), "{body:?}");
        }
        let unnamed = part("multipart/form-data", "--b--".into()).await;
        assert!(unnamed.is_err_and(|error| error.to_string().contains("boundary")));
    }
}
