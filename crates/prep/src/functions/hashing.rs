//! The group Hashing. Results are lower-case hexadecimal; the charset is UTF-8 unless another is named.

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use vocab::random::to_hex;

use super::{Function, Kind, Nulls, ex};
use crate::arity::{Parameter, arg, optional};
use crate::eval::{Args, Outcome};
use crate::failure::{Failure, excerpt};
use crate::value::Value;

static TEXT_AND_CHARSET: &[Parameter] = &[arg("text", Kind::String), optional("charset", Kind::String)];

pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        names: &["sha1"],
        args: TEXT_AND_CHARSET,
        returns: Kind::String,
        nulls: Nulls::Pass,
        doc: "The SHA-1 digest of a text. The charset is UTF-8 (the default), UTF-16, ISO-8859-1 or US-ASCII.",
        examples: &[ex(r#"sha1("abc")"#, r#""a9993e364706816aba3e25717850c26c9cd0d89d""#)],
        eval: |a| Ok(to_hex(&Sha1::digest(bytes(a, 0)?)).into()),
    },
    Function {
        names: &["sha256"],
        args: TEXT_AND_CHARSET,
        returns: Kind::String,
        nulls: Nulls::Pass,
        doc: "The SHA-256 digest of a text. The charset is UTF-8 (the default), UTF-16, ISO-8859-1 or US-ASCII.",
        examples: &[
            ex(r#"sha256("abc")"#, r#""ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad""#),
            ex(r#"sha256("abc", "US-ASCII") == sha256("abc")"#, "true"),
        ],
        eval: |a| Ok(to_hex(&Sha256::digest(bytes(a, 0)?)).into()),
    },
    Function {
        names: &["sha512"],
        args: TEXT_AND_CHARSET,
        returns: Kind::String,
        nulls: Nulls::Pass,
        doc: "The SHA-512 digest of a text. The charset is UTF-8 (the default), UTF-16, ISO-8859-1 or US-ASCII.",
        examples: &[ex(r#"left(sha512("abc"), 16)"#, r#""ddaf35a193617aba""#)],
        eval: |a| Ok(to_hex(&Sha512::digest(bytes(a, 0)?)).into()),
    },
    Function {
        names: &["md5"],
        args: TEXT_AND_CHARSET,
        returns: Kind::String,
        nulls: Nulls::Pass,
        doc: "The MD5 digest of a text. The charset is UTF-8 (the default), UTF-16, ISO-8859-1 or US-ASCII.",
        examples: &[
            ex(r#"md5("abc")"#, r#""900150983cd24fb0d6963f7d28e17f72""#),
            ex(r#"md5("é", "ISO-8859-1")"#, r#""3406877694691ddd1dfb0aca54681407""#),
        ],
        eval: |a| Ok(to_hex(&Md5::digest(bytes(a, 0)?)).into()),
    },
    Function {
        names: &["crc32"],
        args: TEXT_AND_CHARSET,
        returns: Kind::String,
        nulls: Nulls::Pass,
        doc: "The CRC-32 checksum of a text as eight digits, the lowest byte first. The charset is UTF-8 (the default), UTF-16, ISO-8859-1 or US-ASCII.",
        examples: &[ex(r#"crc32("abc")"#, r#""c2412435""#)],
        eval: |a| Ok(crc32(&bytes(a, 0)?).into()),
    },
    Function {
        names: &["hash"],
        args: &[arg("algorithm", Kind::String), arg("text", Kind::String), optional("charset", Kind::String)],
        returns: Kind::String,
        nulls: Nulls::Pass,
        doc: "The digest of a text by an algorithm that is named: crc32, md5, sha1, sha256 or sha512.",
        examples: &[
            ex(r#"hash("crc32", "abc")"#, r#""c2412435""#),
            ex(r#"hash("sha1", "abc") == sha1("abc")"#, "true"),
        ],
        eval: hash,
    },
];

fn hash<'e>(a: &mut Args<'_, 'e>) -> Outcome<'e> {
    let algorithm = a.text(0)?;
    let Some(text) = a.text_or_null(1)? else {
        return Ok(Value::Null);
    };
    let bytes = encoded(a, &text, 2)?;
    Ok(match algorithm.as_ref() {
        "crc32" => crc32(&bytes),
        "md5" => to_hex(&Md5::digest(bytes)),
        "sha1" => to_hex(&Sha1::digest(bytes)),
        "sha256" => to_hex(&Sha256::digest(bytes)),
        "sha512" => to_hex(&Sha512::digest(bytes)),
        other => {
            let reason = format!("{} is none of crc32, md5, sha1, sha256, sha512", excerpt(other));
            return Err(a.bad(reason));
        }
    }
    .into())
}

/// The vendor's library prints the checksum with its lowest byte first.
fn crc32(bytes: &[u8]) -> String {
    to_hex(&crc32fast::hash(bytes).to_le_bytes())
}

/// The text at a position as the bytes of the charset behind it.
fn bytes(a: &mut Args<'_, '_>, position: usize) -> Result<Vec<u8>, Failure> {
    let text = a.text(position)?;
    encoded(a, &text, position + 1)
}

/// A text in the charset that an argument names. As in Java, `UTF-16` is big-endian with a byte order mark, and a
/// character that the charset lacks becomes a question mark.
fn encoded(a: &mut Args<'_, '_>, text: &str, charset: usize) -> Result<Vec<u8>, Failure> {
    let charset = a.text(charset)?;
    let narrow = |limit: u32| {
        text.chars()
            .map(|c| u8::try_from(u32::from(c)).ok().filter(|b| u32::from(*b) < limit).unwrap_or(b'?'))
            .collect()
    };
    Ok(match charset.to_ascii_uppercase().as_str() {
        "" | "UTF-8" | "UTF8" => text.as_bytes().to_vec(),
        "UTF-16" | "UTF16" => {
            [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_be_bytes).collect()
        }
        "ISO-8859-1" => narrow(256),
        "US-ASCII" | "ASCII" => narrow(128),
        _ => {
            let charset = excerpt(&charset);
            return Err(
                a.bad(format!("the charset {charset} is none of UTF-8, UTF-16, ISO-8859-1, US-ASCII"))
            );
        }
    })
}
