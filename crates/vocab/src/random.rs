//! Randomness. The one place that asks the operating system for it.

use std::sync::Mutex;

use crate::Millis;

/// Fills an array with random bytes.
///
/// # Panics
/// When the operating system has no random source: nothing sound can be done without one.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut out = [0; N];
    getrandom::fill(&mut out).expect("the operating system's random source");
    out
}

/// `n` random bytes as `2 n` lower-case hex digits; `n` is at most 32.
pub fn hex(n: usize) -> String {
    to_hex(&bytes::<32>()[..n])
}

/// Bytes as lower-case hex digits.
pub fn to_hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    bytes.iter().for_each(|byte| push_hex(&mut text, *byte));
    text
}

fn push_hex(text: &mut String, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    text.push(char::from(DIGITS[usize::from(byte >> 4)]));
    text.push(char::from(DIGITS[usize::from(byte & 15)]));
}

/// A version 4 UUID in its hyphenated lower-case form.
pub fn uuid() -> String {
    uuid_text(bytes(), 4)
}

/// Bytes as a UUID of the given version (RFC 9562): version and variant bits are set, the rest is kept.
pub fn uuid_text(mut bytes: [u8; 16], version: u8) -> String {
    bytes[6] = (bytes[6] & 0x0f) | (version << 4);
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let mut text = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        push_hex(&mut text, *byte);
    }
    text
}

/// A UUID that is unlike any other and no secret: without a call of the operating system. For names of requests.
pub fn name() -> String {
    uuid_text(fastrand::u128(..).to_be_bytes(), 4)
}

/// A ULID (26 Crockford base-32 digits) for the given time. Those made in one process grow strictly.
pub fn ulid(now: Millis) -> String {
    static LAST: Mutex<u128> = Mutex::new(0);
    let tail = u128::from_be_bytes(bytes()) & ((1 << 80) - 1);
    let fresh = (u128::from(now.0.unsigned_abs()) << 80) | tail;
    let mut last = LAST.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    *last = fresh.max(*last + 1);
    crockford(*last)
}

fn crockford(value: u128) -> String {
    const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    (0..26).rev().map(|place| char::from(DIGITS[(value >> (place * 5)) as usize & 31])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ulids_have_26_digits_and_grow() {
        let first = ulid(Millis(1_700_000_000_000));
        let second = ulid(Millis(1_700_000_000_000));
        assert_eq!(first.len(), 26);
        assert!(first < second);
    }

    #[test]
    fn uuids_carry_version_and_variant() {
        let id = uuid_text([0xff; 16], 8);
        assert_eq!(id, "ffffffff-ffff-8fff-bfff-ffffffffffff");
    }
}
