//! Traces made by hand, for the tests of readers.

use crate::block::{BlockKind, FileHeader, encode_block};
use crate::define::Definition;
use crate::intern::Interner;
use crate::record::{kind, pack, pack_counted};
use crate::segment::{ClockPair, SegmentHeader, SegmentState};
use crate::token;
use crate::transcode::LogTranscoder;

/// Writes records as a recorder does, and a whole trace around them. One tick is one nanosecond.
#[derive(Default)]
pub struct TraceBuilder {
    definitions: Vec<u8>,
    logs: Vec<(u32, Vec<u8>)>,
    is_unfinished: bool,
}

/// Tokens of values.
#[must_use]
pub fn int_token(value: i32) -> Vec<u8> {
    [&[token::INT32][..], &value.to_le_bytes()].concat()
}

/// The token of a text.
#[must_use]
pub fn str_token(text: &str) -> Vec<u8> {
    [
        &[token::STR][..],
        &(text.len() as u16).to_le_bytes(),
        text.as_bytes(),
    ]
    .concat()
}

/// The token of a builtin exception with one text as its argument; `of` is its type.
#[must_use]
pub fn exception_token(of: u32, message: &str) -> Vec<u8> {
    let argument = str_token(message);
    let seq = [
        &[token::seq_kind::TUPLE, 1][..],
        &1u32.to_le_bytes(),
        &argument,
    ]
    .concat();
    let seq = [&[token::SEQ][..], &(seq.len() as u16).to_le_bytes(), &seq].concat();
    let body = [&of.to_le_bytes()[..], &[1, 0, 0, 0], &seq].concat();
    [
        &[token::EXCEPTION][..],
        &(body.len() as u16).to_le_bytes(),
        &body,
    ]
    .concat()
}

impl TraceBuilder {
    /// Adds a definition.
    pub fn define(&mut self, definition: &Definition) -> &mut Self {
        definition.encode(&mut self.definitions);
        self
    }

    fn words(&mut self, log: u32, words: &[u64], tokens: &[u8]) -> &mut Self {
        let index = self
            .logs
            .iter()
            .position(|(name, _)| *name == log)
            .unwrap_or_else(|| {
                self.logs.push((log, Vec::new()));
                self.logs.len() - 1
            });
        let bytes = &mut self.logs[index].1;
        for word in words {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        bytes.extend_from_slice(tokens);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        self
    }

    /// A call begins.
    pub fn start(
        &mut self,
        log: u32,
        tick: u64,
        code: u32,
        site: Option<u32>,
        args: &[Vec<u8>],
    ) -> &mut Self {
        let tokens = args.concat();
        let site = u64::from(site.map_or(0, |site| site + 1));
        let word = site | (tokens.len() as u64) << 32 | (args.len() as u64) << 56;
        self.words(log, &[pack(kind::START, code, tick), word], &tokens)
    }

    /// The running call returns.
    pub fn ret(&mut self, log: u32, tick: u64, value: &[u8]) -> &mut Self {
        self.words(log, &[pack(kind::RETURN, value.len() as u32, tick)], value)
    }

    /// The running call awaits.
    pub fn suspend(&mut self, log: u32, tick: u64) -> &mut Self {
        self.words(log, &[pack(kind::AWAIT, 0, tick)], &[])
    }

    /// A suspended call goes on.
    pub fn resume(&mut self, log: u32, tick: u64, call: u64) -> &mut Self {
        self.words(log, &[pack(kind::RESUME, 0, tick), call], &[])
    }

    /// The running call is left by an exception.
    pub fn unwind(&mut self, log: u32, tick: u64, exception: u32) -> &mut Self {
        self.words(log, &[pack(kind::UNWIND, exception, tick)], &[])
    }

    /// An exception is raised in the running call.
    pub fn raise(&mut self, log: u32, tick: u64, exception: u32, value: &[u8]) -> &mut Self {
        self.words(
            log,
            &[
                pack(kind::RAISE, exception, tick),
                (value.len() as u64) << 32,
            ],
            value,
        )
    }

    /// The running call catches an exception.
    pub fn handled(&mut self, log: u32, tick: u64, exception: u32) -> &mut Self {
        self.words(log, &[pack(kind::HANDLED, exception, tick), 0], &[])
    }

    /// A loop's header is entered again.
    pub fn loop_entry(&mut self, log: u32, header: u32, count: u32) -> &mut Self {
        self.words(log, &[pack_counted(kind::LOOP, header, count)], &[])
    }

    /// Calls begin in a task from here.
    pub fn task(&mut self, log: u32, task: Option<u32>) -> &mut Self {
        self.words(
            log,
            &[pack_counted(kind::TASK, 0, task.map_or(0, |task| task + 1))],
            &[],
        )
    }

    /// The next call has this number.
    pub fn next_call(&mut self, log: u32, call: u64) -> &mut Self {
        self.words(log, &[pack(kind::NEXT_CALL, 0, 0), call], &[])
    }

    /// The next call was created by another.
    pub fn created_by(&mut self, log: u32, call: u64) -> &mut Self {
        self.words(log, &[pack(kind::CREATED_BY, 0, 0), call], &[])
    }

    /// Leaves the end of the recording unwritten.
    pub fn unfinished(&mut self) -> &mut Self {
        self.is_unfinished = true;
        self
    }

    /// The bytes of the trace.
    ///
    /// # Panics
    /// When zstd cannot be set up.
    #[must_use]
    pub fn build(&mut self, end_tick: u64) -> Vec<u8> {
        for tick in [1, end_tick] {
            self.define(&Definition::Clock(ClockPair {
                tick,
                monotonic_ns: tick,
            }));
        }
        let mut packer = zstd::bulk::Compressor::new(1).expect("zstd has level 1");
        let (mut out, mut scratch) = (Vec::new(), Vec::new());
        let header = FileHeader {
            version: crate::FORMAT_VERSION,
            run_id: [7; 16],
        };
        out.extend_from_slice(&header.encode());
        encode_block(
            &mut out,
            BlockKind::Definitions,
            &self.definitions,
            &mut packer,
            &mut scratch,
        );
        let mut interner = Interner::new(0);
        for (log, records) in &self.logs {
            let head = SegmentHeader {
                capacity: 0,
                state: SegmentState::InUse,
                log: *log,
                sequence: 0,
                published: records.len() as u32,
                clock: ClockPair {
                    tick: 1,
                    monotonic_ns: 1,
                },
                next_call: 0,
                drained: 0,
            };
            let (mut events, mut values) = (Vec::new(), Vec::new());
            LogTranscoder::default().segment(&head, records, &mut interner, &mut events);
            if interner.take_fresh(&mut values) {
                encode_block(
                    &mut out,
                    BlockKind::Values,
                    &values,
                    &mut packer,
                    &mut scratch,
                );
            }
            encode_block(
                &mut out,
                BlockKind::Events,
                &events,
                &mut packer,
                &mut scratch,
            );
        }
        if !self.is_unfinished {
            let mut end = Vec::new();
            Definition::End.encode(&mut end);
            encode_block(
                &mut out,
                BlockKind::Definitions,
                &end,
                &mut packer,
                &mut scratch,
            );
        }
        out
    }
}
