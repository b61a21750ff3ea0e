//! Every way in which a request to an inlet can fail, and the body that says so: the one table of statuses and texts.

use std::time::Duration;

use http::StatusCode;
use inlet::limits::MESSAGES_MAX;
use inlet::{Inlet, Invalid, Refusal, Rejection};
use serde::Serialize;
use serde_json::{Value, json};

use super::answer::{Message, Tail, text};

const INLET: &str = "http://ns.adobe.com/adobecloud/problem/data-collection-service/inlet";
const AUTHORIZATION: &str = "https://ns.adobe.com/adobecloud/problem/data-collection-service-authorization";

const INVALID_MESSAGE: &str = "Invalid XDM Message Format";
const INVALID_JSON: &str = "Invalid JSON";

/// Why a request failed.
pub(super) enum Problem {
    MethodNotAllowed,
    /// Holds the type that was sent.
    ContentType(String),
    ContentEncoding(String),
    NotGzip,
    TooLarge {
        bytes_max: usize,
    },
    BodyTimeout,
    /// The client went away, or its framing is broken.
    BodyCut,
    Refused(Refusal),
}

#[derive(Serialize)]
struct ProblemBody<'a, S> {
    r#type: &'a str,
    status: S,
    title: &'a str,
    report: Report<'a>,
}

#[derive(Serialize)]
struct Report<'a> {
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<Value>,
}

impl Problem {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Problem::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            // Not 415: the platform's rule is that a valid content type must be given, with 400.
            Problem::ContentType(_) | Problem::ContentEncoding(_) => StatusCode::BAD_REQUEST,
            Problem::NotGzip | Problem::BodyCut => StatusCode::BAD_REQUEST,
            Problem::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Problem::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Problem::Refused(refusal) => match refusal {
                Refusal::NotFound => StatusCode::NOT_FOUND,
                // Documentation has 401 in one place and 403 in another for a bad token. The sink stops on either.
                Refusal::TokenMissing | Refusal::TokenInvalid => StatusCode::UNAUTHORIZED,
                Refusal::Forbidden => StatusCode::FORBIDDEN,
                Refusal::Syntax(..) | Refusal::NoMessages(_) => StatusCode::BAD_REQUEST,
                Refusal::Rejected(..) | Refusal::Invalid(..) => StatusCode::BAD_REQUEST,
                Refusal::TooManyMessages(_) => StatusCode::PAYLOAD_TOO_LARGE,
                // 503 rather than 429: the sink never repeats a 429.
                Refusal::Busy { .. } | Refusal::Closed { .. } => StatusCode::SERVICE_UNAVAILABLE,
                // 500 rather than 503: on a lasting 503 the sink drops records, on a 500 it stops and keeps them.
                Refusal::Full | Refusal::Failed => StatusCode::INTERNAL_SERVER_ERROR,
            },
        }
    }

    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Problem::Refused(Refusal::Busy { retry_after } | Refusal::Closed { retry_after }) => {
                Some(*retry_after)
            }
            _ => None,
        }
    }

    pub(super) fn body(&self) -> Vec<u8> {
        match self {
            Problem::MethodNotAllowed => self.plain("Method not allowed", "An inlet takes POST and OPTIONS"),
            Problem::ContentType(sent) => self.plain(
                "BadRequestError",
                &format!("A valid content-type must be specified: [{sent}] is not application/json"),
            ),
            Problem::ContentEncoding(sent) => self.plain(
                "BadRequestError",
                &format!("Content encoding [{sent}] is not supported; use gzip or none"),
            ),
            Problem::NotGzip => {
                self.plain("BadRequestError", "The body is not gzip, as its content encoding says")
            }
            Problem::TooLarge { bytes_max } => {
                self.plain("Payload too large", &format!("The request body has more than {bytes_max} bytes"))
            }
            Problem::BodyTimeout => self.plain("Request timeout", "The request body did not arrive in time"),
            Problem::BodyCut => self.plain("BadRequestError", "The request body ended before its end"),
            Problem::Refused(refusal) => self.refusal(refusal),
        }
    }

    fn refusal(&self, refusal: &Refusal) -> Vec<u8> {
        match refusal {
            Refusal::NotFound => self.plain("Inlet not found", "There is no inlet of this id"),
            // `[id]` is literal, and the status is a string here alone. Source: appendix of the connection tutorial.
            Refusal::TokenMissing => unauthorized("[id] Ims service token is empty"),
            Refusal::TokenInvalid => unauthorized("[id] Ims service token is invalid"),
            Refusal::Forbidden => {
                let message = "[id] Ims service token does not allow to write to this inlet";
                write(AUTHORIZATION, self.status().as_u16(), "Authorization", message, None)
            }
            Refusal::Syntax(inlet, syntax) => {
                self.about(inlet, INVALID_JSON, &format!("{INVALID_JSON}: {syntax}"))
            }
            Refusal::NoMessages(inlet) => {
                self.about(inlet, INVALID_MESSAGE, "Batch has no messages: send {\"messages\": [ … ]}")
            }
            Refusal::TooManyMessages(inlet) => {
                let message = format!("Batch has more than {MESSAGES_MAX} messages");
                self.about(inlet, "Payload too large", &message)
            }
            Refusal::Rejected(inlet, rejection) => {
                let title =
                    if matches!(rejection, Rejection::Fault(_)) { INVALID_JSON } else { INVALID_MESSAGE };
                self.write(title, &Message(inlet, rejection).to_string(), None)
            }
            Refusal::Invalid(inlet, invalid) => {
                let message = Tail(inlet, "Message is invalid").to_string();
                self.write(INVALID_MESSAGE, &message, Some(cause(invalid)))
            }
            Refusal::Busy { .. } => {
                self.plain("Service unavailable", "The server is busy; nothing was stored")
            }
            Refusal::Closed { .. } => {
                self.plain("Service unavailable", "The server is shutting down; nothing was stored")
            }
            Refusal::Full => {
                self.plain("Internal error", "The log has no room for more records; nothing was stored")
            }
            Refusal::Failed => {
                self.plain("Internal error", "The record could not be stored; see the server's log")
            }
        }
    }

    fn about(&self, inlet: &Inlet, title: &str, tail: &str) -> Vec<u8> {
        self.write(title, &Tail(inlet, tail).to_string(), None)
    }

    fn plain(&self, title: &str, message: &str) -> Vec<u8> {
        self.write(title, message, None)
    }

    fn write(&self, title: &str, message: &str, cause: Option<Value>) -> Vec<u8> {
        write(INLET, self.status().as_u16(), title, message, cause)
    }

    /// What an operator must act on goes to the log; what a client did wrong does not fill it.
    pub(super) fn log(&self, request: Option<&str>) {
        let _named = tracing::error_span!("request", id = request).entered();
        match self {
            Problem::Refused(Refusal::Full) => tracing::error!("refused a request: the log has no room"),
            Problem::Refused(Refusal::Failed) => tracing::error!("refused a request: it could not be stored"),
            Problem::Refused(Refusal::Busy { .. }) => tracing::warn!("refused a request: too many wait"),
            problem => tracing::debug!(status = problem.status().as_u16(), "refused a request"),
        }
    }
}

fn unauthorized(message: &str) -> Vec<u8> {
    write(AUTHORIZATION, "401", "Authorization", message, None)
}

fn write(kind: &str, status: impl Serialize, title: &str, message: &str, cause: Option<Value>) -> Vec<u8> {
    text(&ProblemBody { r#type: kind, status, title, report: Report { message, cause } })
}

/// The documented `cause` of a failed synchronous validation.
fn cause(invalid: &Invalid) -> Value {
    let nodes = match invalid {
        Invalid::Violations(violations) => xdm::streaming_validation(violations),
        Invalid::EntityMissing => json!([{ "message": "Payload body is missing xdmEntity" }]),
        Invalid::Mapping(reason) => json!([{ "message": reason }]),
        Invalid::NothingMapped => json!([{ "message": "the mapping wrote no field of the target schema" }]),
    };
    json!({ "_streamingValidation": nodes })
}
