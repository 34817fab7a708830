//! The side file of a run that goes on, or was killed: a header and segments.
//!
//! The recorder writes events into segments of a mapped file; the kernel keeps
//! what was written when the process dies. A segment belongs to one log and
//! carries the state that a reader needs to decode it after all segments of
//! the same log with smaller numbers.

/// The tick counter and the monotonic clock, read together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClockPair {
    /// The raw cycle counter.
    pub tick: u64,
    /// `CLOCK_MONOTONIC` in nanoseconds.
    pub monotonic_ns: u64,
}

/// Bytes before the first segment.
pub const PART_HEADER_LEN: usize = 4096;
/// Bytes of a segment before its first record.
pub const SEGMENT_HEADER_LEN: usize = 64;

const PART_MAGIC: &[u8; 8] = b"execmapP";
const SEGMENT_MAGIC: u32 = 0x4765_5358;

/// The head of a side file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartHeader {
    /// Equal to the trace's.
    pub run_id: [u8; 16],
    /// The process that writes.
    pub pid: u32,
    /// When the recording began.
    pub first: ClockPair,
    /// The newest pair.
    pub latest: ClockPair,
}

impl PartHeader {
    /// Byte offset of [`PartHeader::latest`], which is written again and again.
    pub const LATEST_AT: usize = 48;

    /// The first bytes of a side file.
    #[must_use]
    pub fn encode(&self) -> [u8; 64] {
        let mut out = [0; 64];
        out[..8].copy_from_slice(PART_MAGIC);
        out[8..10].copy_from_slice(&crate::FORMAT_VERSION.to_le_bytes());
        out[12..16].copy_from_slice(&self.pid.to_le_bytes());
        out[16..32].copy_from_slice(&self.run_id);
        out[32..40].copy_from_slice(&self.first.tick.to_le_bytes());
        out[40..48].copy_from_slice(&self.first.monotonic_ns.to_le_bytes());
        out[48..56].copy_from_slice(&self.latest.tick.to_le_bytes());
        out[56..64].copy_from_slice(&self.latest.monotonic_ns.to_le_bytes());
        out
    }

    /// Reads what [`PartHeader::encode`] wrote; `None` for anything else.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        if bytes.get(..8)? != PART_MAGIC || u16_at(bytes, 8)? > crate::FORMAT_VERSION {
            return None;
        }
        Some(PartHeader {
            run_id: bytes.get(16..32)?.try_into().ok()?,
            pid: u32_at(bytes, 12)?,
            first: ClockPair {
                tick: u64_at(bytes, 32)?,
                monotonic_ns: u64_at(bytes, 40)?,
            },
            latest: ClockPair {
                tick: u64_at(bytes, 48)?,
                monotonic_ns: u64_at(bytes, 56)?,
            },
        })
    }
}

/// Who holds a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentState {
    /// Nobody; its bytes mean nothing.
    Free,
    /// A thread writes into it, or it waits for the writer.
    InUse,
}

/// The head of a segment. `docs/format.md` draws it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentHeader {
    /// Bytes of the segment, head included.
    pub capacity: u32,
    /// Who holds it.
    pub state: SegmentState,
    /// The log it belongs to; [`SegmentHeader::DEFINITIONS`] for definitions.
    pub log: u32,
    /// Number of the segment in its log, from 0.
    pub sequence: u32,
    /// Bytes of records after the head; stored last, with release order.
    pub published: u32,
    /// Clock when the first record was written.
    pub clock: ClockPair,
    /// Number that the log's next call has if no record says otherwise; of a segment of definitions,
    /// how many bytes of definitions come before it.
    pub next_call: u64,
    /// Bytes at the front that are already in the trace.
    pub drained: u32,
}

impl SegmentHeader {
    /// The log of definitions.
    pub const DEFINITIONS: u32 = u32::MAX;
    /// Byte offset of [`SegmentHeader::state`], 4 bytes.
    pub const STATE_AT: usize = 8;
    /// Byte offset of [`SegmentHeader::published`], 4 bytes.
    pub const PUBLISHED_AT: usize = 20;
    /// Byte offset of [`SegmentHeader::drained`], 4 bytes.
    pub const DRAINED_AT: usize = 48;

    /// The head's bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; SEGMENT_HEADER_LEN] {
        let mut out = [0; SEGMENT_HEADER_LEN];
        out[0..4].copy_from_slice(&SEGMENT_MAGIC.to_le_bytes());
        out[4..8].copy_from_slice(&self.capacity.to_le_bytes());
        out[8..12].copy_from_slice(&u32::from(self.state == SegmentState::InUse).to_le_bytes());
        out[12..16].copy_from_slice(&self.log.to_le_bytes());
        out[16..20].copy_from_slice(&self.sequence.to_le_bytes());
        out[20..24].copy_from_slice(&self.published.to_le_bytes());
        out[24..32].copy_from_slice(&self.clock.tick.to_le_bytes());
        out[32..40].copy_from_slice(&self.clock.monotonic_ns.to_le_bytes());
        out[40..48].copy_from_slice(&self.next_call.to_le_bytes());
        out[48..52].copy_from_slice(&self.drained.to_le_bytes());
        out
    }

    /// Reads a head; `None` where there is none.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        if u32_at(bytes, 0)? != SEGMENT_MAGIC {
            return None;
        }
        Some(SegmentHeader {
            capacity: u32_at(bytes, 4)?,
            state: if u32_at(bytes, 8)? == 1 {
                SegmentState::InUse
            } else {
                SegmentState::Free
            },
            log: u32_at(bytes, 12)?,
            sequence: u32_at(bytes, 16)?,
            published: u32_at(bytes, 20)?,
            clock: ClockPair {
                tick: u64_at(bytes, 24)?,
                monotonic_ns: u64_at(bytes, 32)?,
            },
            next_call: u64_at(bytes, 40)?,
            drained: u32_at(bytes, 48)?,
        })
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

/// The segments of a side file that hold records not yet in the trace, in the order in which they
/// must be read: definitions first, then log by log.
#[must_use]
pub fn read_segments(part: &[u8]) -> Vec<(SegmentHeader, &[u8])> {
    let mut found = Vec::new();
    let mut at = PART_HEADER_LEN;
    while let Some(head) = part.get(at..).and_then(SegmentHeader::decode) {
        let capacity = head.capacity as usize;
        if capacity < SEGMENT_HEADER_LEN {
            break;
        }
        let records = at + SEGMENT_HEADER_LEN;
        // A side file that was cut holds what lies before the cut.
        let end = records + (head.published as usize).min(capacity - SEGMENT_HEADER_LEN);
        let end = end.min(part.len());
        let start = (records + head.drained as usize).min(end);
        if head.state == SegmentState::InUse && records <= part.len() {
            found.push((head, &part[start..end]));
        }
        at = at.saturating_add(capacity);
    }
    found.sort_by_key(|(head, _)| {
        (
            head.log != SegmentHeader::DEFINITIONS,
            head.log,
            head.sequence,
        )
    });
    found
}
