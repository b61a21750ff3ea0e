//! The group URL. A URL is taken apart as it is written: nothing is decoded, lower-cased or left out.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::{Function, Kind, Nulls, ex};
use crate::arity::{arg, optional};
use crate::eval::{Args, Outcome};
use crate::failure::{Failure, excerpt};
use crate::limits;
use crate::value::{Members, Value};

pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        names: &["get_url_protocol"],
        args: &[arg("url", Kind::String)],
        returns: Kind::String,
        nulls: Nulls::Pass,
        doc: "The protocol of a URL; null when the text is no URL.",
        examples: &[
            ex(r#"get_url_protocol("ftp://h/x")"#, r#""ftp""#),
            ex(r#"get_url_protocol("h/x")"#, "null"),
        ],
        eval: |a| part(a, |url| Some(url.scheme)),
    },
    Function {
        names: &["get_url_host"],
        args: &[arg("url", Kind::String)],
        returns: Kind::String,
        nulls: Nulls::Pass,
        doc: "The host of a URL, without user and port; null when there is none.",
        examples: &[
            ex(r#"get_url_host("http://u@h.io:81/")"#, r#""h.io""#),
            ex(r#"get_url_host("http://[::1]:81/")"#, r#""[::1]""#),
        ],
        eval: |a| part(a, |url| url.host.filter(|host| !host.is_empty())),
    },
    Function {
        names: &["get_url_port"],
        args: &[arg("url", Kind::String)],
        returns: Kind::Integer,
        nulls: Nulls::Pass,
        doc: "The port of a URL, or the usual one of its protocol; null when neither is known.",
        examples: &[
            ex(r#"get_url_port("https://h")"#, "443"),
            ex(r#"get_url_port("https://h:8443/x")"#, "8443"),
            ex(r#"get_url_port("gopher://h")"#, "null"),
        ],
        eval: |a| {
            let text = a.text(0)?;
            let port = Url::parse(&text).and_then(|url| url.port.or_else(|| usual_port(url.scheme)));
            Ok(port.map_or(Value::Null, |port| i64::from(port).into()))
        },
    },
    Function {
        names: &["get_url_path"],
        args: &[arg("url", Kind::String), optional("full", Kind::Boolean)],
        returns: Kind::String,
        nulls: Nulls::Pass,
        doc: "The path of a URL; with false only what follows its last slash.",
        examples: &[
            ex(r#"get_url_path("http://h/a/b.txt?x#y")"#, r#""/a/b.txt""#),
            ex(r#"get_url_path("http://h/a/b.txt", false)"#, r#""b.txt""#),
            ex(r#"get_url_path("sftp://h//a%20b")"#, r#""//a%20b""#),
        ],
        eval: |a| {
            let full = a.len() < 2 || a.truth(1)?;
            part(a, |url| Some(if full { url.path } else { url.path.rsplit('/').next().unwrap_or_default() }))
        },
    },
    Function {
        names: &["get_url_query_str"],
        args: &[arg("url", Kind::String), arg("anchor", Kind::String)],
        returns: Kind::Object,
        nulls: Nulls::Pass,
        doc: "The query of a URL as a map. The anchor behind `#` is kept in the last value (`retain`), dropped (`remove`) or added as `_anchor_` (`append`). Of equal names the last counts.",
        examples: &[
            ex(r#"get_url_query_str("h://x/?a=1&b=2#z", "append")"#, r#"{"a":"1","b":"2","_anchor_":"z"}"#),
            ex(r#"get_url_query_str("h://x/?a=1&b=2#z", "retain")"#, r#"{"a":"1","b":"2#z"}"#),
            ex(r#"get_url_query_str("h://x/?a=1&b=2#z", "remove")"#, r#"{"a":"1","b":"2"}"#),
        ],
        eval: query,
    },
    Function {
        names: &["get_url_encoded"],
        args: &[arg("text", Kind::String)],
        returns: Kind::String,
        nulls: Nulls::Pass,
        doc: "A text with all but letters, digits, `-`, `_` and `.` percent-encoded.",
        examples: &[
            ex(r#"get_url_encoded("a b/c")"#, r#""a%20b%2Fc""#),
            ex(r#"get_url_encoded("é*~")"#, r#""%C3%A9%2A%7E""#),
        ],
        eval: |a| {
            let text = a.text(0)?;
            a.budget().touch(text.len() * 3)?;
            let encoded = utf8_percent_encode(&text, ENCODED).to_string();
            if encoded.len() > limits::TEXT_BYTES_MAX {
                return Err(Failure::ValueTooLarge { max: limits::TEXT_BYTES_MAX });
            }
            Ok(encoded.into())
        },
    },
    Function {
        names: &["get_url_decoded"],
        args: &[arg("text", Kind::String)],
        returns: Kind::String,
        nulls: Nulls::Pass,
        doc: "A percent-encoded text, decoded. A plus sign stays.",
        examples: &[
            ex(r#"get_url_decoded("x%3Dy")"#, r#""x=y""#),
            ex(r#"get_url_decoded("a+b%C3%A9")"#, r#""a+bé""#),
        ],
        eval: |a| {
            let text = a.text(0)?;
            if let Some(at) = broken_escape(&text) {
                return Err(a.bad(format!("{} has a % without two hexadecimal digits", excerpt(&text[at..]))));
            }
            Ok(percent_decode_str(&text).decode_utf8_lossy().into_owned().into())
        },
    },
];

const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// The usual ports of protocols.
const PORTS: &[(&str, u16)] = &[
    ("http", 80),
    ("https", 443),
    ("ftp", 21),
    ("sftp", 22),
    ("ssh", 22),
    ("ws", 80),
    ("wss", 443),
    ("ldap", 389),
    ("ldaps", 636),
    ("smtp", 25),
    ("imap", 143),
];

fn usual_port(scheme: &str) -> Option<u16> {
    PORTS.iter().find(|(name, _)| name.eq_ignore_ascii_case(scheme)).map(|(_, port)| *port)
}

/// The parts of a URL as RFC 3986 separates them.
struct Url<'t> {
    scheme: &'t str,
    host: Option<&'t str>,
    port: Option<u16>,
    path: &'t str,
    query: Option<&'t str>,
    fragment: Option<&'t str>,
}

impl<'t> Url<'t> {
    /// None for a text that is no URL: without a protocol, with a blank, or with a port that is no number.
    fn parse(text: &'t str) -> Option<Self> {
        if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return None;
        }
        let (scheme, rest) = text.split_once(':')?;
        let letters = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
        if !scheme.starts_with(|c: char| c.is_ascii_alphabetic()) || !scheme.chars().all(letters) {
            return None;
        }
        let (rest, fragment) = halves(rest, '#');
        let (rest, query) = halves(rest, '?');
        let Some(rest) = rest.strip_prefix("//") else {
            return Some(Self { scheme, host: None, port: None, path: rest, query, fragment });
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
        let (host, port) = match place.strip_prefix('[').and_then(|inside| inside.find(']')) {
            Some(end) => place.split_at(end + 2),
            None => place.split_at(place.find(':').unwrap_or(place.len())),
        };
        let port = match port.strip_prefix(':') {
            None if port.is_empty() => None,
            None => return None,
            Some("") => None,
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => Some(digits.parse().ok()?),
            Some(_) => return None,
        };
        Some(Self { scheme, host: Some(host), port, path, query, fragment })
    }
}

/// A text up to a separator, and what follows it.
fn halves(text: &str, separator: char) -> (&str, Option<&str>) {
    text.split_once(separator).map_or((text, None), |(before, after)| (before, Some(after)))
}

/// One part of the URL that the first argument is.
fn part<'e>(a: &mut Args<'_, 'e>, part: impl for<'t> Fn(&Url<'t>) -> Option<&'t str>) -> Outcome<'e> {
    let text = a.text(0)?;
    let found = Url::parse(&text).and_then(|url| part(&url).map(str::to_owned));
    Ok(found.map_or(Value::Null, Value::from))
}

fn query<'e>(a: &mut Args<'_, 'e>) -> Outcome<'e> {
    let (text, anchor) = (a.text(0)?, a.text(1)?);
    if !matches!(anchor.as_ref(), "retain" | "remove" | "append") {
        return Err(a.bad(format!("the anchor is one of retain, remove, append, not {}", excerpt(&anchor))));
    }
    let Some(url) = Url::parse(&text) else {
        return Ok(Value::Null);
    };
    let query = match (anchor.as_ref(), url.query, url.fragment) {
        ("retain", Some(query), Some(fragment)) => Cow::Owned(format!("{query}#{fragment}")),
        (_, query, _) => Cow::Borrowed(query.unwrap_or_default()),
    };
    let mut pairs: Members<'e> = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        pairs.push((Cow::Owned(name.to_owned()), value.to_owned().into()));
    }
    if let ("append", Some(fragment)) = (anchor.as_ref(), url.fragment) {
        pairs.push((Cow::Borrowed("_anchor_"), fragment.to_owned().into()));
    }
    a.budget().work(pairs.len())?;
    Ok(Value::object(pairs))
}

/// Where a percent sign stands without two hexadecimal digits behind it.
fn broken_escape(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let whole =
        |at: usize| bytes.get(at + 1..at + 3).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit));
    text.match_indices('%').map(|(at, _)| at).find(|at| !whole(*at))
}
