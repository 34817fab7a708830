//! Loops of functions, and how often they were entered again between calls.

use rustc_hash::FxHashMap;

use crate::columns::{Sparse, Uniform};
use crate::handles::CallNumber;

/// A loop in a function's bytecode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loop {
    /// Byte offset of its header, which names it.
    pub header: u32,
    /// Byte offset behind its last instruction, code for exceptions left aside.
    pub end: u32,
    /// Whether entries of the header were recorded.
    pub is_recorded: bool,
    /// Its first and last line.
    lines: (u32, u32),
}

/// The loops of a function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loops {
    /// Outer ones before those inside them.
    list: Vec<Loop>,
    /// Where code for exceptions begins, which stands behind all other code.
    cold: Option<u32>,
    runs: Vec<(u32, Option<u32>)>,
}

impl Loops {
    /// `found`: header, last jump back, and whether entries are recorded; `runs`: where runs of
    /// bytecode begin, and their lines.
    pub(crate) fn new(
        found: impl Iterator<Item = (u32, u32, bool)> + Clone,
        runs: &[(u32, Option<u32>)],
    ) -> Self {
        let mut loops = Loops::default();
        if found.clone().next().is_none() {
            return loops;
        }
        loops.runs = runs.to_vec();
        let is_jump = |offset: u32| found.clone().any(|(_, end, _)| end == offset);
        let begins = |run: &&(u32, Option<u32>)| run.1.is_none() && run.0 > 0 && !is_jump(run.0);
        let first = found.clone().map(|(header, ..)| header).min();
        loops.cold = runs
            .iter()
            .filter(begins)
            .map(|run| run.0)
            .find(|start| first < Some(*start));
        loops.list = found
            .map(|(header, last_jump, is_recorded)| {
                let end = loops.end_of(header, last_jump);
                let inside = loops
                    .runs
                    .iter()
                    .filter(|run| (header..end).contains(&run.0));
                let ends = [header, last_jump].map(|offset| loops.line_before(offset));
                let lines = inside.filter_map(|run| run.1);
                let lines = lines.chain(ends.into_iter().flatten());
                let lines = lines.fold((u32::MAX, 0), |(least, most), line| {
                    (least.min(line), most.max(line))
                });
                Loop {
                    header,
                    end,
                    is_recorded,
                    lines,
                }
            })
            .collect();
        loops
            .list
            .sort_by_key(|known| (known.header, std::cmp::Reverse(known.end)));
        loops
    }

    /// A jump back may stand in code for exceptions, far behind the loop. The loop itself then ends
    /// where the bytecode comes back to the line of its head.
    fn end_of(&self, header: u32, last_jump: u32) -> u32 {
        let Some(cold) = self.cold.filter(|cold| (header..last_jump).contains(cold)) else {
            return last_jump + 2;
        };
        let Some(head) = self.line_at(header) else {
            return cold;
        };
        let behind = self.runs.partition_point(|run| run.0 <= header);
        let is_head = |run: &(u32, Option<u32>)| run.1.is_some_and(|line| line <= head);
        match self.runs[behind..].iter().position(is_head) {
            Some(position) if self.runs[behind + position].1 == Some(head) => {
                self.runs[behind + position].0.min(cold)
            }
            // The condition of a `while` stands at its end again.
            Some(position) => self
                .runs
                .get(behind + position + 1)
                .map_or(cold, |run| run.0.min(cold)),
            None => cold,
        }
    }

    /// The line of an offset, or of the code before it where it has none.
    fn line_before(&self, offset: u32) -> Option<u32> {
        let behind = self.runs.partition_point(|run| run.0 <= offset);
        self.runs[..behind].iter().rev().find_map(|run| run.1)
    }

    fn line_at(&self, offset: u32) -> Option<u32> {
        let behind = self.runs.partition_point(|run| run.0 <= offset);
        self.runs.get(behind.checked_sub(1)?)?.1
    }

    /// All of them, outer ones before those inside them.
    #[must_use]
    pub fn list(&self) -> &[Loop] {
        &self.list
    }

    /// Positions of the loops that an offset lies in, outermost first.
    pub fn around(&self, offset: u32) -> impl Iterator<Item = usize> + '_ {
        let cold_line = self
            .cold
            .filter(|cold| offset >= *cold)
            .map(|_| self.line_at(offset).unwrap_or(0));
        let is_around = move |known: &Loop| match cold_line {
            Some(line) => (known.lines.0..=known.lines.1).contains(&line),
            None => (known.header..known.end).contains(&offset),
        };
        (0..self.list.len()).filter(move |position| is_around(&self.list[*position]))
    }

    /// The position of the loop with a header.
    #[must_use]
    pub fn of_header(&self, header: u32) -> Option<usize> {
        self.list.iter().position(|known| known.header == header)
    }
}

/// How often which loops of a running call were entered again: header and count, in order.
pub type Entries = [(u32, u32)];

/// Entries of loops, by the calls between which they lie. A list that occurs twice is kept once.
#[derive(Debug)]
pub(crate) struct LoopEntries {
    /// Ends of the lists in `all`; the first list is empty.
    ends: Vec<u32>,
    all: Vec<(u32, u32)>,
    known: FxHashMap<Box<Entries>, u32>,
    before: Uniform,
    after: Sparse<u32>,
    /// Entries of running calls since their last call.
    open: FxHashMap<u32, Vec<(u32, u32)>>,
    /// The same of the call of which the last entry was.
    newest: (u32, Vec<(u32, u32)>),
}

impl Default for LoopEntries {
    fn default() -> Self {
        LoopEntries {
            ends: vec![0],
            all: Vec::new(),
            known: FxHashMap::default(),
            before: Uniform::new(0),
            after: Sparse::default(),
            open: FxHashMap::default(),
            newest: (u32::MAX, Vec::new()),
        }
    }
}

impl LoopEntries {
    /// A loop of a running call is entered again.
    pub(crate) fn enter(&mut self, call: u32, header: u32, count: u32) {
        if self.newest.0 != call {
            let own = self.open.remove(&call).unwrap_or_default();
            let (other, list) = std::mem::replace(&mut self.newest, (call, own));
            if !list.is_empty() {
                self.open.insert(other, list);
            }
        }
        match self.newest.1.last_mut() {
            Some(last) if last.0 == header => last.1 = last.1.saturating_add(count),
            _ => self.newest.1.push((header, count)),
        }
    }

    fn take(&mut self, call: u32) -> u32 {
        if self.newest.0 == call {
            let number = intern(
                &mut self.known,
                &mut self.ends,
                &mut self.all,
                &self.newest.1,
            );
            self.newest.1.clear();
            return number;
        }
        if self.open.is_empty() {
            return 0;
        }
        let Some(list) = self.open.remove(&call) else {
            return 0;
        };
        intern(&mut self.known, &mut self.ends, &mut self.all, &list)
    }

    /// A call begins.
    pub(crate) fn begin(&mut self, call: u32, rows: usize, parent: Option<u32>) {
        let number = parent.map_or(0, |parent| self.take(parent));
        self.before.resize(rows);
        self.before.set(call as usize, number);
    }

    /// A call ends.
    pub(crate) fn end(&mut self, call: u32) {
        let number = self.take(call);
        if number != 0 {
            self.after.push(call, number);
        }
    }

    pub(crate) fn finish(&mut self) {
        let mut open: Vec<u32> = self.open.keys().copied().collect();
        open.push(self.newest.0);
        open.sort_unstable();
        for call in open {
            self.end(call);
        }
        self.after.finish();
        self.known = FxHashMap::default();
        self.all.shrink_to_fit();
    }

    /// Takes in those of another process, whose first call gets the number `first`; `rows`: how many
    /// calls there are then.
    pub(crate) fn append(&mut self, other: &LoopEntries, first: u32, rows: usize) {
        let lists = (self.ends.len() - 1) as u32;
        let base = self.all.len() as u32;
        let moved = |number: u32| if number == 0 { 0 } else { lists + number };
        self.all.extend_from_slice(&other.all);
        self.ends
            .extend(other.ends[1..].iter().map(|end| base + end));
        self.before.resize(rows);
        for (row, place) in (first as usize..rows).enumerate() {
            self.before.set(place, moved(other.before.get(row)));
        }
        for &(call, number) in other.after.rows() {
            self.after.push(first + call, moved(number));
        }
        self.after.finish();
    }

    fn list(&self, number: u32) -> &Entries {
        let Some(before) = number.checked_sub(1) else {
            return &[];
        };
        &self.all[self.ends[before as usize] as usize..self.ends[number as usize] as usize]
    }

    pub(crate) fn before(&self, call: CallNumber) -> &Entries {
        self.list(self.before.get(call.index()))
    }

    pub(crate) fn after(&self, call: CallNumber) -> &Entries {
        self.list(self.after.get(call.0).unwrap_or(0))
    }
}

fn intern(
    known: &mut FxHashMap<Box<Entries>, u32>,
    ends: &mut Vec<u32>,
    all: &mut Vec<(u32, u32)>,
    list: &Entries,
) -> u32 {
    if list.is_empty() {
        return 0;
    }
    if let Some(number) = known.get(list) {
        return *number;
    }
    all.extend_from_slice(list);
    ends.push(all.len() as u32);
    let number = (ends.len() - 1) as u32;
    known.insert(list.into(), number);
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(loops: &Loops, offset: u32) -> Vec<u32> {
        let list = loops.list();
        loops.around(offset).map(|at| list[at].header).collect()
    }

    #[test]
    fn a_loop_ends_where_its_head_comes_again_even_if_a_handler_jumps_back() {
        // for (line 3): try (4): g() (5), except: continue (7), h() (8); after() (9)
        let runs = [
            (0, Some(2)),
            (6, Some(3)),
            (14, Some(5)),
            (40, Some(8)),
            (66, Some(3)),
            (70, Some(9)),
            (200, None),
            (202, Some(6)),
            (220, Some(7)),
            (226, Some(6)),
        ];
        let loops = Loops::new([(10, 222, true)].into_iter(), &runs);
        assert_eq!(around(&loops, 20), [10]);
        assert_eq!(around(&loops, 50), [10]);
        assert_eq!(around(&loops, 74), [0; 0]);
        assert_eq!(around(&loops, 221), [10]);
    }

    #[test]
    fn nested_loops_are_around_from_the_outside() {
        let runs = [(0, Some(1)), (10, Some(2)), (20, Some(3)), (60, Some(4))];
        let loops = Loops::new([(20, 40, true), (10, 50, true)].into_iter(), &runs);
        assert_eq!(around(&loops, 30), [10, 20]);
        assert_eq!(around(&loops, 45), [10]);
        assert_eq!(around(&loops, 60), [0; 0]);
    }

    #[test]
    fn entries_lie_between_the_calls_of_their_caller() {
        let mut entries = LoopEntries::default();
        entries.begin(0, 1, None);
        entries.begin(1, 2, Some(0));
        entries.enter(0, 12, 1);
        entries.enter(0, 12, 2);
        entries.begin(2, 3, Some(0));
        entries.enter(2, 40, 1);
        entries.enter(0, 30, 1);
        entries.begin(3, 4, Some(2));
        entries.end(2);
        entries.enter(0, 12, 3);
        entries.finish();
        let before: Vec<&Entries> = (0..4)
            .map(|call| entries.before(CallNumber(call)))
            .collect();
        assert_eq!(before, [&[][..], &[], &[(12, 3)], &[(40, 1)]]);
        assert_eq!(entries.after(CallNumber(0)), [(30, 1), (12, 3)]);
        assert_eq!(entries.after(CallNumber(2)), []);

        let mut other = LoopEntries::default();
        other.begin(0, 1, None);
        other.enter(0, 70, 5);
        other.begin(1, 2, Some(0));
        other.finish();
        entries.append(&other, 4, 6);
        assert_eq!(entries.before(CallNumber(2)), [(12, 3)]);
        assert_eq!(entries.before(CallNumber(4)), []);
        assert_eq!(entries.before(CallNumber(5)), [(70, 5)]);
        assert_eq!(entries.after(CallNumber(0)), [(30, 1), (12, 3)]);
    }
}
