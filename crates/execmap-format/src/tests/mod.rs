//! What a recorder writes is what a reader sees, and damage is borne.

mod bombs;
mod damage;
mod events;
mod index;
mod page;
mod roundtrip;
mod values;

use crate::{BlockKind, ClockPair, FileHeader, SegmentHeader, SegmentState, encode_block};

/// One tick is one nanosecond.
fn clock(tick: u64) -> ClockPair {
    ClockPair {
        tick,
        monotonic_ns: tick,
    }
}

fn segment_head(published: usize, tick: u64) -> SegmentHeader {
    SegmentHeader {
        capacity: 1 << 20,
        state: SegmentState::InUse,
        log: 0,
        sequence: 0,
        published: published as u32,
        clock: clock(tick),
        next_call: 0,
        drained: 0,
    }
}

/// A trace of one block of each kind.
fn file_of(definitions: &[u8], values: &[u8], events: &[u8]) -> Vec<u8> {
    let header = FileHeader {
        version: crate::FORMAT_VERSION,
        run_id: [7; 16],
    };
    let mut out = header.encode().to_vec();
    let mut packer = zstd::bulk::Compressor::new(1).expect("zstd has level 1");
    let mut scratch = Vec::new();
    for (kind, payload) in [
        (BlockKind::Definitions, definitions),
        (BlockKind::Values, values),
        (BlockKind::Events, events),
    ] {
        if !payload.is_empty() {
            encode_block(&mut out, kind, payload, &mut packer, &mut scratch);
        }
    }
    out
}
