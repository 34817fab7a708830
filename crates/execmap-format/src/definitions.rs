//! The tables of definitions, as a reader fills them.

use crate::define::{Code, Definition, DefinitionCounts, Loss, TaskDef, ThreadDef, TypeDef};
use crate::ids::{CodeId, SymbolId, TaskId, TypeId};
use crate::process::{ChildDef, ParentDef};
use crate::segment::ClockPair;

/// Things that are missing, by reason and detail; a recorder names a few.
const MOST_LOSSES: usize = 1 << 10;

/// More definitions than so many are not lost in a trace that can be read; a gap this wide is damage.
const MOST_LOST: u64 = 1 << 18;

/// All definitions of a trace.
#[derive(Clone, Debug, Default)]
pub struct Definitions {
    /// Code objects, by [`CodeId`].
    pub codes: Vec<Code>,
    /// Threads, by log.
    pub threads: Vec<ThreadDef>,
    /// Tasks, by [`TaskId`].
    pub tasks: Vec<TaskDef>,
    /// Facts about the run, in the order written; a later one of the same key holds.
    pub meta: Vec<(String, String)>,
    /// What is missing.
    pub losses: Vec<Loss>,
    /// Pairs of tick counter and monotonic clock.
    pub clock: Vec<ClockPair>,
    /// Whether the recording came to its end.
    pub is_ended: bool,
    /// First call, call after the last, and beginning, where the trace is a part of a longer one.
    pub window: Option<(u64, u64, ClockPair)>,
    /// Processes that were started, in order.
    pub children: Vec<ChildDef>,
    /// Where this process comes from.
    pub parent: Option<ParentDef>,
    /// How many of [`Definitions::children`] were known when a process ended, its number and exit code.
    pub child_ends: Vec<(usize, u64, i64)>,
    symbols: Vec<String>,
    types: Vec<TypeDef>,
    /// Bytes of definitions that were taken in or are known to be lost.
    pub(crate) bytes: u64,
    /// Definitions in whose place something was put.
    lost: u64,
    /// Definitions that were taken in.
    taken: u64,
    /// No more than so many are.
    pub(crate) most: Option<u64>,
}

impl Definitions {
    /// Takes in a run of definitions. False when the bytes are damaged; what came before is kept.
    pub fn extend(&mut self, mut bytes: &[u8]) -> bool {
        self.bytes += bytes.len() as u64;
        while !bytes.is_empty() {
            self.taken += 1;
            if self.most.is_some_and(|most| self.taken > most) {
                return false;
            }
            match Definition::take(&mut bytes) {
                Some(Some(Definition::Counts(counts))) => {
                    if !self.fill(&counts) {
                        return false;
                    }
                    self.bytes = counts.bytes.saturating_add(bytes.len() as u64);
                }
                Some(Some(definition)) => self.push(definition),
                Some(None) => {}
                None => return false,
            }
        }
        true
    }

    /// Takes in one definition.
    pub fn push(&mut self, definition: Definition) {
        match definition {
            Definition::Meta(key, value) => self.meta.push((key, value)),
            Definition::Symbol(text) => self.symbols.push(text),
            Definition::Type(def) => self.types.push(def),
            Definition::Code(code) => self.codes.push(*code),
            Definition::Thread(def) => self.threads.push(def),
            Definition::ThreadUpdate(index, def) => {
                if let Some(slot) = self.threads.get_mut(index as usize) {
                    *slot = def;
                }
            }
            Definition::Task(def) => self.tasks.push(def),
            Definition::TaskUpdate(index, def) => {
                if let Some(slot) = self.tasks.get_mut(index as usize) {
                    *slot = def;
                }
            }
            Definition::Loss(loss) => {
                let same =
                    |other: &&mut Loss| other.reason == loss.reason && other.detail == loss.detail;
                let has_room = self.losses.len() < MOST_LOSSES;
                match self.losses.iter_mut().find(same) {
                    Some(other) => other.count = loss.count,
                    None if has_room => self.losses.push(loss),
                    None => {}
                }
            }
            Definition::Clock(pair) => self.clock.push(pair),
            Definition::Child(def) => self.children.push(def),
            Definition::Parent(def) => self.parent = Some(def),
            Definition::ChildEnd(pid, code) => {
                self.child_ends.push((self.children.len(), pid, code));
            }
            Definition::End => self.is_ended = true,
            Definition::Counts(counts) => {
                self.fill(&counts);
            }
            // A window of a window lies inside it.
            Definition::Window { first, last, clock } => self.window = Some((first, last, clock)),
        }
    }

    /// Puts something in the place of definitions that were lost. False when that cannot be.
    fn fill(&mut self, counts: &DefinitionCounts) -> bool {
        let lost = || "?".to_owned();
        let code = || Code {
            qualname: lost(),
            ..Code::default()
        };
        let of_type = || TypeDef {
            name: lost(),
            full_name: lost(),
        };
        let there = [
            self.symbols.len(),
            self.types.len(),
            self.codes.len(),
            self.threads.len(),
            self.tasks.len(),
        ];
        let Some(missing) = counts.missing(there) else {
            return false;
        };
        self.lost = self.lost.saturating_add(missing);
        if self.lost > MOST_LOST {
            return false;
        }
        let [symbols, types, codes, threads, tasks] = counts.tables.map(|count| count as usize);
        self.symbols.resize_with(symbols, lost);
        self.types.resize_with(types, of_type);
        self.codes.resize_with(codes, code);
        self.threads.resize_with(threads, ThreadDef::default);
        self.tasks.resize_with(tasks, TaskDef::default);
        true
    }

    /// The text of a symbol; `?` for one that is not defined.
    #[must_use]
    pub fn symbol(&self, id: SymbolId) -> &str {
        self.symbols.get(id.index()).map_or("?", String::as_str)
    }

    /// How many symbols there are.
    #[must_use]
    pub fn symbol_count(&self) -> usize {
        self.symbols.len()
    }

    /// A type, if it is defined.
    #[must_use]
    pub fn type_def(&self, id: TypeId) -> Option<&TypeDef> {
        self.types.get(id.index())
    }

    /// A code object, if it is defined.
    #[must_use]
    pub fn code(&self, id: CodeId) -> Option<&Code> {
        self.codes.get(id.index())
    }

    /// A task, if it is defined.
    #[must_use]
    pub fn task(&self, id: TaskId) -> Option<&TaskDef> {
        self.tasks.get(id.index())
    }

    /// A fact about the run.
    #[must_use]
    pub fn meta(&self, key: &str) -> Option<&str> {
        self.meta
            .iter()
            .rev()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_with_their_numbers_when_a_block_is_lost() {
        let symbol = |text: &str| {
            let mut out = Vec::new();
            Definition::Symbol(text.to_owned()).encode(&mut out);
            out
        };
        let (first, lost, third) = (symbol("first"), symbol("second"), symbol("third"));
        let mut counts = DefinitionCounts::default();
        counts.add(&first);
        counts.add(&lost);
        let mut block = Vec::new();
        Definition::Counts(counts).encode(&mut block);
        block.extend_from_slice(&third);

        let mut definitions = Definitions::default();
        assert!(definitions.extend(&first));
        assert!(definitions.extend(&block));
        let names: Vec<&str> = (0..3).map(|id| definitions.symbol(SymbolId(id))).collect();
        assert_eq!(names, ["first", "?", "third"]);
        assert!(!definitions.extend(&block), "the same block again");
    }

    #[test]
    fn gaps_are_bounded_in_all() {
        let mut definitions = Definitions::default();
        let counts = |tables| {
            let mut block = Vec::new();
            Definition::Counts(DefinitionCounts { tables, bytes: 0 }).encode(&mut block);
            block
        };
        assert!(definitions.extend(&counts([100_000, 0, 0, 0, 0])));
        assert!(definitions.extend(&counts([100_000, 0, 100_000, 0, 0])));
        assert!(!definitions.extend(&counts([100_000, 0, 200_000, 0, 0])));
        assert!(!definitions.extend(&counts([u64::MAX; 5])));
        assert_eq!(definitions.codes.len(), 100_000);
    }
}
