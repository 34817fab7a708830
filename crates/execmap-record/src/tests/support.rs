//! A program that calls functions, and what a reader sees of it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::os::ticks;
use crate::{Limits, Log, Session};
use execmap_format::{Code, Definition, Event, Source, Summary, TraceReader, kind, pack, token};

/// Several logs with equal shares of calls.
pub(crate) struct Program {
    pub(crate) session: Session,
    pub(crate) logs: Vec<Log>,
    /// The log of each call.
    story: Vec<u32>,
}

/// What a reader sees.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Number, parent, log, argument, and result of each call, by number.
    pub(crate) calls: Vec<(u64, Option<u64>, u32, String, String)>,
    pub(crate) names: Vec<String>,
}

pub(crate) fn trace_path(folder: &Path) -> PathBuf {
    folder.join("run.execmap")
}

impl Program {
    pub(crate) fn new(path: &Path, logs: u32) -> Program {
        Self::limited(path, logs, None)
    }

    pub(crate) fn limited(path: &Path, logs: u32, max_size: impl Into<Limits>) -> Program {
        let (mut session, refused) =
            Session::create(path, [3; 16], max_size).expect("the folder can be written");
        assert!(refused.is_none(), "{refused:?}");
        let logs = (0..logs).map(|number| session.open_log(number)).collect();
        Program {
            session,
            logs,
            story: Vec::new(),
        }
    }

    pub(crate) fn define(&mut self, name: &str) {
        self.session.define(&Definition::Code(Box::new(Code {
            qualname: name.to_owned(),
            ..Code::default()
        })));
    }

    fn room(&mut self, log: usize) -> bool {
        self.room_for(log, 64)
    }

    fn room_for(&mut self, log: usize, len: usize) -> bool {
        if self.logs[log].cursor.has_room(len) {
            return true;
        }
        let (before, rest) = self.logs.split_at_mut(log);
        let (own, after) = rest.split_first_mut().expect("the log is there");
        let mut others = before.iter_mut().chain(after);
        self.session
            .make_room(own, || others.find_map(Session::yield_segment))
    }

    /// A call that goes on.
    pub(crate) fn begin(&mut self, log: usize) {
        let call = self.story.len() as u64;
        self.story.push(log as u32);
        assert!(self.room(log), "there is room");
        let own = &mut self.logs[log];
        if own.next_call != call {
            own.cursor.words(pack(kind::NEXT_CALL, 0, ticks()), call);
        }
        own.next_call = call + 1;
        let mut tokens = own.cursor.tokens(16, 16);
        tokens.tag4(token::INT32, call as u32);
        let len = tokens.len();
        let word = (len as u64) << 32 | 1 << 56;
        own.cursor
            .words_and(pack(kind::START, 0, ticks()), word, len);
    }

    /// A call with its own number as argument, and twice that as result.
    pub(crate) fn call(&mut self, log: usize) {
        let call = self.story.len() as u64;
        self.begin(log);
        assert!(self.room(log), "there is room");
        let own = &mut self.logs[log];
        let mut tokens = own.cursor.tokens(8, 16);
        tokens.tag4(token::INT32, call as u32 * 2);
        let len = tokens.len();
        own.cursor
            .word_and(pack(kind::RETURN, len as u32, ticks()), len);
    }

    /// A call of a log that begins and ends with it, with a value that no other call has.
    pub(crate) fn call_with_new_value(&mut self, log: &mut Log, call: u64) {
        let mut room = |log: &mut Log| self.session.make_room(log, || None);
        assert!(log.cursor.has_room(256) || room(log), "there is room");
        if log.next_call != call {
            log.cursor.words(pack(kind::NEXT_CALL, 0, ticks()), call);
        }
        log.next_call = call + 1;
        let mut tokens = log.cursor.tokens(16, 64);
        let at = tokens.begin(token::SEQ);
        tokens.raw(&[token::seq_kind::LIST, 1, 1, 0, 0, 0]);
        tokens.tag8(token::FLOAT, call);
        tokens.end(at);
        let len = tokens.len();
        let word = (len as u64) << 32 | 1 << 56;
        log.cursor
            .words_and(pack(kind::START, 0, ticks()), word, len);
        log.cursor.word_and(pack(kind::RETURN, 0, ticks()), 0);
    }

    /// Calls until there is no more room; gives how many began.
    pub(crate) fn calls_until_stopped(&mut self, most: usize) -> usize {
        for index in 0..most {
            let log = index % self.logs.len();
            // Room for the whole call: the writer may stop the recording at any moment.
            if !self.room_for(log, 256) {
                return self.story.len();
            }
            self.call(log);
        }
        self.story.len()
    }

    pub(crate) fn calls(&mut self, count: usize) {
        for index in 0..count {
            self.call(index % self.logs.len());
        }
    }

    /// What a reader must see of it.
    pub(crate) fn expected(&self, names: &[&str]) -> Seen {
        let one = |(call, log): (usize, &u32)| {
            let (number, result) = (call.to_string(), (call * 2).to_string());
            (call as u64, None, *log, number, result)
        };
        Seen {
            calls: self.story.iter().enumerate().map(one).collect(),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
        }
    }
}

/// A file that may grow while it is read.
struct Live(File);

impl Source for Live {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        FileExt::read_at(&self.0, into, offset)
    }
}

/// Reads a trace and its side file while the recording goes on.
pub(crate) fn read_live(path: &Path) -> (Seen, Summary) {
    let open = |path: &Path| File::open(path).map(Live);
    let main = open(path).expect("the trace is there");
    read_bytes(main, open(&path.with_extension("execmap.part")).ok())
}

/// Reads a trace and its side file, if there is one.
pub(crate) fn read(path: &Path) -> (Seen, Summary) {
    let main = std::fs::read(path).expect("the trace is there");
    let part = std::fs::read(path.with_extension("execmap.part")).ok();
    read_bytes(main, part)
}

fn read_bytes<S: Source>(main: S, part: Option<S>) -> (Seen, Summary) {
    let trace = TraceReader::open(main, part).expect("the trace opens");
    let text = |value| trace.values().text(value, trace.definitions());
    let mut calls = Vec::new();
    let mut open = std::collections::HashMap::new();
    let damaged = trace.for_each_event(&mut |log, event| match *event {
        Event::Start {
            call, parent, args, ..
        } => {
            open.insert(call.0, calls.len());
            let parent = parent.map(|call| call.0);
            calls.push((call.0, parent, log.0, text(args[0]), String::new()));
        }
        Event::Return { call, value, .. } => {
            if let Some(at) = open.remove(&call.0) {
                calls[at].4 = text(value);
            }
        }
        _ => {}
    });
    assert_eq!(damaged.expect("the trace can be read"), 0);
    calls.sort_unstable();
    let codes = &trace.definitions().codes;
    let names = codes.iter().map(|code| code.qualname.clone()).collect();
    (Seen { calls, names }, trace.summary().clone())
}
