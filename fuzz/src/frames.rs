//! A trace and its side file as payloads.
//!
//! Frames are what a fuzzer changes: each is a byte of kind, three bytes of length, and the bytes
//! as a reader gets to see them behind checksum and compression.

use execmap_format::{
    Block, BlockKind, ClockPair, FILE_HEADER_LEN, FileHeader, PART_HEADER_LEN, PartHeader,
    SEGMENT_HEADER_LEN, SegmentHeader, encode_block,
};

/// What a frame becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A block of the trace.
    Block(u8),
    /// A segment of the side file, head included.
    Segment,
}

/// A payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What it becomes.
    pub kind: Kind,
    /// What a reader gets to see.
    pub bytes: Vec<u8>,
}

const SEGMENT: u8 = 0x80;
const BLOCK_HEAD: usize = 20;
const RUN_ID: [u8; 16] = [7; 16];

/// Takes frames from their serial form. Whatever the bytes are, they are some frames.
#[must_use]
pub fn parse(mut bytes: &[u8]) -> Vec<Frame> {
    let mut frames = Vec::new();
    while let Some((head, rest)) = bytes.split_first_chunk::<4>() {
        let len = u32::from_le_bytes([head[1], head[2], head[3], 0]) as usize;
        let (body, after) = rest.split_at(len.min(rest.len()));
        let kind = if head[0] & SEGMENT == 0 {
            Kind::Block(head[0])
        } else {
            Kind::Segment
        };
        frames.push(Frame {
            kind,
            bytes: body.to_vec(),
        });
        bytes = after;
    }
    frames
}

/// The serial form of frames.
#[must_use]
pub fn serialise(frames: &[Frame]) -> Vec<u8> {
    let mut out = Vec::new();
    for frame in frames {
        let kind = match frame.kind {
            Kind::Block(kind) => kind & !SEGMENT,
            Kind::Segment => SEGMENT,
        };
        out.push(kind);
        out.extend_from_slice(&(frame.bytes.len() as u32).to_le_bytes()[..3]);
        out.extend_from_slice(&frame.bytes);
    }
    out
}

/// A trace and its side file, if frames belong in one, with right checksums.
#[must_use]
pub fn build(frames: &[Frame]) -> (Vec<u8>, Option<Vec<u8>>) {
    let mut packer = zstd::bulk::Compressor::new(1).expect("zstd has level 1");
    let mut scratch = Vec::new();
    let header = FileHeader {
        version: execmap_format::FORMAT_VERSION,
        run_id: RUN_ID,
    };
    let mut main = header.encode().to_vec();
    let mut part: Option<Vec<u8>> = None;
    for frame in frames {
        match frame.kind {
            Kind::Block(kind) => {
                // Written as it stands: a known kind is one byte like any other.
                let kind = BlockKind::Unknown(kind);
                encode_block(&mut main, kind, &frame.bytes, &mut packer, &mut scratch);
            }
            Kind::Segment => part
                .get_or_insert_with(part_header)
                .extend(segment(&frame.bytes)),
        }
    }
    (main, part)
}

fn part_header() -> Vec<u8> {
    let pair = |tick| ClockPair {
        tick,
        monotonic_ns: tick,
    };
    let header = PartHeader {
        run_id: RUN_ID,
        pid: 4242,
        first: pair(1),
        latest: pair(1_000_000),
    };
    let mut bytes = header.encode().to_vec();
    bytes.resize(PART_HEADER_LEN, 0);
    bytes
}

/// A segment whose head is one, and whose capacity is what it has.
fn segment(bytes: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    out.resize(out.len().max(SEGMENT_HEADER_LEN), 0);
    out[..4].copy_from_slice(b"XSeG");
    let len = (out.len() as u32).to_le_bytes();
    out[4..8].copy_from_slice(&len);
    out
}

/// Takes a sound trace apart.
#[must_use]
pub fn take_apart(main: &[u8], part: Option<&[u8]>) -> Vec<Frame> {
    let mut frames = Vec::new();
    let mut at = FILE_HEADER_LEN;
    while let Some(head) = main
        .get(at..)
        .and_then(|rest| rest.first_chunk::<BLOCK_HEAD>())
    {
        let Some(block) = Block::decode_head(head) else {
            break;
        };
        let end = at + block.len() as usize;
        let Some(stored) = main.get(at + BLOCK_HEAD..end) else {
            break;
        };
        if let Some(bytes) = block.payload(head, stored) {
            frames.push(Frame {
                kind: Kind::Block(head[4]),
                bytes,
            });
        }
        at = end;
    }
    frames.extend(part.into_iter().flat_map(segments));
    frames
}

fn segments(part: &[u8]) -> Vec<Frame> {
    let mut found = Vec::new();
    let mut at = PART_HEADER_LEN;
    while let Some(head) = part.get(at..).and_then(SegmentHeader::decode) {
        // What was not published is left out: it means nothing, and there are megabytes of it.
        let used = SEGMENT_HEADER_LEN + head.published as usize;
        if let Some(bytes) = part.get(at..at + used) {
            found.push(Frame {
                kind: Kind::Segment,
                bytes: bytes.to_vec(),
            });
        }
        at += (head.capacity as usize).max(SEGMENT_HEADER_LEN);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_back_from_their_serial_form_and_from_a_trace() {
        for (name, main, part) in crate::seeds::traces() {
            let frames = take_apart(&main, part.as_deref());
            assert!(!frames.is_empty(), "{name}");
            assert_eq!(parse(&serialise(&frames)), frames);
            let (again, side) = build(&frames);
            assert_eq!(take_apart(&again, side.as_deref()), frames, "{name}");
            assert!(execmap_query::testing::open_bytes(again, side).is_ok());
        }
    }
}
