//! A trace and its side file as payloads.
//!
//! Frames are what a fuzzer changes: each is a byte of kind, one that says how much is readable without
//! unpacking, three bytes of length, and the bytes as a reader gets to see them behind checksum and
//! compression.

use std::cell::RefCell;

use execmap_format::{
    Block, BlockKind, ClockPair, FILE_HEADER_LEN, FileHeader, PART_HEADER_LEN, PartHeader,
    SEGMENT_HEADER_LEN, SegmentHeader, encode_block_with_head,
};
use zstd::bulk::Compressor;

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
    /// Bytes of a block's front that are not compressed.
    pub plain: u8,
    /// What a reader gets to see.
    pub bytes: Vec<u8>,
}

const SEGMENT: u8 = 0x80;
const BLOCK_HEAD: usize = 20;

/// What stands before the frames.
#[derive(Clone, Debug)]
pub struct Head {
    run_id: [u8; 16],
    part: Vec<u8>,
}

impl Default for Head {
    fn default() -> Self {
        let run_id = [7; 16];
        let pair = |tick| ClockPair {
            tick,
            monotonic_ns: tick,
        };
        let part = PartHeader {
            run_id,
            pid: 4242,
            first: pair(1),
            latest: pair(1_000_000),
        };
        Head {
            run_id,
            part: part.encode().to_vec(),
        }
    }
}

impl Head {
    /// That of a trace and its side file.
    #[must_use]
    pub fn of(main: &[u8], part: Option<&[u8]>) -> Self {
        let default = Head::default();
        Head {
            run_id: FileHeader::decode(main).map_or(default.run_id, |header| header.run_id),
            part: part
                .and_then(|part| part.get(..PART_HEADER_LEN))
                .map_or(default.part, <[u8]>::to_vec),
        }
    }
}

/// Takes frames from their serial form. Whatever the bytes are, they are some frames.
#[must_use]
pub fn parse(mut bytes: &[u8]) -> Vec<Frame> {
    let mut frames = Vec::new();
    while let Some((head, rest)) = bytes.split_first_chunk::<5>() {
        let len = u32::from_le_bytes([head[2], head[3], head[4], 0]) as usize;
        let (body, after) = rest.split_at(len.min(rest.len()));
        let kind = if head[0] & SEGMENT == 0 {
            Kind::Block(head[0])
        } else {
            Kind::Segment
        };
        frames.push(Frame {
            kind,
            plain: head[1],
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
        out.extend_from_slice(&[kind, frame.plain]);
        out.extend_from_slice(&(frame.bytes.len() as u32).to_le_bytes()[..3]);
        out.extend_from_slice(&frame.bytes);
    }
    out
}

/// A trace and its side file, if frames belong in one, with right checksums.
#[must_use]
pub fn build(frames: &[Frame]) -> (Vec<u8>, Option<Vec<u8>>) {
    build_under(&Head::default(), frames)
}

/// The same under the head of another.
#[must_use]
pub fn build_under(head: &Head, frames: &[Frame]) -> (Vec<u8>, Option<Vec<u8>>) {
    thread_local! {
        static PACKER: RefCell<Compressor<'static>> =
            RefCell::new(Compressor::new(1).expect("zstd has level 1"));
    }
    let mut scratch = Vec::new();
    let header = FileHeader {
        version: execmap_format::FORMAT_VERSION,
        run_id: head.run_id,
    };
    let mut main = header.encode().to_vec();
    let mut part: Option<Vec<u8>> = None;
    for frame in frames {
        match frame.kind {
            Kind::Block(kind) => PACKER.with_borrow_mut(|packer| {
                // Written as it stands: a known kind is one byte like any other.
                let kind = BlockKind::Unknown(kind);
                let plain = usize::from(frame.plain).min(frame.bytes.len());
                let payload = (&frame.bytes[..], plain);
                encode_block_with_head(&mut main, kind, payload, packer, &mut scratch);
            }),
            Kind::Segment => part
                .get_or_insert_with(|| {
                    let mut bytes = head.part.clone();
                    bytes.resize(PART_HEADER_LEN, 0);
                    bytes
                })
                .extend(segment(&frame.bytes)),
        }
    }
    (main, part)
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
                plain: head[6],
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
                plain: 0,
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
        for seed in crate::seeds::all() {
            for files in seed.processes {
                let frames = files.frames();
                let name = seed.name.clone() + &files.ending;
                assert!(!frames.is_empty(), "{name}");
                assert_eq!(parse(&serialise(&frames)), frames);
                let head = Head::of(&files.main, files.part.as_deref());
                let (main, part) = build_under(&head, &frames);
                assert_eq!(take_apart(&main, part.as_deref()), frames, "{name}");
                assert_eq!(main, files.main, "{name}");
                assert_eq!(part, files.part, "{name}");
                assert!(execmap_query::testing::open_bytes(main, part).is_ok());
            }
        }
    }
}
