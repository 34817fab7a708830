//! Calls as columns, one after another, made to pack well.
//!
//! | column | element |
//! | --- | --- |
//! | `function` | position of the function |
//! | `parent` | how many rows above its caller stands, 0 for none |
//! | `start`, `end` | see [`crate::times`] |
//! | `suspended` | nanoseconds |
//! | `thread` | number of the thread |
//! | `task` | number of the task and one, 0 for none |
//! | `outcome` | 0 returned, 1 failed, 2 closed, 3 did not end, 4 left by the exception that ends the program or closes a generator |
//! | `result`, `exception` | position in the texts, 0 for none |
//! | `call_line` | line of the caller, 0 for unknown |
//! | `absent` | calls below that are in the trace and not in the page |
//! | `arg_texts` | positions in the texts, call after call, as many as the function of each has arguments |
//!
//! Each column holds the lowest bytes of all its elements, then the next bytes
//! of all, so that bytes that are alike stand together.

use execmap_query::{CallNumber, Outcome, Trace, ValueKey};
use rustc_hash::FxHashMap;

use crate::data::ColumnSpec;
use crate::times;

/// The outcome of a call that was left by an exception which is no failure.
pub(crate) const EXITED: u8 = 4;

/// Encodes the first `rows` calls behind other columns; gives the texts that they point to.
pub(crate) fn encode(trace: &Trace, rows: usize, out: &mut Columns) -> Vec<String> {
    let calls = trace.calls();
    let numbers = || (0..rows as u32).map(CallNumber);
    let mut texts = Texts::new(trace);
    let values = Values::of(trace, &mut texts, rows);
    // Calls whose beginning was lost belong to a function after all others.
    let lost = trace.functions().len() as u32;
    let function = |call| {
        if calls.contains(call) {
            calls.function(call).0
        } else {
            lost
        }
    };
    let distance = |call: CallNumber| calls.parent(call).map_or(0, |parent| call.0 - parent.0);
    let outcome = |call| match calls.outcome(call) {
        Outcome::Raised if !calls.has_failed(call) => EXITED,
        outcome => outcome as u8,
    };
    let times = times::encode(calls, rows);
    out.put("function", numbers().map(function));
    out.put("parent", numbers().map(distance));
    out.put("start", times.starts);
    out.put("end", times.ends);
    out.put("suspended", numbers().map(|call| calls.suspended_ns(call)));
    out.put("thread", numbers().map(|call| calls.thread(call).0));
    out.put(
        "task",
        numbers().map(|call| calls.task(call).map_or(0, |task| task.0 + 1)),
    );
    out.put("outcome", numbers().map(outcome));
    out.put("result", values.results);
    out.put("exception", values.exceptions);
    out.put(
        "call_line",
        numbers().map(|call| trace.call_line(call).unwrap_or(0)),
    );
    out.put("arg_texts", values.arg_texts);
    out.put("absent", absent(trace, rows));
    texts.list
}

/// Calls below each call that are not among the first `rows`.
fn absent(trace: &Trace, rows: usize) -> Vec<u32> {
    let mut absent: Vec<u32> = trace.subtrees()[..rows].to_vec();
    let mut held = vec![0u32; rows];
    for call in (0..rows as u32).rev().map(CallNumber) {
        absent[call.index()] -= held[call.index()];
        if let Some(parent) = trace.calls().parent(call) {
            held[parent.index()] += held[call.index()] + 1;
        }
    }
    absent
}

/// Texts of arguments, results and exceptions, by their positions in the table.
struct Values {
    results: Vec<u32>,
    exceptions: Vec<u32>,
    arg_texts: Vec<u32>,
}

impl Values {
    fn of(trace: &Trace, texts: &mut Texts<'_>, rows: usize) -> Self {
        let calls = trace.calls();
        let mut values = Values {
            results: Vec::with_capacity(rows),
            exceptions: Vec::with_capacity(rows),
            arg_texts: Vec::new(),
        };
        for call in (0..rows as u32).map(CallNumber) {
            let names = if calls.contains(call) {
                trace.function_of(call).args.len()
            } else {
                0
            };
            let first = values.arg_texts.len();
            if let Some(args) = calls.args(call, names) {
                values.arg_texts.extend(args.map(|key| texts.value(key)));
            }
            values.arg_texts.resize(first + names, 0);
            values
                .results
                .push(calls.result(call).map_or(0, |key| texts.value(key)));
            let exception = calls.exception(call).map_or(0, |key| texts.exception(key));
            debug_assert!(exception == 0 || calls.outcome(call) == Outcome::Raised);
            values.exceptions.push(exception);
        }
        values
    }
}

/// The table of texts, each once.
struct Texts<'t> {
    trace: &'t Trace,
    list: Vec<String>,
    by_text: FxHashMap<String, u32>,
    by_value: FxHashMap<ValueKey, u32>,
    by_exception: FxHashMap<ValueKey, u32>,
}

impl<'t> Texts<'t> {
    fn new(trace: &'t Trace) -> Self {
        Texts {
            trace,
            list: vec![String::new()],
            by_text: FxHashMap::from_iter([(String::new(), 0)]),
            by_value: FxHashMap::default(),
            by_exception: FxHashMap::default(),
        }
    }

    fn value(&mut self, key: ValueKey) -> u32 {
        if let Some(known) = self.by_value.get(&key) {
            return *known;
        }
        let index = self.text(self.trace.value_text(key));
        self.by_value.insert(key, index);
        index
    }

    fn exception(&mut self, key: ValueKey) -> u32 {
        if let Some(known) = self.by_exception.get(&key) {
            return *known;
        }
        let index = self.text(self.trace.exception_text(key));
        self.by_exception.insert(key, index);
        index
    }

    fn text(&mut self, text: String) -> u32 {
        if let Some(known) = self.by_text.get(&text) {
            return *known;
        }
        let index = self.list.len() as u32;
        self.list.push(text.clone());
        self.by_text.insert(text, index);
        index
    }
}

/// Columns one after another.
#[derive(Clone, Default)]
pub(crate) struct Columns {
    pub(crate) specs: Vec<ColumnSpec>,
    pub(crate) bytes: Vec<u8>,
}

impl Columns {
    /// Puts a column down: the lowest bytes of all its elements, then the bytes above them, as many
    /// as the greatest element needs.
    pub(crate) fn put<T: Into<u64>>(
        &mut self,
        name: &'static str,
        items: impl IntoIterator<Item = T>,
    ) {
        let items: Vec<u64> = items.into_iter().map(Into::into).collect();
        let most = items.iter().fold(0, |all, item| all | item);
        let width = (u64::BITS - most.leading_zeros()).div_ceil(8);
        self.specs.push(ColumnSpec {
            name,
            width,
            offset: self.bytes.len(),
            length: items.len(),
        });
        for plane in 0..width {
            let byte = |item: &u64| (item >> (8 * plane)) as u8;
            self.bytes.extend(items.iter().map(byte));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use execmap_query::testing::{TraceBuilder, shop};

    fn encoded(trace: &Trace, rows: usize) -> (Columns, Vec<String>) {
        let mut columns = Columns::default();
        let texts = encode(trace, rows, &mut columns);
        (columns, texts)
    }

    fn column(encoded: &Columns, name: &str) -> Vec<u64> {
        let spec = encoded
            .specs
            .iter()
            .find(|spec| spec.name == name)
            .expect("the column is there");
        let byte = |plane: usize, row: usize| {
            u64::from(encoded.bytes[spec.offset + plane * spec.length + row]) << (8 * plane)
        };
        (0..spec.length)
            .map(|row| (0..spec.width as usize).map(|plane| byte(plane, row)).sum())
            .collect()
    }

    #[test]
    fn a_call_is_read_back_from_its_columns() {
        let trace = shop();
        let (all, texts) = encoded(&trace, 11);
        assert_eq!(column(&all, "outcome"), [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(column(&all, "parent")[..4], [0, 1, 1, 2]);
        assert_eq!(column(&all, "absent"), [0; 11]);
        assert_eq!(column(&encoded(&trace, 5).0, "absent"), [6, 6, 0, 1, 1]);
        let args = column(&all, "arg_texts");
        let text = |index: u64| texts[index as usize].as_str();
        let before = trace.function_of(CallNumber(1)).args.len();
        assert_eq!(text(args[before + 1]), "'pen'");
        assert_eq!(text(column(&all, "result")[2]), "1");
        assert!(text(column(&all, "exception")[10]).starts_with("ValueError: bad"));
        assert_eq!(texts[0], "");
    }

    #[test]
    fn the_end_of_the_program_is_no_failure() {
        let mut builder = TraceBuilder::new();
        builder.call("main", &[]);
        builder.raises("SystemExit: 0");
        let (all, texts) = encoded(&builder.trace(), 1);
        assert_eq!(column(&all, "outcome"), [u64::from(EXITED)]);
        assert_eq!(texts[1], "SystemExit: 0");
    }
}
