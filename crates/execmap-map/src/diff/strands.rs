//! Threads and tasks of two runs: which belong together.

use std::collections::VecDeque;

use execmap_query::CallNumber;
use rustc_hash::FxHashMap;

use super::align::Open;
use super::changes::Frame;
use super::compare::{Compare, Todo};
use super::side::{Item, Mark, Side, Strand};

impl Compare<'_, '_> {
    /// Threads and tasks that belong together, by name, creator and function; those that are equal
    /// first, in whatever order they came.
    pub(super) fn pair_strands(
        &mut self,
        first: Vec<Strand>,
        second: Vec<Strand>,
        open: Open,
    ) -> Vec<Todo> {
        if first.is_empty() && second.is_empty() {
            return Vec::new();
        }
        let mut ones: Vec<Option<Strand>> = first.into_iter().map(Some).collect();
        let mut others: Vec<Option<Strand>> = second.into_iter().map(Some).collect();
        let [one, other] = self.sides;
        let mut pairs: Vec<(Strand, Strand)> = Vec::new();
        for level in 0..4 {
            let mut waiting: FxHashMap<StrandKey, VecDeque<usize>> = FxHashMap::default();
            for (at, strand) in ones.iter().enumerate() {
                if let Some(strand) = strand {
                    let key = strand_key(one, strand, level);
                    waiting.entry(key).or_default().push_back(at);
                }
            }
            for partner in &mut others {
                let Some(strand) = partner.as_ref() else {
                    continue;
                };
                let key = strand_key(other, strand, level);
                let Some(at) = waiting.get_mut(&key).and_then(VecDeque::pop_front) else {
                    continue;
                };
                if let (Some(strand), Some(partner)) = (ones[at].take(), partner.take())
                    && strand.mark != partner.mark
                {
                    pairs.push((strand, partner));
                }
            }
        }
        let mut then: Vec<Todo> = Vec::new();
        pairs.sort_by_key(|pair| pair.1.calls.first().copied());
        for (one, other) in pairs {
            then.push(Todo::Strands(one, other));
            then.push(Todo::StrandsEnd);
        }
        for (side, strands) in [(0, ones), (1, others)] {
            let is_beyond = matches!((side, open), (1, Open::First) | (0, Open::Second));
            for strand in strands.into_iter().flatten() {
                let mut items: Vec<Item> = strand.calls.into_iter().map(Item::Call).collect();
                if is_beyond {
                    self.count_beyond(side, &mut items);
                }
                then.extend(items.into_iter().map(|item| Todo::Only(side, item, None)));
            }
        }
        then
    }

    pub(super) fn strands_of(&mut self, one: &Strand, other: &Strand) {
        let items = |strand: &Strand| strand.calls.iter().map(|call| Item::Call(*call)).collect();
        // A thread goes on where its last call was cut, or where the run was.
        let open = match (self.sides[0].is_cut, self.sides[1].is_cut) {
            (true, false) => Open::First,
            (false, true) => Open::Second,
            _ => Open::None,
        };
        self.changes.begin_strand(Frame::Lane(one.lane, other.lane));
        self.todo.push(Todo::Items(items(one), items(other), open));
    }
}

/// What threads and tasks are known by: what they did, their name without numbers, the function that
/// started them, and the one they begin with.
type StrandKey = (Option<Mark>, Option<String>, Option<u32>, u32);

fn strand_key(side: &Side<'_>, strand: &Strand, level: u32) -> StrandKey {
    let first = strand.calls.first().copied().unwrap_or_default();
    let creator = side.trace.calls().created_by(CallNumber(first));
    let creator = creator.map_or(u32::MAX, |creator| side.function(creator.0));
    let name = || {
        let (thread, task) = strand.lane;
        let name = task.map_or_else(
            || side.trace.thread_name(thread),
            |task| side.trace.task_name(task),
        );
        name.chars().filter(|c| !c.is_ascii_digit()).collect()
    };
    (
        (level == 0).then_some(strand.mark),
        (level < 2).then(name),
        (level < 3).then_some(creator),
        side.function(first),
    )
}
