//! How much of a trace is believed. A block of 64 MiB may lie in a file as four kilobytes, so what
//! is unpacked has to go by the size of the file.

use crate::block::{Block, BlockKind};

/// What may still be unpacked of a trace, and searched for blocks.
#[derive(Clone, Debug)]
pub(crate) struct Bounds {
    definitions: u64,
    values: u64,
    events: u64,
    searched: u64,
}

const MIB: u64 = 1 << 20;

impl Bounds {
    /// The bounds of a file of `len` bytes: what any file may have, and so many times its own length.
    /// Sound blocks unpack to about four times their size; a list that grows by one with each call to
    /// fifty times.
    pub(crate) fn of(len: u64) -> Self {
        let bound = |free: u64, times: u64| len.saturating_mul(times).saturating_add(free);
        Bounds {
            definitions: bound(32 * MIB, 128),
            values: bound(128 * MIB, 512),
            events: bound(256 * MIB, 256),
            searched: bound(256 * MIB, 16),
        }
    }

    /// Definitions that a file of `len` bytes may have: each takes a byte at least, and up to a
    /// kilobyte in memory.
    pub(crate) fn definitions_of(len: u64) -> u64 {
        len.saturating_add(1 << 20)
    }

    /// Rows of values that a file of `len` bytes may have.
    pub(crate) fn rows_of(len: u64) -> u64 {
        len.saturating_mul(16).saturating_add(1 << 22)
    }

    /// The file has grown.
    pub(crate) fn grow(&mut self, len: u64) {
        let more = Bounds::of(len);
        let less = Bounds::of(0);
        self.definitions += more.definitions - less.definitions;
        self.values += more.values - less.values;
        self.events += more.events - less.events;
        self.searched += more.searched - less.searched;
    }

    /// Whether a block may be unpacked.
    pub(crate) fn allow(&mut self, block: &Block) -> bool {
        let left = match block.kind {
            BlockKind::Definitions => &mut self.definitions,
            BlockKind::Values => &mut self.values,
            _ => &mut self.events,
        };
        take(left, u64::from(block.raw_len.max(block.stored_len)))
    }

    /// Whether so many bytes may be compared with a checksum in search of a block.
    pub(crate) fn may_search(&mut self, bytes: u64) -> bool {
        take(&mut self.searched, bytes)
    }
}

fn take(left: &mut u64, bytes: u64) -> bool {
    let rest = left.checked_sub(bytes);
    *left = rest.unwrap_or(*left);
    rest.is_some()
}
