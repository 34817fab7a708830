//! A trace that is looked at without reading its events.

use std::io;

use proptest::prelude::*;

use crate::block::{BLOCK_HEADER_LEN, encode_stored_block};
use crate::index::read_index;
use crate::testing::{TraceBuilder, int_token, str_token};
use crate::{
    BlockKind, ClockPair, EventsEntry, FILE_HEADER_LEN, FileHeader, IndexEntry, IndexWriter,
    Source, TraceReader,
};

/// A trace of a few calls, and where its blocks lie.
fn trace() -> (Vec<u8>, Vec<IndexEntry>) {
    let mut builder = TraceBuilder::default();
    for log in 0..3 {
        for tick in 0..50 {
            builder
                .start(log, 2 * tick, 0, None, &[str_token("a value")])
                .ret(log, 2 * tick + 1, &int_token(7));
        }
    }
    let bytes = builder.build(1000);
    let entries = entries_of(&bytes);
    (bytes, entries)
}

/// What an index says of blocks, found by going through them.
fn entries_of(bytes: &[u8]) -> Vec<IndexEntry> {
    let mut entries = Vec::new();
    let mut at = FILE_HEADER_LEN;
    while let Some(block) = crate::Block::decode_head(&bytes[at..]) {
        let end = at + block.len() as usize;
        let payload = block.payload(&bytes[at..], &bytes[at + BLOCK_HEADER_LEN..end]);
        let head = payload
            .filter(|_| block.kind == BlockKind::Events)
            .and_then(|payload| crate::columns::take_head(&mut &payload[..]));
        entries.push(IndexEntry {
            offset: at as u64,
            len: block.len(),
            raw_len: block.raw_len,
            kind: block.kind,
            events: head.map(|head| EventsEntry {
                log: head.log,
                sequence: head.sequence,
                clock: head.clock,
                ticks: 99,
                next_call: head.next_call,
                records: head.records,
                starts: head.starts,
                ended: head.starts,
                raised: 1,
            }),
        });
        at = end;
    }
    entries
}

fn with_index(mut bytes: Vec<u8>, entries: &[IndexEntry]) -> Vec<u8> {
    let mut index = IndexWriter::default();
    for entry in entries {
        index.push(*entry);
    }
    index.finish(bytes.len() as u64, &mut bytes);
    bytes
}

/// Calls and records, of a trace that was opened whole and of one that was looked at.
fn counts(bytes: &[u8]) -> [(u64, u64, bool); 2] {
    let whole = TraceReader::open(bytes, None).expect("it is a trace");
    let glance = TraceReader::glance_unchecked(bytes, None).expect("it is a trace");
    [whole.summary(), glance.summary()].map(|seen| (seen.calls, seen.events, seen.complete))
}

#[test]
fn an_index_lists_what_is_there() {
    let (bytes, entries) = trace();
    let bytes = with_index(bytes, &entries);
    let read = read_index(&&bytes[..], bytes.len() as u64).expect("slices can be read");
    assert_eq!(read.as_deref(), Some(&entries[..]));
    assert_eq!(counts(&bytes), [(150, 300, true); 2]);
    let glance = TraceReader::glance_unchecked(&bytes[..], None).expect("it is a trace");
    assert_eq!(glance.summary().ends, Some((150, 3)));
}

#[test]
fn a_trace_without_an_index_is_looked_at_by_the_heads_of_its_blocks() {
    let (bytes, entries) = trace();
    assert_eq!(counts(&bytes), [(150, 300, true); 2]);
    let cut = entries.last().expect("there are blocks").offset as usize;
    assert_eq!(counts(&bytes[..cut]), [(150, 300, false); 2]);
}

#[test]
fn indices_are_a_chain() {
    let (bytes, entries) = trace();
    let mut index = IndexWriter::default();
    let mut out = bytes[..FILE_HEADER_LEN].to_vec();
    let mut moved = Vec::new();
    for entry in &entries {
        let at = out.len() as u64;
        out.extend_from_slice(&bytes[entry.offset as usize..(entry.offset + entry.len) as usize]);
        moved.push(IndexEntry {
            offset: at,
            ..*entry
        });
        index.push(IndexEntry {
            offset: at,
            ..*entry
        });
        let offset = out.len() as u64;
        index.finish(offset, &mut out);
    }
    let read = read_index(&&out[..], out.len() as u64).expect("slices can be read");
    assert_eq!(read.as_deref(), Some(&moved[..]));
    assert_eq!(counts(&out), [(150, 300, true); 2]);
}

#[test]
fn an_index_that_is_not_of_this_file_is_not_believed() {
    let (bytes, entries) = trace();
    let sound = with_index(bytes.clone(), &entries);
    let refused = |bytes: &[u8]| {
        let read = read_index(&bytes, bytes.len() as u64).expect("slices can be read");
        assert_eq!(read, None);
        assert_eq!(counts(bytes), [(150, 300, true); 2]);
    };
    // A block too few, or a block of another length.
    refused(&with_index(bytes.clone(), &entries[..entries.len() - 1]));
    refused(&with_index(bytes.clone(), &entries[1..]));
    let mut longer = entries.clone();
    longer[1].len += 1;
    refused(&with_index(bytes, &longer));
    // Something stands behind it.
    let mut more = sound;
    encode_stored_block(&mut more, BlockKind::Unknown(77), b"later");
    refused(&more);
}

#[test]
fn a_block_with_more_records_than_bytes_is_damaged() {
    let (bytes, mut entries) = trace();
    let whole = entries.iter_mut().find_map(|entry| entry.events.as_mut());
    let events = whole.expect("there are events");
    (events.records, events.starts) = (1 << 40, 1 << 40);
    let seen = TraceReader::glance_unchecked(with_index(bytes, &entries), None);
    let seen = seen.expect("it is a trace");
    assert_eq!(
        (seen.summary().calls, seen.summary().damaged_blocks),
        (100, 1)
    );
}

proptest! {
    #[test]
    fn an_index_of_any_bytes_does_no_harm(at in any::<prop::sample::Index>(), flip in 1u8.., cut in any::<prop::sample::Index>()) {
        let (bytes, entries) = trace();
        let from = bytes.len();
        let mut bytes = with_index(bytes, &entries);
        let place = from + at.index(bytes.len() - from);
        bytes[place] ^= flip;
        let seen = TraceReader::glance_unchecked(&bytes[..], None).expect("it is a trace");
        prop_assert_eq!(seen.summary().calls, 150);
        let cut = FILE_HEADER_LEN + cut.index(bytes.len() - FILE_HEADER_LEN);
        prop_assert!(TraceReader::glance_unchecked(&bytes[..cut], None).is_ok());
    }

    #[test]
    fn any_payload_of_an_index_is_read_or_refused(payload in prop::collection::vec(any::<u8>(), 0..200)) {
        let (mut bytes, _) = trace();
        let offset = bytes.len() as u64;
        let payload = [&payload[..], &offset.to_le_bytes(), b"XIdx"].concat();
        encode_stored_block(&mut bytes, BlockKind::Index, &payload);
        let seen = TraceReader::glance_unchecked(&bytes[..], None).expect("it is a trace");
        prop_assert_eq!(seen.summary().calls, 150);
    }
}

/// A trace of five gigabytes: blocks of events as long as they may be, whose bytes are not there.
struct Long {
    header: Vec<u8>,
    block: Vec<u8>,
    len: u64,
    blocks: u64,
}

impl Source for Long {
    fn len(&self) -> io::Result<u64> {
        Ok(FILE_HEADER_LEN as u64 + self.len * self.blocks)
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let first = FILE_HEADER_LEN as u64;
        let (from, at) = match offset.checked_sub(first) {
            Some(offset) => (&self.block, (offset % self.len) as usize),
            None => (&self.header, offset as usize),
        };
        let bytes = from.get(at..).unwrap_or_default();
        let count = bytes.len().min(into.len());
        if count == 0 {
            into.fill(0);
            return Ok(into.len());
        }
        into[..count].copy_from_slice(&bytes[..count]);
        Ok(count)
    }
}

#[test]
fn blocks_beyond_four_gigabytes_are_found() {
    let mut payload = Vec::new();
    // Log, sequence, tick, nanoseconds, next call, records, calls, task.
    for number in [0, 0, 5, 5, 0, 40_000, 20_000, 0] {
        crate::varint::put(&mut payload, number);
    }
    let plain = payload.len() as u16;
    let stored = 60u32 << 20;
    let mut block = Vec::new();
    encode_stored_block(&mut block, BlockKind::Events, &payload);
    block[6..8].copy_from_slice(&plain.to_le_bytes());
    block[8..12].copy_from_slice(&stored.to_le_bytes());
    block[12..16].copy_from_slice(&stored.to_le_bytes());
    let header = FileHeader {
        version: 1,
        run_id: [1; 16],
    };
    let long = Long {
        header: header.encode().to_vec(),
        block,
        len: u64::from(stored) + BLOCK_HEADER_LEN as u64,
        blocks: 85,
    };
    assert!(long.len().expect("it is known") > 5_000_000_000);
    let seen = TraceReader::glance_unchecked(long, None).expect("it is a trace");
    assert_eq!(seen.summary().calls, 85 * 20_000);
    assert_eq!(
        seen.definitions().clock[0],
        ClockPair {
            tick: 5,
            monotonic_ns: 5
        }
    );
}
