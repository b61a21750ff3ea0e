//! The unit of writing and of recovery: the records of one write and one sync. Numbers are little-endian.
//!
//! | at | bytes | what |
//! | --- | --- | --- |
//! | 0 | 4 | magic FF 54 52 FE: not UTF-8, so no record can imitate it |
//! | 4 | 2 | version of the format: 1 |
//! | 6 | 2 | zero |
//! | 8 | 4 | CRC-32C of all that follows |
//! | 12 | 8 | epoch of the log |
//! | 20 | 8 | offset of the first record |
//! | 28 | 4 | number of records |
//! | 32 | 4 | bytes of the frames |
//! | 36 | … | the frames |

use bytes::Bytes;
use vocab::Millis;

use crate::frame::{Frame, NewFrame};

pub(crate) const MAGIC: [u8; 4] = [0xff, b'T', b'R', 0xfe];
pub(crate) const HEADER_BYTES: usize = 36;
const VERSION: u16 = 1;

/// What the header of a group says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) crc: u32,
    pub(crate) epoch: u64,
    pub(crate) first_offset: u64,
    pub(crate) count: u32,
    pub(crate) bytes: u32,
}

/// Why bytes are not a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotAGroup {
    /// No magic, or a checksum that does not fit: never written whole, or damaged since.
    Damaged,
    /// Written by a program that knows a later format.
    Version(u16),
}

impl Header {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, NotAGroup> {
        let number = |at: usize| bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes);
        let long = |at: usize| bytes.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes);
        if bytes.get(..4) != Some(&MAGIC[..]) {
            return Err(NotAGroup::Damaged);
        }
        let parse = || {
            Some(Self {
                crc: number(8)?,
                epoch: long(12)?,
                first_offset: long(20)?,
                count: number(28)?,
                bytes: number(32)?,
            })
        };
        let header = parse().ok_or(NotAGroup::Damaged)?;
        let version = u16::from_le_bytes([bytes[4], bytes[5]]);
        if version == VERSION { Ok(header) } else { Err(NotAGroup::Version(version)) }
    }

    /// Bytes of the whole group.
    pub(crate) fn len(&self) -> usize {
        HEADER_BYTES + self.bytes as usize
    }

    pub(crate) fn next_offset(&self) -> u64 {
        self.first_offset + u64::from(self.count)
    }
}

/// Writes a group into `out`, which is emptied first.
pub(crate) fn encode<'a>(
    epoch: u64,
    first_offset: u64,
    received: Millis,
    frames: impl Iterator<Item = &'a NewFrame>,
    out: &mut Vec<u8>,
) {
    out.clear();
    out.resize(HEADER_BYTES, 0);
    let mut count = 0u32;
    for frame in frames {
        frame.encode(received, out);
        count += 1;
    }
    let bytes = u32::try_from(out.len() - HEADER_BYTES).unwrap_or(u32::MAX);
    out[..4].copy_from_slice(&MAGIC);
    out[4..6].copy_from_slice(&VERSION.to_le_bytes());
    out[12..20].copy_from_slice(&epoch.to_le_bytes());
    out[20..28].copy_from_slice(&first_offset.to_le_bytes());
    out[28..32].copy_from_slice(&count.to_le_bytes());
    out[32..36].copy_from_slice(&bytes.to_le_bytes());
    let crc = crc32c::crc32c(&out[12..]);
    out[8..12].copy_from_slice(&crc.to_le_bytes());
}

/// Whether a whole group's checksum fits.
pub(crate) fn is_sound(group: &[u8], header: &Header) -> bool {
    group.len() == header.len() && crc32c::crc32c(&group[12..]) == header.crc
}

/// The records of a whole, sound group. `None` when they do not add up: a defect of the writer, since the checksum fits.
pub(crate) fn frames(group: Bytes, header: &Header) -> Option<Vec<Frame>> {
    let mut rest = group.slice(HEADER_BYTES..);
    let frames: Option<Vec<_>> =
        (0..u64::from(header.count)).map(|at| Frame::decode(&mut rest, header.first_offset + at)).collect();
    frames.filter(|_| rest.is_empty())
}
