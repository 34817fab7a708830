//! The trace's file: segments in, blocks out.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use execmap_format::{
    Begin, BlockKind, ClockPair, ColumnsOut, Definition, DefinitionCounts, EventsEntry,
    FILE_HEADER_LEN, FileHeader, IndexEntry, IndexWriter, Interner, LogTranscoder, SegmentHeader,
    encode_block, encode_block_with_head,
};

use crate::names::may_overwrite;
use crate::os::{Segment, clock_pair};
use crate::own_file::OwnFile;
use crate::session::Limits;

/// Fast enough to keep up with a program that does nothing but call.
const LEVEL: i32 = 1;
/// Room that a limited trace keeps for its last definitions.
const END_ROOM: u64 = 4 << 10;

/// The trace's file while it is written.
pub struct Output {
    file: OwnFile,
    /// End of the last whole block.
    offset: u64,
    packer: zstd::bulk::Compressor<'static>,
    /// Definitions written so far.
    counts: DefinitionCounts,
    interner: Interner,
    logs: HashMap<u32, LogTranscoder>,
    /// What the log works in whose segment is written.
    columns: ColumnsOut,
    /// Blocks that are not in the file yet, and what the index says of them.
    blocks: Vec<u8>,
    entries: Vec<IndexEntry>,
    index: IndexWriter,
    payload: Vec<u8>,
    values: Vec<u8>,
    packed: Vec<u8>,
    /// No events are written that would make the file longer.
    max_size: u64,
    /// Bytes of the latest events that are kept.
    ring: Option<u64>,
    header: FileHeader,
    path: PathBuf,
    /// Where the part begins that is kept when the next one begins; the file's first block at first.
    kept_from: u64,
    /// Where the newest part begins.
    begun_at: u64,
    /// The greatest number of a call so far, and one more.
    next_call: u64,
    /// The file has reached its greatest size.
    is_full: bool,
    /// Calls that began in what was written.
    pub starts: u64,
    /// Calls that began in what did not fit.
    pub refused: u64,
    /// Records that could not be read back.
    pub damaged: u64,
}

impl Output {
    /// Begins a trace in an empty file, which lies at `path`.
    pub fn new(file: File, path: &Path, run_id: [u8; 16], limits: Limits) -> io::Result<Output> {
        let header = FileHeader {
            version: execmap_format::FORMAT_VERSION,
            run_id,
        };
        let mut file = OwnFile::new(file, path)?;
        file.get_to_append(0, FILE_HEADER_LEN as u64)?
            .write_all_at(&header.encode(), 0)?;
        Ok(Output {
            file,
            counts: DefinitionCounts::default(),
            offset: FILE_HEADER_LEN as u64,
            packer: zstd::bulk::Compressor::new(LEVEL)?,
            interner: Interner::new(0),
            logs: HashMap::new(),
            columns: ColumnsOut::default(),
            blocks: Vec::new(),
            entries: Vec::new(),
            index: IndexWriter::default(),
            payload: Vec::new(),
            values: Vec::new(),
            packed: Vec::new(),
            max_size: limits.max_size.unwrap_or(u64::MAX),
            ring: limits.ring,
            header,
            path: path.to_owned(),
            kept_from: FILE_HEADER_LEN as u64,
            begun_at: FILE_HEADER_LEN as u64,
            next_call: 0,
            is_full: false,
            starts: 0,
            refused: 0,
            damaged: 0,
        })
    }

    /// Bytes written.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.offset
    }

    /// A trace has a header.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Appends a run of definitions.
    pub fn definitions(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut payload = std::mem::take(&mut self.payload);
        payload.clear();
        Definition::Counts(self.counts).encode(&mut payload);
        payload.extend_from_slice(bytes);
        self.append(BlockKind::Definitions, (&payload, 0), None);
        self.payload = payload;
        self.flush()?;
        self.counts.add(bytes);
        Ok(())
    }

    /// Appends one definition.
    pub fn define(&mut self, definition: &Definition) -> io::Result<()> {
        let mut bytes = Vec::new();
        definition.encode(&mut bytes);
        self.definitions(&bytes)
    }

    /// Appends the events of a segment.
    pub fn segment(&mut self, segment: &Segment) -> io::Result<()> {
        let Some(head) = segment.head() else {
            return Ok(());
        };
        self.events(&head, segment.records(0))
    }

    fn events(&mut self, head: &SegmentHeader, records: &[u8]) -> io::Result<()> {
        if records.is_empty() {
            return Ok(());
        }
        let mut payload = std::mem::take(&mut self.payload);
        payload.clear();
        let log = self.logs.entry(head.log).or_default();
        log.swap_memory(&mut self.columns);
        let done = log.segment(head, records, &mut self.interner, &mut payload);
        log.swap_memory(&mut self.columns);
        self.next_call = self.next_call.max(log.next_call());
        self.damaged += done.damaged as u64;
        let mut values = std::mem::take(&mut self.values);
        if self.interner.take_fresh(&mut values) {
            self.append(BlockKind::Values, (&values, 0), None);
        }
        self.values = values;
        let entry = EventsEntry {
            log: head.log,
            sequence: head.sequence,
            clock: head.clock,
            ticks: done.ticks,
            next_call: head.next_call,
            records: done.records,
            starts: done.starts,
            ended: done.ended,
            raised: done.raised,
        };
        self.append(BlockKind::Events, (&payload, done.plain), Some(entry));
        self.payload = payload;
        if !self.has_room() {
            // What comes later in this log or another would have a gap before it.
            self.is_full = true;
            self.refused += done.starts;
            self.blocks.clear();
            self.entries.clear();
            return Ok(());
        }
        self.flush()?;
        self.starts += done.starts;
        Ok(())
    }

    /// Whether there are so many events that a new part is to begin.
    #[must_use]
    pub fn wants_begin(&self) -> bool {
        let definitions = |entry: &&IndexEntry| entry.kind == BlockKind::Definitions;
        self.ring.is_some_and(|ring| {
            let part = self.offset - self.begun_at;
            // The cheap half of the question first: definitions are gone through only near the end.
            part >= ring / 4 && {
                let kept = self.index.entries().iter().filter(definitions);
                let room = ring.saturating_sub(kept.map(|entry| entry.len).sum());
                // What is on its way to the file is still of this part.
                part >= (room / 8 * 3).max(1 << 16)
            }
        })
    }

    /// Begins a new part, which can be read without what came before, and drops all parts but the
    /// latest. All that was recorded so far must have been written.
    pub fn begin(&mut self) -> io::Result<()> {
        if !self.wants_begin() {
            // It was asked for a second time while the first was on its way.
            return Ok(());
        }
        if self.begun_at > self.kept_from {
            self.drop_before(self.begun_at)?;
        }
        self.kept_from = self.begun_at;
        self.interner.forget();
        let state = Begin {
            next_call: self.next_call,
            next_row: self.interner.next_row(),
            logs: self
                .logs
                .iter()
                .map(|(log, state)| state.state(*log))
                .collect(),
        };
        self.begun_at = self.offset;
        self.append(BlockKind::Begin, (&state.encode(), 0), None);
        self.flush()
    }

    /// Writes a file with the definitions and what lies from a place on, in place of the old one.
    fn drop_before(&mut self, from: u64) -> io::Result<()> {
        let beside = beside(&self.path);
        let done = self.copy_from(from, &beside).inspect_err(|_| {
            let _ = std::fs::remove_file(&beside);
        });
        let (file, entries, offset) = done?;
        self.index = IndexWriter::default();
        for entry in entries {
            self.index.push(entry);
        }
        self.file = file;
        self.offset = offset;
        let first = |entry: &&IndexEntry| entry.kind == BlockKind::Begin;
        let begun = self.index.entries().iter().find(first);
        self.begun_at = begun.map_or(FILE_HEADER_LEN as u64, |entry| entry.offset);
        Ok(())
    }

    fn copy_from(
        &mut self,
        from: u64,
        beside: &Path,
    ) -> io::Result<(OwnFile, Vec<IndexEntry>, u64)> {
        if !may_overwrite(beside) {
            let what = format!("{} is no file of execmap's", beside.display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, what));
        }
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(beside)?;
        file.write_all_at(&self.header.encode(), 0)?;
        let mut offset = FILE_HEADER_LEN as u64;
        let mut entries = Vec::new();
        let mut bytes = Vec::new();
        let old = self.file.get()?;
        let is_kept =
            |entry: &&IndexEntry| entry.offset >= from || entry.kind == BlockKind::Definitions;
        for entry in self.index.entries().iter().filter(is_kept) {
            bytes.resize(entry.len as usize, 0);
            old.read_exact_at(&mut bytes, entry.offset)?;
            file.write_all_at(&bytes, offset)?;
            entries.push(IndexEntry { offset, ..*entry });
            offset += entry.len;
        }
        std::fs::rename(beside, &self.path)?;
        Ok((OwnFile::new(file, &self.path)?, entries, offset))
    }

    /// Whether the file has reached its greatest size.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.is_full
    }

    /// Whether the blocks that wait, the end and the index keep the file below its greatest size.
    fn has_room(&self) -> bool {
        let end = self.offset + self.blocks.len() as u64 + self.index.most_bytes() + END_ROOM;
        !self.is_full && end <= self.max_size
    }

    /// Makes a block that waits to be written. Part of its payload is readable without unpacking.
    fn append(&mut self, kind: BlockKind, payload: (&[u8], usize), events: Option<EventsEntry>) {
        let at = self.blocks.len();
        let (blocks, packer) = (&mut self.blocks, &mut self.packer);
        encode_block_with_head(blocks, kind, payload, packer, &mut self.packed);
        self.entries.push(IndexEntry {
            offset: self.offset + at as u64,
            len: (self.blocks.len() - at) as u64,
            raw_len: payload.0.len() as u32,
            kind,
            events,
        });
    }

    /// Writes the trace anew under its name when the program has removed it.
    pub(crate) fn restore(&mut self) -> io::Result<()> {
        self.file.restore()
    }

    /// In a forked child: closes the child's copy of the descriptor.
    pub(crate) fn close(&mut self) {
        self.file.close();
    }

    /// Forgets a log whose thread has ended.
    pub fn forget(&mut self, log: u32) {
        self.logs.remove(&log);
    }

    /// Writes the end of the recording, and the index.
    pub fn end(&mut self) -> io::Result<()> {
        self.define(&Definition::End)?;
        self.write_index()
    }

    fn write_index(&mut self) -> io::Result<()> {
        let offset = self.offset;
        self.index.finish(offset, &mut self.blocks);
        self.write_blocks()
    }

    fn flush(&mut self) -> io::Result<()> {
        let written = self.write_blocks();
        let entries = self.entries.drain(..);
        if written.is_ok() {
            entries.for_each(|entry| self.index.push(entry));
        } else {
            drop(entries);
        }
        if written.is_ok() && self.index.is_full() && self.ring.is_none() {
            return self.write_index();
        }
        written
    }

    fn write_blocks(&mut self) -> io::Result<()> {
        let (blocks, offset) = (&self.blocks, self.offset);
        let end = offset + blocks.len() as u64;
        let written = self.file.get_to_append(offset, end).and_then(|file| {
            file.write_all_at(blocks, offset)
                // Half a block would only be skipped by readers; without it the file ends well.
                .inspect_err(|_| drop(file.set_len(offset)))
        });
        if written.is_ok() {
            self.offset += self.blocks.len() as u64;
        }
        self.blocks.clear();
        written
    }
}

/// Where the part of a trace is written that takes the trace's place.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".ring");
    PathBuf::from(name)
}

/// Removes what a recorder left that died while it dropped the oldest part of its trace.
pub(crate) fn remove_leftover(path: &Path) {
    let beside = beside(path);
    if may_overwrite(&beside) {
        let _ = std::fs::remove_file(beside);
    }
}

/// Writes a trace that holds a part of another one, which may go on: calls from `window`'s first to
/// `last`, both the number of a call, the time counted from `window`'s clock (tick, nanoseconds).
pub fn write_window(
    whole: &Path,
    path: &Path,
    window: (u64, u64, u64),
    last: u64,
) -> io::Result<()> {
    if !may_overwrite(path) {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "it exists and is no trace",
        ));
    }
    std::fs::copy(whole, path)?;
    let (first, tick, monotonic_ns) = window;
    let mut end = Vec::new();
    for definition in [
        Definition::Window {
            first,
            last,
            clock: ClockPair { tick, monotonic_ns },
        },
        Definition::Clock(clock_pair()),
        Definition::End,
    ] {
        definition.encode(&mut end);
    }
    let (mut block, mut packed) = (Vec::new(), Vec::new());
    encode_block(
        &mut block,
        BlockKind::Definitions,
        &end,
        &mut zstd::bulk::Compressor::new(LEVEL)?,
        &mut packed,
    );
    File::options().append(true).open(path)?.write_all(&block)
}
