//! Calls that come earlier or later than they did.

use std::collections::VecDeque;

use execmap_query::{CallNumber, Trace};
use rustc_hash::FxHashMap;

use super::compare::Compare;
use super::side::{Item, Mark, direct};

/// Calls that come at another place, by their numbers.
#[derive(Default)]
pub(super) struct Moves {
    pub(super) old: FxHashMap<u32, u32>,
    pub(super) new: FxHashMap<u32, (u32, (String, String))>,
}

impl Compare<'_, '_> {
    /// Calls that are in both bodies, but not at the same place.
    pub(super) fn moved(
        &self,
        one: &[Item],
        other: &[Item],
        marks: &(Vec<Mark>, Vec<Mark>),
        pairs: &[(usize, usize)],
    ) -> Moves {
        let mut moves = Moves::default();
        if pairs.is_empty() || pairs.len() == one.len() || pairs.len() == other.len() {
            return moves;
        }
        let mut waiting: FxHashMap<Mark, VecDeque<(usize, u32)>> = FxHashMap::default();
        let mut next = 0;
        for (at, item) in one.iter().enumerate() {
            if pairs.get(next).is_some_and(|pair| pair.0 == at) {
                next += 1;
            } else if let Item::Call(call) = item {
                waiting
                    .entry(marks.0[at])
                    .or_default()
                    .push_back((next, *call));
            }
        }
        let mut next = 0;
        let name = |place: Option<&(usize, usize)>| {
            let item = place.map(|pair| &other[pair.1..=pair.1]);
            let mut first = None;
            direct(item.unwrap_or_default(), &mut |call| {
                first.get_or_insert(call);
            });
            first.map(|call| self.name(1, call))
        };
        for (at, item) in other.iter().enumerate() {
            if pairs.get(next).is_some_and(|pair| pair.1 == at) {
                next += 1;
                continue;
            }
            let Item::Call(call) = item else { continue };
            let partner = waiting.get_mut(&marks.1[at]).and_then(VecDeque::pop_front);
            let Some((before, partner)) = partner.filter(|partner| partner.0 != next) else {
                continue;
            };
            let is_later = next > before;
            let (old, new) = if is_later {
                ("before", "after")
            } else {
                ("after", "before")
            };
            let (old_place, new_place) = if is_later {
                (pairs.get(before), pairs.get(next - 1))
            } else {
                (pairs.get(before - 1), pairs.get(next))
            };
            let (Some(old_name), Some(new_name)) = (name(old_place), name(new_place)) else {
                continue;
            };
            let places = (format!("{old} {old_name}"), format!("{new} {new_name}"));
            moves.old.insert(partner, *call);
            moves.new.insert(*call, (partner, places));
        }
        moves
    }

    fn name(&self, side: usize, call: u32) -> String {
        let trace: &Trace = self.sides[side].trace;
        trace.function_of(CallNumber(call)).shown_name()
    }
}
