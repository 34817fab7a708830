//! Calls as typed arrays, little-endian, one after another.

use execmap_query::{CallNumber, Outcome, Trace, ValueKey};
use rustc_hash::FxHashMap;

use crate::data::ColumnSpec;

/// Stands for "none" in a column of call numbers or tasks.
const NONE: u32 = u32::MAX;

/// The first calls of a trace.
pub(crate) struct Encoded {
    pub(crate) specs: Vec<ColumnSpec>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) texts: Vec<String>,
}

/// Encodes the first `rows` calls.
pub(crate) fn encode(trace: &Trace, rows: usize) -> Encoded {
    let calls = trace.calls();
    let numbers = || (0..rows as u32).map(CallNumber);
    let mut texts = Texts::new(trace);
    let values = Values::of(trace, &mut texts, rows);
    let mut out = Columns::default();
    // The widest elements first, so that every array is aligned.
    let mut latest = 0;
    let start = |call| {
        if calls.contains(call) {
            latest = calls.start_ns(call);
        }
        latest as f64
    };
    let end = |call| calls.end_ns(call).map_or(f64::NAN, |end| end as f64);
    out.put_f64("start_ns", numbers().map(start));
    out.put_f64("end_ns", numbers().map(end));
    out.put_f64(
        "suspended_ns",
        numbers().map(|call| calls.suspended_ns(call) as f64),
    );
    // Calls whose beginning was lost belong to a function after all others.
    let lost = trace.functions().len() as u32;
    let function = |call| {
        if calls.contains(call) {
            calls.function(call).0
        } else {
            lost
        }
    };
    out.put_u32("function", numbers().map(function));
    out.put_u32(
        "parent",
        numbers().map(|call| calls.parent(call).map_or(NONE, |parent| parent.0)),
    );
    out.put_u32(
        "task",
        numbers().map(|call| calls.task(call).map_or(NONE, |task| task.0)),
    );
    out.put_u32("result", values.results.into_iter());
    out.put_u32("exception", values.exceptions.into_iter());
    out.put_u32(
        "call_line",
        numbers().map(|call| trace.call_line(call).unwrap_or(0)),
    );
    out.put_u32("args_start", values.args_start.into_iter());
    out.put_u32("arg_texts", values.arg_texts.into_iter());
    out.put_u32("subtree", numbers().map(|call| trace.subtree(call)));
    out.put_u16("thread", numbers().map(|call| calls.thread(call).0 as u16));
    out.put_u8("outcome", numbers().map(|call| calls.outcome(call) as u8));
    Encoded {
        specs: out.specs,
        bytes: out.bytes,
        texts: texts.list,
    }
}

/// Texts of arguments, results and exceptions, by their positions in the table.
struct Values {
    results: Vec<u32>,
    exceptions: Vec<u32>,
    args_start: Vec<u32>,
    arg_texts: Vec<u32>,
}

impl Values {
    fn of(trace: &Trace, texts: &mut Texts<'_>, rows: usize) -> Self {
        let calls = trace.calls();
        let mut values = Values {
            results: Vec::with_capacity(rows),
            exceptions: Vec::with_capacity(rows),
            args_start: Vec::with_capacity(rows),
            arg_texts: Vec::new(),
        };
        for call in (0..rows as u32).map(CallNumber) {
            values.args_start.push(values.arg_texts.len() as u32);
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

#[derive(Default)]
struct Columns {
    specs: Vec<ColumnSpec>,
    bytes: Vec<u8>,
}

impl Columns {
    fn put<const N: usize>(
        &mut self,
        name: &'static str,
        element: &'static str,
        items: impl Iterator<Item = [u8; N]>,
    ) {
        let offset = self.bytes.len();
        for item in items {
            self.bytes.extend_from_slice(&item);
        }
        self.specs.push(ColumnSpec {
            name,
            element,
            offset,
            length: (self.bytes.len() - offset) / N,
        });
    }

    fn put_f64(&mut self, name: &'static str, items: impl Iterator<Item = f64>) {
        self.put(name, "f64", items.map(f64::to_le_bytes));
    }

    fn put_u32(&mut self, name: &'static str, items: impl Iterator<Item = u32>) {
        self.put(name, "u32", items.map(u32::to_le_bytes));
    }

    fn put_u16(&mut self, name: &'static str, items: impl Iterator<Item = u16>) {
        self.put(name, "u16", items.map(u16::to_le_bytes));
    }

    fn put_u8(&mut self, name: &'static str, items: impl Iterator<Item = u8>) {
        self.put(name, "u8", items.map(u8::to_le_bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use execmap_query::testing::shop;

    fn column<'e>(encoded: &'e Encoded, name: &str) -> &'e [u8] {
        let spec = encoded
            .specs
            .iter()
            .find(|spec| spec.name == name)
            .expect("the column is there");
        let width = match spec.element {
            "u8" => 1,
            "u16" => 2,
            "u32" => 4,
            _ => 8,
        };
        assert_eq!(spec.offset % width, 0, "{name} is aligned");
        &encoded.bytes[spec.offset..spec.offset + spec.length * width]
    }

    fn numbers(bytes: &[u8]) -> Vec<u32> {
        let (chunks, _) = bytes.as_chunks::<4>();
        chunks
            .iter()
            .map(|chunk| u32::from_le_bytes(*chunk))
            .collect()
    }

    #[test]
    fn a_call_is_read_back_from_its_columns() {
        let trace = shop();
        let encoded = encode(&trace, 11);
        assert_eq!(
            column(&encoded, "outcome"),
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
        );
        assert_eq!(numbers(column(&encoded, "parent"))[..4], [NONE, 0, 1, 1]);
        assert_eq!(numbers(column(&encoded, "subtree"))[..4], [10, 9, 0, 2]);
        let starts = numbers(column(&encoded, "args_start"));
        let args = numbers(column(&encoded, "arg_texts"));
        let text = |index: u32| encoded.texts[index as usize].as_str();
        assert_eq!(text(args[starts[2] as usize + 1]), "'pen'");
        assert_eq!(text(numbers(column(&encoded, "result"))[2]), "1");
        assert!(text(numbers(column(&encoded, "exception"))[10]).starts_with("ValueError: bad"));
        assert_eq!(encoded.texts[0], "");
    }
}
