//! The trace's file: segments in, blocks out.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use execmap_format::{
    BlockKind, ClockPair, Definition, DefinitionCounts, FILE_HEADER_LEN, FileHeader, Interner,
    LogTranscoder, SegmentHeader, encode_block,
};

use crate::names::may_overwrite;
use crate::os::{Segment, clock_pair};
use crate::own_file::OwnFile;

/// Fast enough to keep up with a program that does nothing but call.
const LEVEL: i32 = 1;

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
    blocks: Vec<u8>,
    payload: Vec<u8>,
    packed: Vec<u8>,
    /// Calls that began in what was written.
    pub starts: u64,
    /// Records that could not be read back.
    pub damaged: u64,
}

impl Output {
    /// Begins a trace in an empty file, which lies at `path`.
    pub fn new(file: File, path: &Path, run_id: [u8; 16]) -> io::Result<Output> {
        let header = FileHeader {
            version: execmap_format::FORMAT_VERSION,
            run_id,
        };
        file.write_all_at(&header.encode(), 0)?;
        Ok(Output {
            file: OwnFile::new(file, path)?,
            counts: DefinitionCounts::default(),
            offset: FILE_HEADER_LEN as u64,
            packer: zstd::bulk::Compressor::new(LEVEL)?,
            interner: Interner::new(0),
            logs: HashMap::new(),
            blocks: Vec::new(),
            payload: Vec::new(),
            packed: Vec::new(),
            starts: 0,
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
        self.payload.clear();
        Definition::Counts(self.counts).encode(&mut self.payload);
        self.payload.extend_from_slice(bytes);
        encode_block(
            &mut self.blocks,
            BlockKind::Definitions,
            &self.payload,
            &mut self.packer,
            &mut self.packed,
        );
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
        let done = log.segment(head, records, &mut self.interner, &mut payload);
        self.starts += done.starts;
        self.damaged += done.damaged as u64;
        let mut values = Vec::new();
        if self.interner.take_fresh(&mut values) {
            encode_block(
                &mut self.blocks,
                BlockKind::Values,
                &values,
                &mut self.packer,
                &mut self.packed,
            );
        }
        encode_block(
            &mut self.blocks,
            BlockKind::Events,
            &payload,
            &mut self.packer,
            &mut self.packed,
        );
        self.payload = payload;
        self.flush()
    }

    /// Forgets a log whose thread has ended.
    pub fn forget(&mut self, log: u32) {
        self.logs.remove(&log);
    }

    fn flush(&mut self) -> io::Result<()> {
        let (blocks, offset) = (&self.blocks, self.offset);
        let written = self.file.get().and_then(|file| {
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
