//! A trace opened for reading, whole or cut short.

mod merge;

use std::collections::{HashMap, HashSet};

use crate::begin::Begin;
use crate::block::{BLOCK_HEADER_LEN, Block, BlockKind, FILE_HEADER_LEN, FileHeader};
use crate::bounds::Bounds;
use crate::columns::{BlockHead, ColumnsOut, take_head, take_short_head};
use crate::definitions::Definitions;
use crate::error::ReadError;
use crate::event::Event;
use crate::ids::LogId;
use crate::index::{IndexEntry, read_index};
use crate::intern::Interner;
use crate::live::{has_no_gap, settled};
use crate::replay::TimeScale;
use crate::segment::{ClockPair, PartHeader, SegmentHeader};
use crate::source::Source;
use crate::transcode::LogTranscoder;
use crate::value::Values;

/// What a trace is, without its events.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Whether the end of the recording was written.
    pub complete: bool,
    /// Whether events were taken from the side file of a run that did not end.
    pub recovered: bool,
    /// Blocks that could not be read.
    pub damaged_blocks: u32,
    /// Where the first of them begin.
    pub damaged_at: Vec<u64>,
    /// Bytes at the end that belong to no whole block.
    pub truncated_bytes: u64,
    /// Bytes of the trace and its side file.
    pub bytes: u64,
    /// Bytes of the side file, if something was taken from it.
    pub part_bytes: u64,
    /// Calls that began.
    pub calls: u64,
    /// Records of all kinds.
    pub events: u64,
    /// Equal in all files of one run.
    pub run_id: [u8; 16],
    /// Format version of the file.
    pub version: u16,
    /// Nanoseconds from the first to the last reading of the clock.
    pub duration_ns: u64,
    /// Whether every block was compared with its checksum.
    pub checked: bool,
    /// Calls that ended and calls that were left by an exception, where an index says so.
    pub ends: Option<(u64, u64)>,
    /// Calls that began before what was kept, and are not there.
    pub dropped: u64,
    /// Bytes of blocks of values once unpacked.
    pub value_bytes: u64,
    /// Bytes of blocks of events once unpacked.
    pub event_bytes: u64,
    /// The moment from which times are counted, in nanoseconds of `CLOCK_MONOTONIC`: on one machine
    /// the same clock for all processes.
    pub began_ns: u64,
}

/// Damaged blocks whose places are remembered.
const MOST_PLACES: usize = 8;

/// The segments of a recorder take 48 MiB together. What is beyond this is not read.
const MOST_OF_A_PART: u64 = 256 << 20;

/// A block of events: where it lies, or its payload.
enum Events {
    InFile { offset: u64, block: Block },
    InMemory(Vec<u8>),
}

/// A trace opened for reading.
pub struct TraceReader<S> {
    main: S,
    definitions: Definitions,
    values: Values,
    summary: Summary,
    scale: TimeScale,
    /// The state where the trace begins, when that is not the beginning of the recording.
    begin: Begin,
    bounds: Bounds,
    /// Blocks of each log, in their order: sequence, tick at which it begins, and what it holds.
    logs: HashMap<u32, Vec<(u32, u64, Events)>>,
}

/// Up to so many bytes a trace is compared with its checksums whatever is asked of it.
const CHECKED_BYTES: u64 = 64 << 20;

impl<S: Source> TraceReader<S> {
    /// Reads header, definitions, values and the places of the events. `part` is the side file of
    /// a run that goes on or did not end; one of another run is left alone.
    pub fn open(main: S, part: Option<S>) -> Result<Self, ReadError> {
        Self::read(main, part, true)
    }

    /// As [`TraceReader::open`], but neither values nor events of a long trace are looked at: what
    /// there is follows from its index, or from the heads of its blocks.
    pub fn glance(main: S, part: Option<S>) -> Result<Self, ReadError> {
        if main.len()? <= CHECKED_BYTES {
            return Self::open(main, part);
        }
        Self::glance_unchecked(main, part)
    }

    /// As [`TraceReader::glance`], however short the trace is.
    pub fn glance_unchecked(main: S, part: Option<S>) -> Result<Self, ReadError> {
        Self::read(main, part, false)
    }

    fn read(main: S, part: Option<S>, checked: bool) -> Result<Self, ReadError> {
        let len = main.len()?;
        let header = FileHeader::decode(&main.read_vec(0, FILE_HEADER_LEN)?)?;
        let summary = Summary {
            bytes: len,
            run_id: header.run_id,
            version: header.version,
            checked,
            ..Summary::default()
        };
        let scale = TimeScale {
            first_tick: 0,
            ns_per_tick: 1.0,
        };
        let mut trace = TraceReader {
            main,
            definitions: Definitions::default(),
            values: Values::default(),
            summary,
            scale,
            begin: Begin::default(),
            bounds: Bounds::of(len),
            logs: HashMap::new(),
        };
        trace.believe(len);
        // An index is the last thing that a recording writes, so nothing is left in a side file.
        if !trace.scan_index(len)? {
            let end = trace.scan(FILE_HEADER_LEN as u64, len)?;
            if let Some(part) = part {
                trace.recover(&part, end)?;
            }
        }
        // What is cut off may be the index alone, but nobody knows.
        let is_cut = trace.summary.truncated_bytes > 0;
        trace.summary.complete = trace.definitions.is_ended && !is_cut;
        for blocks in trace.logs.values_mut() {
            blocks.sort_by_key(|(sequence, ..)| *sequence);
            let all = blocks.len();
            // The same block again tells what was told.
            blocks.dedup_by_key(|(sequence, ..)| *sequence);
            trace.summary.damaged_blocks += (all - blocks.len()) as u32;
        }
        trace.measure();
        Ok(trace)
    }

    /// What the numbers in events stand for.
    #[must_use]
    pub fn definitions(&self) -> &Definitions {
        &self.definitions
    }

    /// The values of the run.
    #[must_use]
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// What is needed of the trace once its events were read: the file is closed.
    #[must_use]
    pub fn into_tables(self) -> (Definitions, Values) {
        (self.definitions, self.values)
    }

    /// What the trace is.
    #[must_use]
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Takes in what the index lists. False where there is none, or the blocks themselves are wanted.
    fn scan_index(&mut self, len: u64) -> Result<bool, ReadError> {
        if self.summary.checked {
            return Ok(false);
        }
        let Some(entries) = read_index(&self.main, len)? else {
            return Ok(false);
        };
        let (mut ended, mut raised) = (0u64, 0u64);
        for entry in &entries {
            self.take_entry(entry)?;
            if let Some(events) = entry.events {
                ended = ended.saturating_add(events.ended);
                raised = raised.saturating_add(events.raised);
            }
        }
        self.summary.ends = Some((ended, raised));
        Ok(true)
    }

    /// Takes in a block that an index lists.
    fn take_entry(&mut self, entry: &IndexEntry) -> Result<(), ReadError> {
        if entry.kind == BlockKind::Values {
            self.summary.value_bytes += u64::from(entry.raw_len);
            return Ok(());
        }
        if let Some(events) = entry.events {
            self.summary.event_bytes += u64::from(entry.raw_len);
            let head = BlockHead {
                log: events.log,
                sequence: events.sequence,
                clock: events.clock,
                next_call: events.next_call,
                records: events.records,
                starts: events.starts,
                ..BlockHead::default()
            };
            if is_possible(&head, entry.raw_len) {
                self.count(&head);
            } else {
                self.note_damage(entry.offset);
            }
            return Ok(());
        }
        let head = self.main.read_vec(entry.offset, BLOCK_HEADER_LEN)?;
        let block = Block::decode_head(&head).filter(|block| block.len() == entry.len);
        let is_sound = match block {
            Some(block) => self.take_block(entry.offset, block)?,
            None => false,
        };
        if !is_sound {
            self.note_damage(entry.offset);
        }
        Ok(())
    }

    /// Takes in the blocks from a place on; gives the place where the last whole one ends.
    fn scan(&mut self, from: u64, len: u64) -> Result<u64, ReadError> {
        self.summary.bytes = len;
        self.summary.truncated_bytes = 0;
        let mut offset = from;
        while offset < len {
            let head = self.main.read_vec(offset, BLOCK_HEADER_LEN)?;
            let block = Block::decode_head(&head).filter(|block| offset + block.len() <= len);
            if let Some(block) = block {
                let is_sound = self.take_block(offset, block)?;
                let end = offset + block.len();
                if is_sound || self.may_begin_block(end, len)? {
                    if !is_sound {
                        self.note_damage(offset);
                    }
                    offset = end;
                    continue;
                }
            }
            let Some(next) = self.resync(offset, len)? else {
                self.summary.truncated_bytes = len - offset;
                break;
            };
            self.note_damage(offset);
            offset = next;
        }
        Ok(offset)
    }

    /// Bounds the tables by the bytes there are.
    fn believe(&mut self, bytes: u64) {
        self.definitions.most = Some(Bounds::definitions_of(bytes));
        self.values.most = Some(Bounds::rows_of(bytes));
    }

    fn note_damage(&mut self, offset: u64) {
        self.summary.damaged_blocks = self.summary.damaged_blocks.saturating_add(1);
        if self.summary.damaged_at.len() < MOST_PLACES {
            self.summary.damaged_at.push(offset);
        }
    }

    /// Whether a block that is damaged ends here: if not, its length is damaged too.
    fn may_begin_block(&self, offset: u64, len: u64) -> Result<bool, ReadError> {
        let head = self.main.read_vec(offset, BLOCK_HEADER_LEN)?;
        Ok(offset == len || Block::decode_head(&head).is_some())
    }

    /// Finds the next sound block after bytes that are none.
    fn resync(&mut self, from: u64, len: u64) -> Result<Option<u64>, ReadError> {
        const LONGEST_STEP: usize = 1 << 20;
        // No block is longer than half of this.
        const WIDEST: u64 = 128 << 20;
        let mut step = 1 << 12;
        let mut at = from + 1;
        while at < len && at - from < WIDEST && self.bounds.may_search(step as u64) {
            let bytes = self.main.read_vec(at, step + BLOCK_HEADER_LEN)?;
            for index in 0..bytes.len().saturating_sub(BLOCK_HEADER_LEN).min(step) {
                let Some(block) = Block::decode_head(&bytes[index..]) else {
                    continue;
                };
                let offset = at + index as u64;
                if offset + block.len() > len {
                    continue;
                }
                if !self
                    .bounds
                    .may_search(block.len() + u64::from(block.raw_len))
                {
                    return Ok(None);
                }
                if self.payload(offset, &block)?.is_some() {
                    return Ok(Some(offset));
                }
            }
            at += step as u64;
            step = (step * 2).min(LONGEST_STEP);
        }
        Ok(None)
    }

    fn payload(&self, offset: u64, block: &Block) -> Result<Option<Vec<u8>>, ReadError> {
        let bytes = self.main.read_vec(offset, block.len() as usize)?;
        Ok(bytes
            .split_at_checked(BLOCK_HEADER_LEN)
            .and_then(|(head, stored)| block.payload(head, stored)))
    }

    /// Takes in what a block holds. False when it is damaged.
    fn take_block(&mut self, offset: u64, block: Block) -> Result<bool, ReadError> {
        if !self.bounds.allow(&block) {
            return Ok(false);
        }
        Ok(match block.kind {
            BlockKind::Definitions => self
                .payload(offset, &block)?
                .is_some_and(|bytes| self.definitions.extend(&bytes)),
            BlockKind::Values if !self.summary.checked => {
                self.summary.value_bytes += u64::from(block.raw_len);
                true
            }
            BlockKind::Values => {
                self.summary.value_bytes += u64::from(block.raw_len);
                self.payload(offset, &block)?
                    .is_some_and(|bytes| self.values.extend(&bytes))
            }
            BlockKind::Events => match self.events_head(offset, &block)? {
                Some(events) => {
                    self.summary.event_bytes += u64::from(block.raw_len);
                    self.note(&events, Events::InFile { offset, block });
                    true
                }
                None => false,
            },
            BlockKind::Begin => match self.payload(offset, &block)? {
                Some(payload) => self.begin_at(&payload),
                None => false,
            },
            BlockKind::Index | BlockKind::Unknown(_) => self.payload(offset, &block)?.is_some(),
        })
    }

    /// Takes in the state at a moment, where nothing is known of the time before. False when it is
    /// damaged.
    fn begin_at(&mut self, payload: &[u8]) -> bool {
        let Some(begin) = Begin::decode(payload) else {
            return false;
        };
        if self.summary.events == 0 {
            self.values.begin_at(begin.next_row as usize);
            self.summary.dropped = begin.next_call;
            self.begin = begin;
        }
        true
    }

    /// The head of a block of events, `None` when it is damaged. Only a block without a readable
    /// head is unpacked, and only a checked one is read to its end.
    fn events_head(&self, offset: u64, block: &Block) -> Result<Option<BlockHead>, ReadError> {
        if block.plain == 0 {
            let payload = self.payload(offset, block)?;
            return Ok(payload
                .and_then(|bytes| take_head(&mut &bytes[..]))
                .filter(|head| is_possible(head, block.raw_len)));
        }
        let len = if self.summary.checked {
            block.len() as usize
        } else {
            BLOCK_HEADER_LEN + usize::from(block.plain)
        };
        let bytes = self.main.read_vec(offset, len)?;
        Ok(bytes
            .split_at_checked(BLOCK_HEADER_LEN)
            .filter(|(head, stored)| !self.summary.checked || block.is_sound(head, stored))
            .and_then(|(_, stored)| stored.get(..usize::from(block.plain)))
            .and_then(|mut plain| take_short_head(&mut plain))
            .filter(|head| is_possible(head, block.raw_len)))
    }

    fn count(&mut self, head: &BlockHead) {
        self.summary.calls = self.summary.calls.saturating_add(head.starts);
        self.summary.events = self.summary.events.saturating_add(head.records);
        self.definitions.clock.push(head.clock);
    }

    fn note(&mut self, head: &BlockHead, events: Events) {
        self.count(head);
        self.logs
            .entry(head.log)
            .or_default()
            .push((head.sequence, head.clock.tick, events));
    }

    /// Reads the side file twice, and takes in what came to the trace meanwhile. A segment that was
    /// drained under the reader's eyes is in the trace then, and its copy is not used, whatever became
    /// of it. Where one was taken into use behind the reader's back, all is read again.
    ///
    /// `end` is where the trace ended so far.
    fn read_part(&mut self, part: &S, mut end: u64) -> Result<(Vec<u8>, Vec<u8>), ReadError> {
        const TRIES: u32 = 20;
        let read = || part.read_vec(0, part.len()?.min(MOST_OF_A_PART) as usize);
        let mut tries = 0;
        loop {
            let (first, second) = (read()?, read()?);
            let len = self.main.len()?;
            if len > self.summary.bytes {
                self.bounds.grow(len - self.summary.bytes);
                self.believe(len);
                end = self.scan(end, len)?;
            }
            tries += 1;
            let newest = |log| {
                let blocks = self.logs.get(&log)?;
                blocks.iter().map(|(sequence, ..)| *sequence).max()
            };
            // A run that is over has no more gaps than it has.
            if tries == TRIES || first == second || has_no_gap(&first, newest) {
                return Ok((first, second));
            }
        }
    }

    /// Takes in what the side file holds and the trace does not.
    fn recover(&mut self, part: &S, end: u64) -> Result<(), ReadError> {
        let (bytes, later) = self.read_part(part, end)?;
        let Some(header) =
            PartHeader::decode(&bytes).filter(|header| header.run_id == self.summary.run_id)
        else {
            return Ok(());
        };
        self.summary.recovered = true;
        // Half a block at the end is one whose segment is still in the side file.
        self.summary.truncated_bytes = 0;
        self.summary.part_bytes = bytes.len() as u64;
        self.summary.bytes = self.summary.bytes.saturating_add(bytes.len() as u64);
        self.believe(self.summary.bytes);
        self.definitions.clock.extend([header.first, header.latest]);
        let mut interner = Interner::new(self.values.len() as u64);
        let mut transcoders: HashMap<u32, LogTranscoder> = HashMap::new();
        let mut columns = ColumnsOut::default();
        let mut fresh = Vec::new();
        let mut known: HashSet<(u32, u32)> = HashSet::new();
        for (log, blocks) in &self.logs {
            known.extend(blocks.iter().map(|(sequence, ..)| (*log, *sequence)));
        }
        for (head, records) in settled(&bytes, &later) {
            if head.log == SegmentHeader::DEFINITIONS {
                self.recover_definitions(&head, records);
                continue;
            }
            if !known.insert((head.log, head.sequence)) {
                continue;
            }
            let mut payload = Vec::new();
            let transcoder = transcoders.entry(head.log).or_default();
            transcoder.swap_memory(&mut columns);
            let done = transcoder.segment(&head, records, &mut interner, &mut payload);
            transcoder.swap_memory(&mut columns);
            self.summary.damaged_blocks += u32::from(done.damaged > 0);
            if interner.take_fresh(&mut fresh) {
                self.values.extend(&fresh);
            }
            let block = BlockHead {
                log: head.log,
                sequence: head.sequence,
                ..BlockHead::default()
            };
            let block = BlockHead {
                records: done.records,
                starts: done.starts,
                clock: head.clock,
                ..block
            };
            self.note(&block, Events::InMemory(payload));
        }
        Ok(())
    }

    /// Takes in what a segment of definitions holds beyond those in the trace. The recorder may have
    /// died before it noted in the side file what it had written to the trace.
    fn recover_definitions(&mut self, head: &SegmentHeader, records: &[u8]) {
        let first = head.next_call.saturating_add(u64::from(head.drained));
        let known = self.definitions.bytes.checked_sub(first);
        let known = known.map(|known| usize::try_from(known).unwrap_or(usize::MAX));
        let fresh = known.map(|known| records.get(known..).unwrap_or_default());
        // Definitions between the trace and the segment are lost: what these are numbered is not known.
        let is_sound = fresh.is_some_and(|fresh| self.definitions.extend(fresh));
        self.summary.damaged_blocks += u32::from(!is_sound);
    }

    fn measure(&mut self) {
        let clock = &self.definitions.clock;
        let by_tick = |pair: &&ClockPair| pair.tick;
        let sound = || clock.iter().filter(|pair| pair.tick != 0);
        let (Some(first), Some(last)) = (sound().min_by_key(by_tick), sound().max_by_key(by_tick))
        else {
            return;
        };
        let ticks = last.tick - first.tick;
        let since = |begin: &ClockPair| {
            let nanos = last.monotonic_ns.saturating_sub(begin.monotonic_ns);
            nanos.min(TimeScale::LATEST)
        };
        let nanos = since(first);
        let ns_per_tick = if ticks == 0 || nanos == 0 {
            1.0
        } else {
            nanos as f64 / ticks as f64
        };
        self.scale = TimeScale {
            first_tick: first.tick,
            ns_per_tick,
        };
        self.summary.duration_ns = nanos;
        self.summary.began_ns = first.monotonic_ns;
        if let Some((from, until, begin)) = self.definitions.window {
            self.scale.first_tick = begin.tick;
            self.summary.duration_ns = since(&begin);
            self.summary.began_ns = begin.monotonic_ns;
            let kept = from.max(self.begin.next_call).min(until);
            self.summary.calls = self.summary.calls.min(until.saturating_sub(kept));
            self.summary.dropped = kept.saturating_sub(from);
        }
    }

    /// Hands every event to `each`: those of one log in their order, blocks of several by the time at
    /// which they begin. Returns how many blocks turned out to be damaged; what they held is missing.
    pub fn for_each_event(
        &self,
        each: &mut dyn FnMut(LogId, &Event<'_>),
    ) -> Result<u32, ReadError> {
        let Some((first, last, _)) = self.definitions.window else {
            return self.for_each_of_all(each);
        };
        let kept = first.max(self.begin.next_call);
        self.for_each_of_all(&mut |log, event| {
            if let Some(event) = event.in_window(kept, last) {
                each(log, &event);
            }
        })
    }

    /// The number of the first call that the trace holds, in the numbers that events have.
    #[must_use]
    pub fn first_call(&self) -> u64 {
        if self.definitions.window.is_some() {
            return 0;
        }
        self.begin.next_call
    }
}

/// Whether a block of events may be so long as its head says: a record takes a byte at least.
fn is_possible(head: &BlockHead, raw_len: u32) -> bool {
    head.starts <= head.records && head.records <= u64::from(raw_len)
}
