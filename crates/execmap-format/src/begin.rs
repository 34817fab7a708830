//! The state at a moment from which on a trace can be read without what came before.

use crate::columns::MAX_OPEN;
use crate::varint::{put, take};

/// The state of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogState {
    /// The log.
    pub log: u32,
    /// Number of its next block.
    pub sequence: u32,
    /// Task + 1 in which calls begin, 0 for none.
    pub task: u32,
    /// Running calls, innermost first.
    pub open: Vec<u64>,
}

/// The state of all logs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Begin {
    /// Calls that begin from here on have this number or a greater one, those before a smaller one.
    pub next_call: u64,
    /// Rows of values that what follows names have this number or a greater one.
    pub next_row: u64,
    /// Logs that had recorded something and had not ended.
    pub logs: Vec<LogState>,
}

impl Begin {
    /// The payload of a block.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put(&mut out, self.next_call);
        put(&mut out, self.next_row);
        put(&mut out, self.logs.len() as u64);
        for log in &self.logs {
            for number in [log.log, log.sequence, log.task] {
                put(&mut out, u64::from(number));
            }
            put(&mut out, log.open.len() as u64);
            for call in &log.open {
                put(&mut out, *call);
            }
        }
        out
    }

    /// Reads what [`Begin::encode`] wrote.
    pub(crate) fn decode(mut payload: &[u8]) -> Option<Begin> {
        let input = &mut payload;
        let mut begin = Begin {
            next_call: take(input)?,
            next_row: take(input)?,
            logs: Vec::new(),
        };
        for _ in 0..take(input)? {
            let mut number = || u32::try_from(take(input)?).ok();
            let mut log = LogState {
                log: number()?,
                sequence: number()?,
                task: number()?,
                open: Vec::new(),
            };
            let open = take(input)?;
            if open > MAX_OPEN as u64 {
                return None;
            }
            for _ in 0..open {
                log.open.push(take(input)?);
            }
            begin.logs.push(log);
        }
        Some(begin)
    }
}
