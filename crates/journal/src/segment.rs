//! A segment file: a header, then groups. Its name is the offset of its first record, 20 digits and `.log`. Numbers are
//! little-endian.
//!
//! | at | bytes | what |
//! | --- | --- | --- |
//! | 0 | 8 | magic FF `TRBLOG` FE |
//! | 8 | 4 | version of the format: 1 |
//! | 12 | 4 | CRC-32C of all that follows in the header |
//! | 16 | 4 | length of the whole header |
//! | 20 | 8 | epoch of the log |
//! | 28 | 8 | offset of the first record: the segment before ends here, whatever else its file holds |
//! | 36 | 8 | time of the last receipt before this segment |
//! | 44 | 4 | number of counts |
//! | 48 | 12 × n | counts: flow (4), records received since the log began (8) |

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use vocab::{FlowNo, Millis};

use crate::disk::DiskFile;
use crate::frame::Frame;
use crate::group::{self, NotAGroup};
use crate::limits::{GROUP_BYTES_MAX, INDEX_BYTES};

const MAGIC: [u8; 8] = [0xff, b'T', b'R', b'B', b'L', b'O', b'G', 0xfe];
const VERSION: u32 = 1;
const FIXED_BYTES: usize = 48;

/// Longest group that recovery believes in: one record may exceed the usual bound of a group.
pub(crate) const GROUP_BYTES_READ_MAX: usize = 2 * GROUP_BYTES_MAX;

/// What the header of a segment says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) epoch: u64,
    pub(crate) first_offset: u64,
    pub(crate) last_received: Millis,
    pub(crate) received: BTreeMap<FlowNo, u64>,
}

/// An error of a segment.
#[derive(Debug)]
pub(crate) enum Fault {
    Io(io::Error),
    /// Damage at this byte of the file.
    Damaged(u64),
    Version(u32),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Fault::Io(error)
    }
}

/// Extension of a segment that is being made.
pub(crate) const UNFINISHED: &str = "new";

pub(crate) fn file_name(first_offset: u64) -> String {
    format!("{first_offset:020}.log")
}

/// The first offset that a file name states; `None` for files that are not segments.
pub(crate) fn parse_name(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".log")?;
    if digits.len() == 20 { digits.parse().ok() } else { None }
}

impl Header {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let length = FIXED_BYTES + 12 * self.received.len();
        let mut out = vec![0; FIXED_BYTES];
        out[..8].copy_from_slice(&MAGIC);
        out[8..12].copy_from_slice(&VERSION.to_le_bytes());
        out[16..20].copy_from_slice(&(length as u32).to_le_bytes());
        out[20..28].copy_from_slice(&self.epoch.to_le_bytes());
        out[28..36].copy_from_slice(&self.first_offset.to_le_bytes());
        out[36..44].copy_from_slice(&self.last_received.0.to_le_bytes());
        out[44..48].copy_from_slice(&(self.received.len() as u32).to_le_bytes());
        for (flow, records) in &self.received {
            out.extend_from_slice(&flow.0.to_le_bytes());
            out.extend_from_slice(&records.to_le_bytes());
        }
        let crc = crc32c::crc32c(&out[16..]);
        out[12..16].copy_from_slice(&crc.to_le_bytes());
        out
    }

    /// Reads the header of a file; also where the first group begins.
    pub(crate) fn read(file: &dyn DiskFile) -> Result<(Self, u64), Fault> {
        let mut fixed = [0; FIXED_BYTES];
        if file.read_at(0, &mut fixed)? < FIXED_BYTES || fixed[..8] != MAGIC {
            return Err(Fault::Damaged(0));
        }
        let number = |at: usize| u32::from_le_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]]);
        let version = number(8);
        if version != VERSION {
            return Err(Fault::Version(version));
        }
        let counts = number(44) as usize;
        let length = number(16) as usize;
        if counts > (1 << 24) || length != FIXED_BYTES + 12 * counts {
            return Err(Fault::Damaged(0));
        }
        let mut whole = vec![0; length];
        if file.read_at(0, &mut whole)? < length || crc32c::crc32c(&whole[16..]) != number(12) {
            return Err(Fault::Damaged(0));
        }
        let long = |at: usize| u64::from_le_bytes(std::array::from_fn(|byte| whole[at + byte]));
        let count = |at: usize| {
            let flow = u32::from_le_bytes(std::array::from_fn(|byte| whole[at + byte]));
            (FlowNo(flow), long(at + 4))
        };
        let header = Self {
            epoch: long(20),
            first_offset: long(28),
            last_received: Millis(long(36) as i64),
            received: (0..counts).map(|at| count(FIXED_BYTES + 12 * at)).collect(),
        };
        Ok((header, length as u64))
    }
}

/// An open segment and where its groups are.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) file: Arc<dyn DiskFile>,
    pub(crate) first_offset: u64,
    /// Bytes that the file takes on disk.
    pub(crate) allocated: u64,
    /// Where the first group begins.
    groups_at: u64,
    /// (offset of a group's first record, its position), at least [`INDEX_BYTES`] apart.
    index: Vec<(u64, u64)>,
}

/// What a scan of a segment found.
pub(crate) struct Scan {
    pub(crate) segment: Segment,
    pub(crate) next_offset: u64,
    /// Where the next group goes.
    pub(crate) end: u64,
    pub(crate) last_received: Millis,
    pub(crate) received: BTreeMap<FlowNo, u64>,
    /// Whether bytes that are not zero lie beyond the end.
    pub(crate) torn: bool,
}

impl Segment {
    pub(crate) fn new(file: Arc<dyn DiskFile>, first_offset: u64, groups_at: u64, allocated: u64) -> Self {
        Self { file, first_offset, allocated, groups_at, index: Vec::new() }
    }

    /// Notes where a group was written.
    pub(crate) fn note(&mut self, first_offset: u64, position: u64) {
        let last = self.index.last().map_or(self.groups_at, |(_, position)| *position);
        if position >= last + INDEX_BYTES {
            self.index.push((first_offset, position));
        }
    }

    /// Reads and checks every group. `sealed_at` is the offset at which the next segment begins; `None` for the last one,
    /// whose tail may be torn.
    pub(crate) fn scan(
        file: Arc<dyn DiskFile>,
        header: &Header,
        groups_at: u64,
        sealed_at: Option<u64>,
    ) -> Result<Scan, Fault> {
        let allocated = file.len()?;
        let mut segment = Self::new(file, header.first_offset, groups_at, allocated);
        let (mut position, mut next) = (groups_at, header.first_offset);
        let mut last_received = header.last_received;
        let mut received = header.received.clone();
        while sealed_at.is_none_or(|end| next < end) {
            let Some((found, bytes)) = segment.read_group(position, header.epoch, next)? else {
                break;
            };
            let frames = group::frames(bytes, &found).ok_or(Fault::Damaged(position))?;
            for frame in &frames {
                last_received = last_received.max(frame.header.received);
                *received.entry(frame.header.flow).or_default() += 1;
            }
            segment.note(next, position);
            position += found.len() as u64;
            next = found.next_offset();
        }
        if sealed_at.is_some_and(|end| next != end) {
            return Err(Fault::Damaged(position));
        }
        let torn = sealed_at.is_none() && segment.tail_holds_bytes(position, header.epoch, next)?;
        Ok(Scan { segment, next_offset: next, end: position, last_received, received, torn })
    }

    /// The group at a position when it is whole, sound, and the expected one.
    fn read_group(
        &self,
        position: u64,
        epoch: u64,
        offset: u64,
    ) -> Result<Option<(group::Header, Bytes)>, Fault> {
        let mut head = [0; group::HEADER_BYTES];
        let read = self.file.read_at(position, &mut head)?;
        let header = match group::Header::read(&head[..read]) {
            Ok(header) => header,
            Err(NotAGroup::Damaged) => return Ok(None),
            Err(NotAGroup::Version(version)) => return Err(Fault::Version(u32::from(version))),
        };
        if header.epoch != epoch || header.first_offset != offset || header.len() > GROUP_BYTES_READ_MAX {
            return Ok(None);
        }
        let mut bytes = vec![0; header.len()];
        if self.file.read_at(position, &mut bytes)? < bytes.len() || !group::is_sound(&bytes, &header) {
            return Ok(None);
        }
        Ok(Some((header, Bytes::from(bytes))))
    }

    /// Looks at what lies beyond the last sound group: nothing but zeros is a clean end, bytes without a later sound group
    /// a torn tail, and a later sound group damage, since groups are written one after the other.
    fn tail_holds_bytes(&self, end: u64, epoch: u64, next_offset: u64) -> Result<bool, Fault> {
        const CHUNK: usize = 1 << 20;
        let mut torn = false;
        let mut position = end;
        let mut buffer = vec![0; CHUNK + group::HEADER_BYTES];
        loop {
            let read = self.file.read_at(position, &mut buffer)?;
            if read == 0 {
                return Ok(torn);
            }
            let chunk = &buffer[..read];
            if chunk.iter().any(|byte| *byte != 0) {
                torn = true;
                for at in (0..read.min(CHUNK)).filter(|at| chunk[*at..].starts_with(&group::MAGIC)) {
                    let found = group::Header::read(&chunk[at..])
                        .ok()
                        .filter(|header| header.first_offset > next_offset);
                    if let Some(header) = found
                        && self.read_group(position + at as u64, epoch, header.first_offset)?.is_some()
                    {
                        return Err(Fault::Damaged(end));
                    }
                }
            }
            position += read.min(CHUNK) as u64;
        }
    }

    /// Reads frames from `from` on, up to `end` (exclusive) and about `bytes_max` bytes; at least one when there is one.
    pub(crate) fn read(
        &self,
        epoch: u64,
        from: u64,
        end: u64,
        bytes_max: usize,
    ) -> Result<Vec<Frame>, Fault> {
        let at = self.index.partition_point(|(offset, _)| *offset <= from);
        let (mut next, mut position) =
            if at == 0 { (self.first_offset, self.groups_at) } else { self.index[at - 1] };
        let (mut frames, mut bytes) = (Vec::new(), 0);
        while next < end && bytes < bytes_max {
            let (header, group) = self.read_group(position, epoch, next)?.ok_or(Fault::Damaged(position))?;
            position += header.len() as u64;
            next = header.next_offset();
            if next <= from {
                continue;
            }
            bytes += header.len();
            let found = group::frames(group, &header).ok_or(Fault::Damaged(position))?;
            frames.extend(found.into_iter().filter(|frame| (from..end).contains(&frame.offset)));
        }
        Ok(frames)
    }
}
