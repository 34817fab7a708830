//! A block of events: the same facts of all its records side by side.

use crate::segment::ClockPair;
use crate::varint::{put, take, take_bytes};

/// What stands in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Column {
    /// Kind of each record.
    Kinds = 1,
    /// Ticks since the record before, of those that have a time.
    Times = 2,
    /// Code of each call that begins.
    Codes = 3,
    /// Sites.
    Sites = 4,
    /// Values.
    Values = 5,
    /// All other numbers.
    Numbers = 6,
}

/// Kinds that only occur on disk.
pub(crate) mod disk_kind {
    /// [`crate::kind::START`] with arguments.
    pub(crate) const START_WITH_ARGS: u8 = 0x21;
    /// [`crate::kind::RETURN`] with a value.
    pub(crate) const RETURN_WITH_VALUE: u8 = 0x22;
    /// [`crate::kind::YIELD`] with a value.
    pub(crate) const YIELD_WITH_VALUE: u8 = 0x23;
}

const COLUMNS: usize = 6;

/// The state of a log before a block's first record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct BlockHead {
    pub(crate) log: u32,
    pub(crate) sequence: u32,
    pub(crate) clock: ClockPair,
    pub(crate) next_call: u64,
    pub(crate) records: u64,
    /// Calls that begin in the block.
    pub(crate) starts: u64,
    /// Running calls, innermost first; at most [`MAX_OPEN`].
    pub(crate) open: Vec<u64>,
    /// Task + 1 in which calls begin, 0 for none.
    pub(crate) task: u32,
}

/// Running calls that a block's head lists.
pub(crate) const MAX_OPEN: usize = 1024;

/// Columns while they are written.
#[derive(Default)]
pub struct ColumnsOut {
    bytes: [Vec<u8>; COLUMNS],
}

impl ColumnsOut {
    #[inline]
    pub(crate) fn column(&mut self, column: Column) -> &mut Vec<u8> {
        &mut self.bytes[column as usize - 1]
    }

    /// Appends head and columns to `out`, and empties the columns. Gives the bytes of the head up to the running calls.
    pub(crate) fn finish(&mut self, head: &BlockHead, out: &mut Vec<u8>) -> usize {
        let before = out.len();
        for number in [
            u64::from(head.log),
            u64::from(head.sequence),
            head.clock.tick,
            head.clock.monotonic_ns,
        ] {
            put(out, number);
        }
        for number in [
            head.next_call,
            head.records,
            head.starts,
            u64::from(head.task),
        ] {
            put(out, number);
        }
        let plain = out.len() - before;
        put(out, head.open.len() as u64);
        for call in &head.open {
            put(out, *call);
        }
        put(out, COLUMNS as u64);
        for (index, bytes) in self.bytes.iter().enumerate() {
            out.push(index as u8 + 1);
            put(out, bytes.len() as u64);
        }
        for bytes in &mut self.bytes {
            out.append(bytes);
        }
        plain
    }
}

/// Columns while they are read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ColumnsIn<'a> {
    bytes: [&'a [u8]; COLUMNS],
}

impl<'a> ColumnsIn<'a> {
    /// Splits a payload; columns of later versions are stepped over.
    pub(crate) fn split(mut payload: &'a [u8]) -> Option<(BlockHead, ColumnsIn<'a>)> {
        let head = take_head(&mut payload)?;
        let count = take(&mut payload)?;
        let mut lens = Vec::new();
        for _ in 0..count {
            let (&id, rest) = payload.split_first()?;
            payload = rest;
            lens.push((id, usize::try_from(take(&mut payload)?).ok()?));
        }
        let mut columns = ColumnsIn::default();
        for (id, len) in lens {
            let bytes = take_bytes(&mut payload, len)?;
            if let Some(slot) = usize::from(id)
                .checked_sub(1)
                .and_then(|index| columns.bytes.get_mut(index))
            {
                *slot = bytes;
            }
        }
        Some((head, columns))
    }

    #[inline]
    pub(crate) fn column(&mut self, column: Column) -> &mut &'a [u8] {
        &mut self.bytes[column as usize - 1]
    }

    #[inline]
    pub(crate) fn number(&mut self, column: Column) -> Option<u64> {
        take(self.column(column))
    }

    #[inline]
    pub(crate) fn kind(&mut self) -> Option<u8> {
        let (&kind, rest) = self.column(Column::Kinds).split_first()?;
        *self.column(Column::Kinds) = rest;
        Some(kind)
    }
}

/// Reads the head of a block of events, without the running calls.
pub(crate) fn take_short_head(payload: &mut &[u8]) -> Option<BlockHead> {
    Some(BlockHead {
        log: u32::try_from(take(payload)?).ok()?,
        sequence: u32::try_from(take(payload)?).ok()?,
        clock: ClockPair {
            tick: take(payload)?,
            monotonic_ns: take(payload)?,
        },
        next_call: take(payload)?,
        records: take(payload)?,
        starts: take(payload)?,
        task: u32::try_from(take(payload)?).ok()?,
        open: Vec::new(),
    })
}

/// Reads the head of a block of events.
pub(crate) fn take_head(payload: &mut &[u8]) -> Option<BlockHead> {
    let mut head = take_short_head(payload)?;
    let open = take(payload)?;
    if open > MAX_OPEN as u64 {
        return None;
    }
    for _ in 0..open {
        head.open.push(take(payload)?);
    }
    Some(head)
}
