//! Which function of one run is which of the other.
//!
//! Functions are the same by module and qualified name, wherever they stand in
//! their file. Of several of one name those with the same arguments are the same,
//! then those that stand in the same order. A function that only one run has may
//! stand where the other has another: called by the same, with the same arguments.

use execmap_query::{Function, Trace};
use rustc_hash::{FxHashMap, FxHashSet};

/// Functions of two runs under common numbers.
#[derive(Debug)]
pub(crate) struct Functions {
    /// The common number of each function of the first run, and of the second.
    pub(crate) numbers: [Vec<u32>; 2],
    /// Functions of which one stands where the other run has the other.
    pub(crate) replaced: Vec<(u32, u32)>,
}

impl Functions {
    pub(crate) fn of(first: &Trace, second: &Trace) -> Self {
        let lists = [first.functions(), second.functions()];
        let mut numbers = [vec![NONE; lists[0].len()], vec![NONE; lists[1].len()]];
        let mut next = 0;
        let mut pair = |numbers: &mut [Vec<u32>; 2], one: u32, other: u32| {
            numbers[0][one as usize] = next;
            numbers[1][other as usize] = next;
            next += 1;
        };
        let by_name = [named(lists[0]), named(lists[1])];
        let mut names: Vec<&(&str, &str)> = by_name[0].keys().collect();
        names.sort_unstable();
        for name in names {
            let Some(others) = by_name[1].get(name) else {
                continue;
            };
            let mut ones = by_name[0][name].clone();
            let mut others = others.clone();
            let args = |list: usize, function: u32| &lists[list][function as usize].args;
            if ones.len() != others.len() && others.len() <= MOST {
                ones.retain(|one| {
                    let is_it = |other: &u32| args(0, *one) == args(1, *other);
                    let Some(place) = others.iter().position(is_it) else {
                        return true;
                    };
                    pair(&mut numbers, *one, others.remove(place));
                    false
                });
            }
            for (one, other) in ones.into_iter().zip(others) {
                pair(&mut numbers, one, other);
            }
        }
        let replaced = replaced([first, second], &numbers);
        for &(one, other) in &replaced {
            pair(&mut numbers, one, other);
        }
        for list in &mut numbers {
            for number in list.iter_mut().filter(|number| **number == NONE) {
                *number = next;
                next += 1;
            }
        }
        Functions { numbers, replaced }
    }
}

const NONE: u32 = u32::MAX;

/// Functions by module and qualified name, those of one name in order of their lines.
fn named(functions: &[Function]) -> FxHashMap<(&str, &str), Vec<u32>> {
    let mut by_name: FxHashMap<(&str, &str), Vec<u32>> = FxHashMap::default();
    for (number, function) in functions.iter().enumerate() {
        by_name
            .entry((&function.module, &function.name))
            .or_default()
            .push(number as u32);
    }
    for list in by_name.values_mut() {
        list.sort_by_key(|number| functions[*number as usize].line);
    }
    by_name
}

/// Functions that only one run has, each with the one of the other run that was called in its place.
fn replaced(traces: [&Trace; 2], numbers: &[Vec<u32>; 2]) -> Vec<(u32, u32)> {
    let alone = |side: usize| -> Vec<u32> {
        let own = &numbers[side];
        (0..own.len() as u32)
            .filter(|function| own[*function as usize] == NONE)
            .collect()
    };
    let (ones, others) = (alone(0), alone(1));
    if ones.is_empty() || others.is_empty() || ones.len() > MOST || others.len() > MOST {
        return Vec::new();
    }
    let callers = [
        callers(traces[0], &numbers[0]),
        callers(traces[1], &numbers[1]),
    ];
    let score = |one: u32, other: u32| {
        let (from, to) = (
            &traces[0].functions()[one as usize],
            &traces[1].functions()[other as usize],
        );
        if from.kind != to.kind || from.args != to.args {
            return 0;
        }
        let empty = FxHashSet::default();
        let from_callers = callers[0].get(&one).unwrap_or(&empty);
        let to_callers = callers[1].get(&other).unwrap_or(&empty);
        if from_callers.is_disjoint(to_callers) {
            return 0;
        }
        1 + 4 * u32::from(from.name == to.name)
            + 2 * u32::from(from.module == to.module && scope(from) == scope(to))
            + u32::from(from_callers == to_callers)
    };
    let mut found = Vec::new();
    for &one in &ones {
        let best = |candidates: &[u32], score: &dyn Fn(u32) -> u32| -> Option<u32> {
            let most = candidates.iter().map(|other| score(*other)).max()?;
            let mut best = candidates.iter().filter(|other| score(**other) == most);
            let first = *best.next()?;
            (most >= LEAST && best.next().is_none()).then_some(first)
        };
        if let Some(other) = best(&others, &|other| score(one, other))
            && best(&ones, &|one| score(one, other)) == Some(one)
        {
            found.push((one, other));
        }
    }
    found
}

/// More functions that only one run has are not compared.
const MOST: usize = 200;

/// A common caller, and the same name or the same module and class.
const LEAST: u32 = 3;

/// What a function is defined in: its class, or nothing.
fn scope(function: &Function) -> &str {
    function
        .name
        .rsplit_once('.')
        .map_or("", |(scope, _)| scope)
}

/// By function that has no number: the common numbers of the functions that call it.
fn callers(trace: &Trace, numbers: &[u32]) -> FxHashMap<u32, FxHashSet<u32>> {
    let calls = trace.calls();
    let mut callers: FxHashMap<u32, FxHashSet<u32>> = FxHashMap::default();
    for call in calls.iter() {
        let function = calls.function(call).0;
        if numbers[function as usize] != NONE {
            continue;
        }
        let caller = calls
            .parent(call)
            .map_or(NONE - 1, |parent| numbers[calls.function(parent).index()]);
        if caller != NONE {
            callers.entry(function).or_default().insert(caller);
        }
    }
    callers
}
