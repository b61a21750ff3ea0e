//! The group Hashing. Results are lower-case hexadecimal.

use sha2::{Digest, Sha256, Sha512};

use super::{Function, Kind, Nulls, ex};
use crate::arity::{arg, optional};
use crate::eval::Args;
use crate::failure::Failure;
use crate::value::Value;

pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        names: &["sha256"],
        args: &[arg("text", Kind::String), optional("charset", Kind::String)],
        returns: Kind::String,
        nulls: Nulls::Pass,
        doc: "The SHA-256 digest of a text. The charset is UTF-8 (the default), UTF-16, ISO-8859-1 or US-ASCII.",
        examples: &[
            ex(r#"sha256("abc")"#, r#""ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad""#),
            ex(r#"sha256("abc", "US-ASCII") == sha256("abc")"#, "true"),
        ],
        eval: |a| Ok(hex(&Sha256::digest(bytes(a)?))),
    },
    Function {
        names: &["sha512"],
        args: &[arg("text", Kind::String), optional("charset", Kind::String)],
        returns: Kind::String,
        nulls: Nulls::Pass,
        doc: "The SHA-512 digest of a text. The charset is UTF-8 (the default), UTF-16, ISO-8859-1 or US-ASCII.",
        examples: &[ex(r#"left(sha512("abc"), 16)"#, r#""ddaf35a193617aba""#)],
        eval: |a| Ok(hex(&Sha512::digest(bytes(a)?))),
    },
];

fn hex<'e>(bytes: &[u8]) -> Value<'e> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from(DIGITS[usize::from(digit)]));
    digits.collect::<String>().into()
}

/// The first argument as the bytes of its charset. As in Java, `UTF-16` is big-endian with a byte order mark, and a
/// character that the charset lacks becomes a question mark.
fn bytes(a: &mut Args<'_, '_>) -> Result<Vec<u8>, Failure> {
    let (text, charset) = (a.text(0)?, a.text(1)?);
    let narrow = |limit: u32| {
        text.chars()
            .map(|c| u8::try_from(u32::from(c)).ok().filter(|b| u32::from(*b) < limit).unwrap_or(b'?'))
            .collect()
    };
    Ok(match charset.to_ascii_uppercase().as_str() {
        "" | "UTF-8" | "UTF8" => text.into_owned().into_bytes(),
        "UTF-16" | "UTF16" => {
            [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_be_bytes).collect()
        }
        "ISO-8859-1" => narrow(256),
        "US-ASCII" | "ASCII" => narrow(128),
        _ => {
            return Err(
                a.bad(format!("the charset {charset:?} is none of UTF-8, UTF-16, ISO-8859-1, US-ASCII"))
            );
        }
    })
}
