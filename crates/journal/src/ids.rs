//! Ids that carry a record's position, so that tracing one is arithmetic.

use vocab::{Millis, random};

/// Bits of the epoch that an id carries.
pub(crate) const EPOCH_BITS: u32 = 48;

/// The id of a single record: `{receivedMs}:{partition}:{offset}`.
pub fn xaction_id(received: Millis, partition: u32, offset: u64) -> String {
    format!("{}:{partition}:{offset}", received.0)
}

/// The id of a request's records as a UUID of version 8: 48 bits of the epoch, 12 of the partition, 62 of the first offset.
pub fn batch_uuid(epoch: u64, partition: u32, first_offset: u64) -> String {
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&epoch.to_be_bytes()[2..]);
    bytes[6..8].copy_from_slice(&(partition as u16 & 0x0fff).to_be_bytes());
    bytes[8..].copy_from_slice(&(first_offset & ((1 << 62) - 1)).to_be_bytes());
    random::uuid_text(bytes, 8)
}

/// Reads a [`batch_uuid`]: (epoch, partition, first offset).
pub fn parse_batch_uuid(text: &str) -> Option<(u64, u32, u64)> {
    let hex: String = text.chars().filter(|character| *character != '-').collect();
    if hex.len() != 32 || text.len() != 36 {
        return None;
    }
    let bits = u128::from_str_radix(&hex, 16).ok()?;
    if (bits >> 76) & 0xf != 8 || (bits >> 62) & 3 != 2 {
        return None;
    }
    let epoch = u64::try_from(bits >> 80).ok()?;
    let partition = u32::try_from((bits >> 64) & 0x0fff).ok()?;
    Some((epoch, partition, u64::try_from(bits & ((1 << 62) - 1)).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_uuid_carries_its_position() {
        let text = batch_uuid(0x0123_4567_89ab, 5, 987_654_321);
        assert_eq!(parse_batch_uuid(&text), Some((0x0123_4567_89ab, 5, 987_654_321)));
        assert_eq!(parse_batch_uuid(&random::uuid()), None);
        assert_eq!(parse_batch_uuid("x"), None);
    }
}
