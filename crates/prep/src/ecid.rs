//! Experience Cloud ids of first-party device ids.
//!
//! Adobe's way from one to the other is not public. What stands here is deterministic and has the shape of an ECID, but is
//! another number: whoever knows the way replaces [`of_fpid`].

use sha2::{Digest, Sha256};

/// A first-party device id: a UUID in its hyphenated form.
pub(crate) fn fpid(text: &str) -> Option<u128> {
    const HYPHENS: [usize; 4] = [8, 13, 18, 23];
    let text = text.trim();
    if text.len() != 36 || !text.is_ascii() || HYPHENS.iter().any(|at| text.as_bytes()[*at] != b'-') {
        return None;
    }
    let digits = text.replace('-', "");
    // A sign would also be read.
    (digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit()))
        .then(|| u128::from_str_radix(&digits, 16).ok())?
}

/// The stand-in: two numbers of 63 bits out of a hash, 19 digits each, as an ECID is.
pub(crate) fn of_fpid(fpid: u128) -> String {
    let hash = Sha256::digest(fpid.to_be_bytes());
    let half = |from: usize| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&hash[from..from + 8]);
        u64::from_be_bytes(bytes) >> 1
    };
    format!("{:019}{:019}", half(0), half(8))
}
