//! The codec of one record, version 1. Numbers are little-endian.
//!
//! | at | bytes | what |
//! | --- | --- | --- |
//! | 0 | 4 | length of all that follows |
//! | 4 | 1 | version of the frame: 1 |
//! | 5 | 1 | form: 0 envelope, 1 raw |
//! | 6 | 1 | operation: 0 create, 1 merge, 2 delete |
//! | 7 | 1 | flags: bit 0 authenticated |
//! | 8 | 4 | sandbox |
//! | 12 | 4 | generation of the sandbox |
//! | 16 | 4 | inlet |
//! | 20 | 4 | flow; 0 for none |
//! | 24 | 4 | dataset |
//! | 28 | 4 | schema |
//! | 32 | 2 | major version of the schema |
//! | 34 | 2 | zero |
//! | 36 | 4 | index of the record in its request |
//! | 40 | 8 | time of receipt, milliseconds since 1970 |
//! | 48 | … | the record as it came |

use bytes::Bytes;
use vocab::{DatasetNo, FlowNo, InletNo, Millis, SandboxNo, SchemaNo};

const VERSION: u8 = 1;
const HEADER_BYTES: usize = 48;
const AUTHENTICATED: u8 = 1;

/// How the record's bytes are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// An XDM message: `{"header", "body"}`.
    Envelope,
    /// The record alone.
    Raw,
}

/// What is to be done with the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Create,
    Merge,
    Delete,
}

/// What is known of a record without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    pub sandbox: SandboxNo,
    /// Grows when the sandbox is reset; records of an older generation are discarded.
    pub generation: u32,
    pub inlet: InletNo,
    /// Zero for a record that came without a flow.
    pub flow: FlowNo,
    pub dataset: DatasetNo,
    pub schema: SchemaNo,
    pub schema_major: u16,
    /// Stamped by the writer; never decreases within a log.
    pub received: Millis,
    pub authenticated: bool,
    /// Position of the record in its request, from 0.
    pub index: u32,
    pub operation: Operation,
    pub form: Form,
}

/// A record to be logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFrame {
    pub header: FrameHeader,
    pub payload: Bytes,
}

/// A record of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub offset: u64,
    pub header: FrameHeader,
    pub payload: Bytes,
}

impl NewFrame {
    /// Bytes that this frame takes in a group.
    pub(crate) fn encoded_len(&self) -> usize {
        HEADER_BYTES + self.payload.len()
    }

    pub(crate) fn encode(&self, received: Millis, out: &mut Vec<u8>) {
        let header = &self.header;
        let length = u32::try_from(self.encoded_len() - 4).unwrap_or(u32::MAX);
        out.extend_from_slice(&length.to_le_bytes());
        let form = match header.form {
            Form::Envelope => 0,
            Form::Raw => 1,
        };
        let operation = match header.operation {
            Operation::Create => 0,
            Operation::Merge => 1,
            Operation::Delete => 2,
        };
        out.extend_from_slice(&[VERSION, form, operation, u8::from(header.authenticated) * AUTHENTICATED]);
        for number in [
            header.sandbox.0,
            header.generation,
            header.inlet.0,
            header.flow.0,
            header.dataset.0,
            header.schema.0,
            u32::from(header.schema_major),
            header.index,
        ] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&received.0.to_le_bytes());
        out.extend_from_slice(&self.payload);
    }
}

impl Frame {
    /// Takes one frame off the front of `bytes`; the payload shares their memory. `None` when they hold no frame.
    pub(crate) fn decode(bytes: &mut Bytes, offset: u64) -> Option<Self> {
        let length = usize::try_from(u32::from_le_bytes(bytes.get(..4)?.try_into().ok()?)).ok()? + 4;
        if length < HEADER_BYTES || length > bytes.len() {
            return None;
        }
        let frame = bytes.split_to(length);
        let number = |at: usize| frame.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes);
        let form = match frame[5] {
            0 => Form::Envelope,
            1 => Form::Raw,
            _ => return None,
        };
        let operation = match frame[6] {
            0 => Operation::Create,
            1 => Operation::Merge,
            2 => Operation::Delete,
            _ => return None,
        };
        if frame[4] != VERSION {
            return None;
        }
        let header = FrameHeader {
            sandbox: SandboxNo(number(8)?),
            generation: number(12)?,
            inlet: InletNo(number(16)?),
            flow: FlowNo(number(20)?),
            dataset: DatasetNo(number(24)?),
            schema: SchemaNo(number(28)?),
            schema_major: u16::try_from(number(32)?).ok()?,
            received: Millis(i64::from_le_bytes(frame.get(40..48)?.try_into().ok()?)),
            authenticated: frame[7] & AUTHENTICATED != 0,
            index: number(36)?,
            operation,
            form,
        };
        Some(Self { offset, header, payload: frame.slice(HEADER_BYTES..) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::sample;

    #[test]
    fn a_frame_comes_back_as_it_went_in() {
        let frame = sample(7, b"{\"a\":1}");
        let mut out = Vec::new();
        frame.encode(Millis(1234), &mut out);
        assert_eq!(out.len(), frame.encoded_len());
        let mut bytes = Bytes::from(out);
        let read = Frame::decode(&mut bytes, 42).unwrap();
        assert!(bytes.is_empty());
        assert_eq!((read.offset, &read.payload), (42, &frame.payload));
        assert_eq!(read.header, FrameHeader { received: Millis(1234), ..frame.header });
    }

    #[test]
    fn what_is_no_frame_is_none() {
        let mut out = Vec::new();
        sample(7, b"x").encode(Millis(0), &mut out);
        for cut in 0..out.len() {
            assert!(Frame::decode(&mut Bytes::copy_from_slice(&out[..cut]), 0).is_none(), "{cut}");
        }
        for (at, value) in [(4, 2), (5, 9), (6, 9), (0, 1)] {
            let mut bad = out.clone();
            bad[at] = value;
            assert!(Frame::decode(&mut Bytes::from(bad), 0).is_none(), "{at}");
        }
    }
}
