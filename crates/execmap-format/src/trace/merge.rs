//! The events of all logs as one sequence, by the time at which their blocks begin.

use super::{Events, TraceReader};
use crate::columns::ColumnsIn;
use crate::error::ReadError;
use crate::event::Event;
use crate::ids::LogId;
use crate::replay::{BlockReplay, LogReplay};
use crate::source::Source;

impl<S: Source> TraceReader<S> {
    pub(super) fn for_each_of_all(
        &self,
        each: &mut dyn FnMut(LogId, &Event<'_>),
    ) -> Result<u32, ReadError> {
        let mut cursors: Vec<Cursor<'_>> = Vec::new();
        for (log, blocks) in &self.logs {
            cursors.push(Cursor {
                log: *log,
                blocks,
                next: 0,
                state: self.state_of(*log),
            });
        }
        cursors.sort_by_key(|cursor| cursor.log);
        let mut merge = Merge {
            trace: self,
            damaged: 0,
            heads: Vec::new(),
        };
        for (index, cursor) in cursors.iter().enumerate() {
            merge.heads.extend(cursor.tick().map(|tick| (tick, index)));
        }
        merge
            .heads
            .sort_unstable_by_key(|head| std::cmp::Reverse(*head));
        while let Some((_, index)) = merge.heads.pop() {
            let until = merge.heads.last().map_or(u64::MAX, |(tick, _)| *tick);
            if let Some(tick) = merge.run(&mut cursors[index], until, each)? {
                let key = (tick, index);
                let place = merge.heads.partition_point(|head| *head > key);
                merge.heads.insert(place, key);
            }
        }
        Ok(merge.damaged)
    }

    fn state_of(&self, log: u32) -> LogReplay {
        let begun = self.begin.logs.iter().find(|state| state.log == log);
        begun.map_or_else(LogReplay::default, LogReplay::begun)
    }
}

struct Cursor<'t> {
    log: u32,
    blocks: &'t [(u32, u64, Events)],
    next: usize,
    state: LogReplay,
}

impl Cursor<'_> {
    /// The tick at which its next block begins.
    fn tick(&self) -> Option<u64> {
        self.blocks.get(self.next).map(|(_, tick, _)| *tick)
    }
}

struct Merge<'t, S> {
    trace: &'t TraceReader<S>,
    damaged: u32,
    /// Logs with blocks to read, by the tick of the next one, the earliest last.
    heads: Vec<(u64, usize)>,
}

impl<S: Source> Merge<'_, S> {
    /// The payload of a log's next block; `None` when it is damaged.
    fn load(&mut self, cursor: &mut Cursor<'_>) -> Result<Option<Vec<u8>>, ReadError> {
        let Some((.., events)) = cursor.blocks.get(cursor.next) else {
            return Ok(None);
        };
        cursor.next += 1;
        Ok(match events {
            Events::InFile { offset, block } => self.trace.payload(*offset, block)?,
            Events::InMemory(payload) => Some(payload.clone()),
        })
    }

    /// Reads whole blocks of a log as long as they begin before `until`.
    fn run(
        &mut self,
        cursor: &mut Cursor<'_>,
        until: u64,
        each: &mut dyn FnMut(LogId, &Event<'_>),
    ) -> Result<Option<u64>, ReadError> {
        let log = LogId(cursor.log);
        loop {
            let payload = self.load(cursor)?.unwrap_or_default();
            if let Some((head, columns)) = ColumnsIn::split(&payload) {
                let mut block =
                    BlockReplay::new(&head, columns, self.trace.scale, &mut cursor.state);
                loop {
                    match block.next(&mut cursor.state, &mut |event| each(log, event)) {
                        Some(true) => {}
                        Some(false) => break,
                        None => {
                            self.damaged += 1;
                            break;
                        }
                    }
                }
            } else {
                self.damaged += 1;
            }
            match cursor.tick() {
                Some(tick) if tick > until => return Ok(Some(tick)),
                Some(_) => {}
                None => return Ok(None),
            }
        }
    }
}
