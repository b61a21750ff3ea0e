//! The group Special Operations.

use sha2::{Digest, Sha256};
use vocab::random::uuid_text;

use super::{Function, Kind, Nulls, ex};
use crate::arity::arg;
use crate::ecid;
use crate::failure::excerpt;
use crate::switches::FpidToEcid;
use crate::value::Value;

pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        names: &["uuid", "guid"],
        args: &[],
        returns: Kind::String,
        nulls: Nulls::Keep,
        doc: "A new UUID of version 4. A record that is mapped again gets the same ones.",
        examples: &[
            ex("size_of(uuid())", "36"),
            ex("uuid() == uuid()", "false"),
            ex(r#"matches_regex(guid(), "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")"#, "true"),
        ],
        eval: |a| {
            let mut hash = Sha256::new();
            hash.update(a.context().seed.to_be_bytes());
            hash.update(a.budget().draw().to_be_bytes());
            let mut bytes = [0; 16];
            bytes.copy_from_slice(&hash.finalize()[..16]);
            a.budget().work(4)?;
            Ok(uuid_text(bytes, 4).into())
        },
    },
    Function {
        names: &["fpid_to_ecid"],
        args: &[arg("fpid", Kind::String)],
        returns: Kind::String,
        nulls: Nulls::Pass,
        doc: "An ECID of 38 digits for a first-party device id, which is a UUID; always the same for the same one. It is not the ECID that Adobe makes of it: how that is done is not public.",
        examples: &[
            ex(
                r#"fpid_to_ecid("4ec2ad0c-9eb0-4f2e-8d13-0a1fd29a7f2b")"#,
                r#""19029074547666989050392586244225318686""#,
            ),
            ex(r#"size_of(fpid_to_ecid("4EC2AD0C-9EB0-4F2E-8D13-0A1FD29A7F2B"))"#, "38"),
        ],
        eval: |a| {
            let text = a.text(0)?;
            match ecid::fpid(&text) {
                Some(_) if a.switches().fpid_to_ecid == FpidToEcid::Null => Ok(Value::Null),
                Some(fpid) => Ok(ecid::of_fpid(fpid).into()),
                None => Err(a.bad(format!("{} is no UUID", excerpt(&text)))),
            }
        },
    },
];
