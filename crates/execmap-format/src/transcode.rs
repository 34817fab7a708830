//! From the records of a segment to a block of events.

use crate::begin::LogState;
use crate::columns::{BlockHead, Column, ColumnsOut, disk_kind};
use crate::intern::Interner;
use crate::record::{NO_CALL, Record, Records, kind};
use crate::replay::Stack;
use crate::segment::SegmentHeader;
use crate::varint::put;

/// What became of a segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transcoded {
    /// Records that were read.
    pub records: u64,
    /// Calls that began.
    pub starts: u64,
    /// Calls that ended: they returned, were left by an exception, or closed.
    pub ended: u64,
    /// Calls that were left by an exception.
    pub raised: u64,
    /// Ticks from the first record to the last.
    pub ticks: u64,
    /// Bytes at the end that are no record; 0 for a sound segment.
    pub damaged: usize,
    /// Bytes of the payload's head that are readable without unpacking.
    pub plain: usize,
}

/// Turns the segments of one log, in their order, into blocks of events.
#[derive(Default)]
pub struct LogTranscoder {
    stack: Stack,
    task: u32,
    next_call: u64,
    sequence: u32,
    columns: ColumnsOut,
}

impl LogTranscoder {
    /// Appends the payload of the block to `payload`; new values wait in `interner`.
    pub fn segment(
        &mut self,
        head: &SegmentHeader,
        bytes: &[u8],
        interner: &mut Interner,
        payload: &mut Vec<u8>,
    ) -> Transcoded {
        self.next_call = head.next_call;
        self.stack.begin_block();
        let mut block = BlockHead {
            log: head.log,
            sequence: head.sequence,
            clock: head.clock,
            next_call: head.next_call,
            open: self.stack.open_calls(),
            task: self.task,
            ..BlockHead::default()
        };
        let mut tick = head.clock.tick;
        let mut records = Records::new(bytes);
        let mut done = Transcoded::default();
        for record in records.by_ref() {
            done.records += 1;
            done.starts += u64::from(record.kind == kind::START);
            done.raised += u64::from(record.kind == kind::UNWIND);
            done.ended += u64::from(matches!(
                record.kind,
                kind::RETURN | kind::UNWIND | kind::CLOSED
            ));
            if self.record(&record, &mut tick, interner).is_none() {
                done.damaged += 1;
            }
        }
        done.damaged += records.rest().len();
        (block.records, block.starts) = (done.records, done.starts);
        self.sequence = head.sequence.wrapping_add(1);
        done.ticks = tick.saturating_sub(head.clock.tick);
        done.plain = self.columns.finish(&block, payload);
        done
    }

    /// Exchanges the memory that it works in. There may be thousands of logs, of which one is at work
    /// at a time: they can share it.
    pub fn swap_memory(&mut self, memory: &mut ColumnsOut) {
        std::mem::swap(&mut self.columns, memory);
    }

    /// The number that the next call has if no record says otherwise.
    #[must_use]
    pub fn next_call(&self) -> u64 {
        self.next_call
    }

    /// What a reader must know to go on from here.
    #[must_use]
    pub fn state(&self, log: u32) -> LogState {
        LogState {
            log,
            sequence: self.sequence,
            task: self.task,
            open: self.stack.open_calls(),
        }
    }

    #[inline]
    fn number(&mut self, column: Column, value: u64) {
        put(self.columns.column(column), value);
    }

    #[inline]
    fn time(&mut self, low: u32, tick: &mut u64) {
        // Counters of two cores may differ a little: time never runs backwards here.
        let delta = low.wrapping_sub(*tick as u32);
        let delta = if delta >= 1 << 31 { 0 } else { delta };
        *tick = tick.saturating_add(u64::from(delta));
        put(self.columns.column(Column::Times), u64::from(delta));
    }

    fn values(&mut self, mut tokens: &[u8], count: usize, interner: &mut Interner) -> Option<()> {
        let column = self.columns.column(Column::Values);
        let mut is_sound = Some(());
        for _ in 0..count {
            let value = interner.value(&mut tokens).unwrap_or_else(|| {
                is_sound = None;
                crate::ValueRef::NOT_RECORDED
            });
            put(column, value.0);
        }
        is_sound
    }

    #[inline]
    fn record(
        &mut self,
        record: &Record<'_>,
        tick: &mut u64,
        interner: &mut Interner,
    ) -> Option<()> {
        match record.kind {
            kind::START => self.start(record, tick, interner),
            kind::RETURN | kind::YIELD => {
                let disk = match (record.kind, record.tokens.is_empty()) {
                    (other, true) => other,
                    (kind::RETURN, false) => disk_kind::RETURN_WITH_VALUE,
                    _ => disk_kind::YIELD_WITH_VALUE,
                };
                self.columns.column(Column::Kinds).push(disk);
                self.time(record.low, tick);
                self.stack.pop();
                self.values(
                    record.tokens,
                    usize::from(!record.tokens.is_empty()),
                    interner,
                )
            }
            _ => self.other(record, tick, interner),
        }
    }

    #[inline]
    fn start(
        &mut self,
        record: &Record<'_>,
        tick: &mut u64,
        interner: &mut Interner,
    ) -> Option<()> {
        let args = (record.word >> 56) as usize;
        let disk = if args == 0 {
            kind::START
        } else {
            disk_kind::START_WITH_ARGS
        };
        self.columns.column(Column::Kinds).push(disk);
        self.time(record.low, tick);
        self.number(Column::Codes, u64::from(record.a));
        self.number(Column::Sites, record.word & 0xffff_ffff);
        self.stack.push(self.next_call);
        self.next_call = self.next_call.wrapping_add(1);
        if args == 0 {
            return Some(());
        }
        self.number(Column::Values, args as u64);
        self.values(record.tokens, args, interner)
    }

    fn other(
        &mut self,
        record: &Record<'_>,
        tick: &mut u64,
        interner: &mut Interner,
    ) -> Option<()> {
        self.columns.column(Column::Kinds).push(record.kind);
        if !matches!(record.kind, kind::LOOP | kind::TASK | kind::TICK) {
            self.time(record.low, tick);
        }
        match record.kind {
            kind::AWAIT => self.stack.pop(),
            kind::UNWIND => {
                self.number(Column::Numbers, u64::from(record.a));
                self.stack.pop();
            }
            kind::RESUME | kind::THROW => {
                if record.kind == kind::THROW {
                    self.number(Column::Numbers, u64::from(record.a));
                }
                self.number(Column::Numbers, record.word);
                self.stack.push(record.word);
            }
            kind::RAISE | kind::RERAISE | kind::HANDLED => {
                self.number(Column::Numbers, u64::from(record.a));
                self.number(Column::Sites, record.word & 0xffff_ffff);
                if record.tokens.is_empty() {
                    self.number(Column::Values, crate::ValueRef::NOT_RECORDED.0);
                } else {
                    return self.values(record.tokens, 1, interner);
                }
            }
            kind::LOOP => {
                self.number(Column::Sites, u64::from(record.a));
                self.number(Column::Numbers, u64::from(record.low));
            }
            kind::SWITCH => {
                // One more, so that "none" is a short number.
                self.number(Column::Numbers, record.word.wrapping_add(1));
                self.stack
                    .switch((record.word != NO_CALL).then_some(record.word));
            }
            kind::TASK => {
                self.task = record.low;
                self.number(Column::Numbers, u64::from(record.low));
            }
            kind::NEXT_CALL => {
                self.next_call = record.word;
                self.number(Column::Numbers, record.word);
            }
            kind::TICK => {
                *tick = record.word;
                self.number(Column::Numbers, record.word);
            }
            kind::CLOSED => {
                self.number(Column::Numbers, u64::from(record.a));
                self.number(Column::Numbers, record.word);
            }
            kind::CREATED_BY => self.number(Column::Numbers, record.word),
            _ => return None,
        }
        Some(())
    }
}
