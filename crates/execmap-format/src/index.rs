//! The index: what blocks there are, and what the heads of events say.
//!
//! It lies behind the blocks it lists, so that a trace can be looked at without
//! going through it. Nothing in it is needed to read a trace. It is believed only
//! where its blocks cover the file without a gap, and no index need be there.

use crate::block::{
    BLOCK_HEADER_LEN, Block, BlockKind, FILE_HEADER_LEN, MAX_BLOCK, encode_stored_block,
};
use crate::error::ReadError;
use crate::segment::ClockPair;
use crate::source::Source;
use crate::varint::{put, put_signed, take, take_signed};

/// Version of an index's payload.
const VERSION: u64 = 1;
/// Ends an index.
const MAGIC: &[u8; 4] = b"XIdx";
/// Bytes at the end of an index: its own place, and [`MAGIC`].
const TRAILER_LEN: usize = 12;
/// Blocks that one index lists at most, so that a recorder need not remember more.
const MOST_ENTRIES: usize = 4096;

/// What is known of a block of events without unpacking it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventsEntry {
    /// The log.
    pub log: u32,
    /// Number of the block in its log.
    pub sequence: u32,
    /// Clock at the first record.
    pub clock: ClockPair,
    /// Ticks from there to the last record.
    pub ticks: u64,
    /// Number of the log's next call.
    pub next_call: u64,
    /// Records of all kinds.
    pub records: u64,
    /// Calls that begin.
    pub starts: u64,
    /// Calls that end.
    pub ended: u64,
    /// Calls that are left by an exception.
    pub raised: u64,
}

/// A block as an index lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexEntry {
    /// Where it begins.
    pub offset: u64,
    /// Bytes in the file, head included.
    pub len: u64,
    /// Bytes of the payload once unpacked.
    pub raw_len: u32,
    /// What it holds.
    pub kind: BlockKind,
    /// Of a block of events, what its head says.
    pub events: Option<EventsEntry>,
}

/// The blocks of a trace while it is written.
#[derive(Clone, Debug, Default)]
pub struct IndexWriter {
    entries: Vec<IndexEntry>,
    previous: u64,
}

impl IndexWriter {
    /// Notes a block that was appended.
    pub fn push(&mut self, entry: IndexEntry) {
        self.entries.push(entry);
    }

    /// The blocks that no index lists yet.
    #[must_use]
    pub fn entries(&self) -> &[IndexEntry] {
        &self.entries
    }

    /// Whether there are as many blocks as one index lists.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.entries.len() >= MOST_ENTRIES
    }

    /// Bytes that an index of the blocks so far takes at most.
    #[must_use]
    pub fn most_bytes(&self) -> u64 {
        (self.entries.len() * 80 + 100) as u64
    }

    /// Appends an index to `out`, to be written at `offset`, and begins another.
    pub fn finish(&mut self, offset: u64, out: &mut Vec<u8>) {
        let mut payload = Vec::new();
        put(&mut payload, VERSION);
        put(&mut payload, self.previous);
        put(
            &mut payload,
            self.entries.first().map_or(offset, |entry| entry.offset),
        );
        put(&mut payload, self.entries.len() as u64);
        let mut before = EventsEntry::default();
        for entry in &self.entries {
            put_entry(entry, &mut before, &mut payload);
        }
        payload.extend_from_slice(&offset.to_le_bytes());
        payload.extend_from_slice(MAGIC);
        encode_stored_block(out, BlockKind::Index, &payload);
        self.entries.clear();
        self.previous = offset;
    }
}

fn put_entry(entry: &IndexEntry, before: &mut EventsEntry, out: &mut Vec<u8>) {
    out.push(entry.kind.byte());
    put(out, entry.len);
    put(out, u64::from(entry.raw_len));
    let Some(events) = entry.events else {
        return;
    };
    let difference = |now: u64, then: u64| now.wrapping_sub(then) as i64;
    put(out, u64::from(events.log));
    put(out, u64::from(events.sequence));
    put_signed(out, difference(events.clock.tick, before.clock.tick));
    let nanos = difference(events.clock.monotonic_ns, before.clock.monotonic_ns);
    put_signed(out, nanos);
    put(out, events.ticks);
    put_signed(out, difference(events.next_call, before.next_call));
    for number in [events.records, events.starts, events.ended, events.raised] {
        put(out, number);
    }
    *before = events;
}

fn take_entry(input: &mut &[u8], offset: u64, before: &mut EventsEntry) -> Option<IndexEntry> {
    let (&kind, rest) = input.split_first()?;
    *input = rest;
    let (len, raw_len) = (take(input)?, u32::try_from(take(input)?).ok()?);
    let is_sound = (BLOCK_HEADER_LEN as u64..=(BLOCK_HEADER_LEN + MAX_BLOCK) as u64).contains(&len)
        && raw_len as usize <= MAX_BLOCK;
    if !is_sound {
        return None;
    }
    let mut entry = IndexEntry {
        offset,
        len,
        raw_len,
        kind: BlockKind::from_byte(kind),
        events: None,
    };
    if entry.kind == BlockKind::Events {
        let add = |then: u64, difference: i64| then.wrapping_add(difference as u64);
        *before = EventsEntry {
            log: u32::try_from(take(input)?).ok()?,
            sequence: u32::try_from(take(input)?).ok()?,
            clock: ClockPair {
                tick: add(before.clock.tick, take_signed(input)?),
                monotonic_ns: add(before.clock.monotonic_ns, take_signed(input)?),
            },
            ticks: take(input)?,
            next_call: add(before.next_call, take_signed(input)?),
            records: take(input)?,
            starts: take(input)?,
            ended: take(input)?,
            raised: take(input)?,
        };
        entry.events = Some(*before);
    }
    Some(entry)
}

/// One index: the place of the one before it or 0, the place of its first block, its blocks.
fn decode(mut payload: &[u8], own_offset: u64) -> Option<(u64, u64, Vec<IndexEntry>)> {
    let (body, trailer) = payload.split_at_checked(payload.len().checked_sub(TRAILER_LEN)?)?;
    if trailer[..8] != own_offset.to_le_bytes() || trailer[8..] != MAGIC[..] {
        return None;
    }
    payload = body;
    let input = &mut payload;
    if take(input)? != VERSION {
        return None;
    }
    let (previous, from, count) = (take(input)?, take(input)?, take(input)?);
    let mut entries = Vec::new();
    let (mut offset, mut before) = (from, EventsEntry::default());
    for _ in 0..count {
        let entry = take_entry(input, offset, &mut before)?;
        offset = offset.checked_add(entry.len)?;
        entries.push(entry);
    }
    (offset == own_offset && input.is_empty()).then_some((previous, from, entries))
}

/// All blocks of a trace of `len` bytes but its indices, in their order. `None` where no index
/// lists all of them.
pub(crate) fn read_index<S: Source>(
    source: &S,
    len: u64,
) -> Result<Option<Vec<IndexEntry>>, ReadError> {
    let Some(trailer_at) = len.checked_sub(TRAILER_LEN as u64) else {
        return Ok(None);
    };
    let trailer = source.read_vec(trailer_at, TRAILER_LEN)?;
    let Some(place) = trailer
        .first_chunk::<8>()
        .filter(|_| trailer.ends_with(MAGIC))
    else {
        return Ok(None);
    };
    let (mut offset, mut end) = (u64::from_le_bytes(*place), len);
    let mut parts = Vec::new();
    loop {
        if offset
            .checked_add(BLOCK_HEADER_LEN as u64)
            .is_none_or(|least| least > end)
        {
            return Ok(None);
        }
        let head = source.read_vec(offset, BLOCK_HEADER_LEN)?;
        let block = Block::decode_head(&head).filter(|block| {
            block.kind == BlockKind::Index && !block.is_packed && offset + block.len() == end
        });
        let Some(block) = block else {
            return Ok(None);
        };
        let payload =
            source.read_vec(offset + BLOCK_HEADER_LEN as u64, block.stored_len as usize)?;
        let decoded = block
            .is_sound(&head, &payload)
            .then(|| decode(&payload, offset));
        let Some((previous, from, entries)) = decoded.flatten() else {
            return Ok(None);
        };
        parts.push(entries);
        if previous == 0 && from == FILE_HEADER_LEN as u64 {
            break;
        }
        if previous >= from {
            return Ok(None);
        }
        (offset, end) = (previous, from);
    }
    Ok(Some(parts.into_iter().rev().flatten().collect()))
}
