//! The values of many calls in a few words.

use execmap_query::{CallNumber, Trace, ValueKey, cut, thousands};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::merge::CallKey;

/// So many distinct values are told apart.
const MOST_DISTINCT: usize = 1_000;

/// So many characters of an example are shown.
const EXAMPLE_CHARS: usize = 24;

/// The values that one argument, or the result, had.
#[derive(Clone, Debug, Default)]
pub(crate) struct Summary {
    /// Distinct values; empty when they are too many.
    distinct: FxHashSet<ValueKey>,
    is_over: bool,
    /// The first of them.
    examples: Vec<ValueKey>,
    newest: Option<ValueKey>,
    /// The least and the greatest, while all are whole numbers.
    range: Option<(i64, i64)>,
    is_mixed: bool,
}

impl Summary {
    pub(crate) fn add(&mut self, trace: &Trace, key: ValueKey) {
        if self.newest == Some(key) {
            return;
        }
        self.newest = Some(key);
        if !self.is_mixed {
            match (trace.whole_number(key), &mut self.range) {
                (None, _) => self.is_mixed = true,
                (Some(number), None) => self.range = Some((number, number)),
                (Some(number), Some(range)) => {
                    *range = (range.0.min(number), range.1.max(number));
                }
            }
        }
        if !self.is_over && self.distinct.insert(key) {
            if self.examples.len() < 2 {
                self.examples.push(key);
            }
            if self.distinct.len() > MOST_DISTINCT {
                self.is_over = true;
                self.distinct = FxHashSet::default();
            }
        }
    }

    /// `3`, `1..40, 12 distinct`, `'pen', 'cup', … 5 distinct`
    pub(crate) fn text(&self, trace: &Trace) -> Option<String> {
        let first = *self.examples.first()?;
        if !self.is_over && self.distinct.len() == 1 {
            return Some(trace.value_text(first));
        }
        let distinct = if self.is_over {
            format!("over {} distinct", thousands(MOST_DISTINCT as u64))
        } else {
            format!("{} distinct", thousands(self.distinct.len() as u64))
        };
        if let (Some((least, most)), false) = (self.range, self.is_mixed) {
            let is_full = !self.is_over && most.abs_diff(least) + 1 == self.distinct.len() as u64;
            return Some(if is_full {
                format!("{least}..{most}")
            } else {
                format!("{least}..{most}, {distinct}")
            });
        }
        let examples: Vec<String> = self
            .examples
            .iter()
            .map(|key| cut(&trace.value_text(*key), EXAMPLE_CHARS).into_owned())
            .collect();
        let more = if self.distinct.len() == self.examples.len() {
            String::new()
        } else {
            format!(", … {distinct}")
        };
        let joined = if more.is_empty() { " or " } else { ", " };
        Some(format!("{}{more}", examples.join(joined)))
    }
}

/// What the calls of a function had as arguments, and what they returned.
#[derive(Clone, Debug, Default)]
pub(crate) struct EdgeValues {
    /// How many calls there were.
    pub(crate) calls: u64,
    /// By argument.
    pub(crate) args: Vec<Summary>,
    /// What they returned.
    pub(crate) result: Summary,
    /// Whether arguments of some were not recorded.
    pub(crate) has_unknown_args: bool,
}

impl EdgeValues {
    pub(crate) fn add(&mut self, trace: &Trace, call: CallNumber) {
        self.calls += 1;
        let calls = trace.calls();
        let function = trace.function_of(call);
        let count = function.args.len();
        match calls.args(call, count) {
            Some(keys) => {
                self.args.resize_with(count, Summary::default);
                for (summary, key) in self.args.iter_mut().zip(keys) {
                    summary.add(trace, key);
                }
            }
            None => self.has_unknown_args |= count > 0,
        }
        if let Some(key) = calls.result(call) {
            self.result.add(trace, key);
        }
    }
}

/// The caller's function of a call, and what makes calls the same part.
type Edge = (u32, CallKey);

/// The values of all calls, by caller and part.
#[derive(Debug, Default)]
pub(crate) struct Edges {
    known: FxHashMap<Edge, u32>,
    list: Vec<EdgeValues>,
}

const NO_CALLER: u32 = u32::MAX;

impl Edges {
    pub(crate) fn add(
        &mut self,
        trace: &Trace,
        call: CallNumber,
        parent: Option<CallNumber>,
        key: CallKey,
    ) {
        let calls = trace.calls();
        let caller = parent.map_or(NO_CALLER, |parent| calls.function(parent).0);
        let list = &mut self.list;
        let edge = (caller, key);
        let number = *self.known.entry(edge).or_insert_with(|| {
            list.push(EdgeValues::default());
            list.len() as u32 - 1
        });
        list[number as usize].add(trace, call);
    }

    pub(crate) fn get(&self, caller: Option<u32>, key: CallKey) -> Option<&EdgeValues> {
        let edge = (caller.unwrap_or(NO_CALLER), key);
        Some(&self.list[*self.known.get(&edge)? as usize])
    }

    /// Pairs of functions of which the first called the second.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.known
            .keys()
            .map(|(caller, key)| (*caller, key.function))
    }
}
