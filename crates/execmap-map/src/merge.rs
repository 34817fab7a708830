//! Many sequences as one: what all of them did, what some did, and what some
//! did instead of something else.
//!
//! Two calls are the same part when they were made at one place, of one
//! function, and ended alike; one that failed, or has a failure below it, is a
//! part of its own.

use hashbrown::HashMap;
use rustc_hash::{FxBuildHasher, FxHashMap};

use crate::arena::{Arena, Elem, End, NodeId, RepeatId, RepeatKind, SeqId};

/// What makes calls the same part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct CallKey {
    pub(crate) site: u32,
    pub(crate) function: u32,
    pub(crate) end: End,
    pub(crate) is_failing: bool,
    pub(crate) moves: bool,
}

impl CallKey {
    pub(crate) fn of(arena: &Arena, node: NodeId, site: u32) -> Self {
        let own = arena.node_of(node);
        CallKey {
            site,
            function: own.function,
            end: own.end,
            is_failing: arena.totals(node).failures > 0,
            moves: own.moves,
        }
    }
}

/// Something that happened `count` times, at `first` for the first time: a position in the tree.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times<T> {
    pub(crate) what: T,
    pub(crate) count: u64,
    pub(crate) first: u64,
}

/// A part of merged sequences.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    /// Calls at one place.
    Call(CallKey, Vec<Times<NodeId>>),
    /// A repetition: what repeats, and how it went each time.
    Repeat(RepeatKind, Vec<Times<RepeatId>>),
    /// What happened in some of the sequences only.
    Alternatives {
        options: Vec<Choice>,
        /// Sequences in which none of them happened.
        none: u64,
    },
}

/// One of several ways to go on.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    /// Sequences that went this way.
    pub(crate) count: u64,
    pub(crate) parts: Vec<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Key {
    Call(CallKey),
    Repeat(RepeatKind),
}

/// More occurrences than this are told apart by what they are only.
const MOST_APART: usize = 4_096;

/// What happened, each distinct thing once.
pub(crate) fn gather<T: Copy + std::hash::Hash + Eq + Ord>(all: Vec<Times<T>>) -> Vec<Times<T>> {
    if all.len() <= MOST_APART {
        return all;
    }
    let mut sums: HashMap<T, (u64, u64), FxBuildHasher> = HashMap::default();
    for times in all {
        let sum = sums.entry(times.what).or_insert((0, u64::MAX));
        sum.0 += times.count;
        sum.1 = sum.1.min(times.first);
    }
    let mut gathered: Vec<Times<T>> = sums
        .into_iter()
        .map(|(what, (count, first))| Times { what, count, first })
        .collect();
    gathered.sort_unstable_by_key(|times| (times.first, times.what));
    gathered
}

fn key_of(arena: &Arena, part: Elem) -> Key {
    match part {
        Elem::Call { site, node } => Key::Call(CallKey::of(arena, node, site)),
        Elem::Repeat(id) => Key::Repeat(arena.repeat_of(id).kind),
    }
}

/// Sequences with the same parts.
struct Class {
    count: u64,
    first: u64,
    parts: Vec<u32>,
}

/// A part with all its occurrences.
struct Column {
    key: Key,
    calls: Vec<Times<NodeId>>,
    repeats: Vec<Times<RepeatId>>,
    /// The classes that have it, a bit for each.
    present: Vec<u64>,
}

/// The parts of sequences, in an order in which all of them, or nearly all, had theirs.
pub(crate) fn merge(arena: &Arena, all: Vec<Times<SeqId>>) -> Vec<Part> {
    let all = gather(all);
    let mut columns: Vec<Column> = Vec::new();
    let mut numbers: FxHashMap<(Key, u32), u32> = FxHashMap::default();
    let mut classes: Vec<Class> = Vec::new();
    let mut class_of: FxHashMap<Vec<u32>, usize> = FxHashMap::default();
    let mut seen: FxHashMap<Key, u32> = FxHashMap::default();
    for times in &all {
        let mut parts = Vec::new();
        let mut position = times.first;
        seen.clear();
        for &part in arena.parts(times.what) {
            let key = key_of(arena, part);
            let nth = seen.entry(key).or_default();
            let number = *numbers.entry((key, *nth)).or_insert_with(|| {
                columns.push(Column {
                    key,
                    calls: Vec::new(),
                    repeats: Vec::new(),
                    present: Vec::new(),
                });
                columns.len() as u32 - 1
            });
            *nth += 1;
            parts.push(number);
            let column = &mut columns[number as usize];
            let (count, first) = (times.count, position);
            match part {
                Elem::Call { node, .. } => column.calls.push(Times {
                    what: node,
                    count,
                    first,
                }),
                Elem::Repeat(what) => column.repeats.push(Times { what, count, first }),
            }
            position += arena.totals_of(part).calls;
        }
        let class = *class_of.entry(parts).or_insert_with_key(|parts| {
            classes.push(Class {
                count: 0,
                first: u64::MAX,
                parts: parts.clone(),
            });
            classes.len() - 1
        });
        classes[class].count += times.count;
        classes[class].first = classes[class].first.min(times.first);
    }
    classes.sort_by_key(|class| (std::cmp::Reverse(class.count), class.first));
    let words = classes.len().div_ceil(64);
    for column in &mut columns {
        column.present = vec![0; words];
    }
    for (index, class) in classes.iter().enumerate() {
        for part in &class.parts {
            columns[*part as usize].present[index / 64] |= 1 << (index % 64);
        }
    }
    let order = order(&classes, columns.len());
    arrange(columns, &order, &classes)
}

/// An order of the parts that agrees with the classes', the most frequent class deciding.
fn order(classes: &[Class], count: usize) -> Vec<u32> {
    let mut order: Vec<u32> = Vec::with_capacity(count);
    let mut place: Vec<Option<usize>> = vec![None; count];
    for class in classes {
        let mut behind = 0;
        for (index, &part) in class.parts.iter().enumerate() {
            if let Some(place) = place[part as usize] {
                behind = behind.max(place + 1);
                continue;
            }
            let later = class.parts[index..].iter();
            let at = later
                .filter_map(|part| place[*part as usize])
                .find(|place| *place >= behind)
                .unwrap_or(order.len());
            order.insert(at, part);
            for (position, part) in order.iter().enumerate().skip(at) {
                place[*part as usize] = Some(position);
            }
            behind = at + 1;
        }
    }
    order
}

fn count_of(present: &[u64], classes: &[Class]) -> u64 {
    let is_in = |index: usize| present[index / 64] >> (index % 64) & 1 == 1;
    let own = classes
        .iter()
        .enumerate()
        .filter(|(index, _)| is_in(*index));
    own.map(|(_, class)| class.count).sum()
}

/// Parts that always come, and between them what came in some of the sequences only.
fn arrange(columns: Vec<Column>, order: &[u32], classes: &[Class]) -> Vec<Part> {
    let total: u64 = classes.iter().map(|class| class.count).sum();
    let mut columns: Vec<Option<Column>> = columns.into_iter().map(Some).collect();
    let mut parts = Vec::new();
    let mut options: Vec<(Choice, Vec<u64>)> = Vec::new();
    let mut taken: Vec<u64> = Vec::new();
    for &number in order {
        let Some(column) = columns[number as usize].take() else {
            continue;
        };
        let present = column.present;
        let part = match column.key {
            Key::Call(key) => Part::Call(key, gather(column.calls)),
            Key::Repeat(kind) => Part::Repeat(kind, gather(column.repeats)),
        };
        let count = count_of(&present, classes);
        if count == total {
            close(&mut parts, &mut options, &mut taken, total);
            parts.push(part);
            continue;
        }
        if let Some(last) = options.last_mut()
            && last.1 == present
        {
            last.0.parts.push(part);
            continue;
        }
        if taken
            .iter()
            .zip(&present)
            .any(|(one, other)| one & other != 0)
        {
            close(&mut parts, &mut options, &mut taken, total);
        }
        taken.resize(present.len(), 0);
        for (one, other) in taken.iter_mut().zip(&present) {
            *one |= other;
        }
        options.push((
            Choice {
                count,
                parts: vec![part],
            },
            present,
        ));
    }
    close(&mut parts, &mut options, &mut taken, total);
    parts
}

fn close(
    parts: &mut Vec<Part>,
    options: &mut Vec<(Choice, Vec<u64>)>,
    taken: &mut Vec<u64>,
    total: u64,
) {
    taken.clear();
    if options.is_empty() {
        return;
    }
    let options: Vec<Choice> = options.drain(..).map(|option| option.0).collect();
    let some: u64 = options.iter().map(|option| option.count).sum();
    parts.push(Part::Alternatives {
        options,
        none: total - some,
    });
}

/// All iterations of repetitions, as sequences.
pub(crate) fn iterations(arena: &Arena, repeats: &[Times<RepeatId>]) -> Vec<Times<SeqId>> {
    let mut all = Vec::new();
    let mut limit = 16 * MOST_APART;
    for times in repeats {
        let mut position = times.first;
        for &(what, run) in &arena.repeat_of(times.what).runs {
            let own = arena.seq_totals(what).calls;
            if times.count == 1 && all.len() + run as usize <= MOST_APART {
                for _ in 0..run {
                    let (count, first) = (1, position);
                    all.push(Times { what, count, first });
                    position += own;
                }
                continue;
            }
            all.push(Times {
                what,
                count: times.count * u64::from(run),
                first: position,
            });
            position += u64::from(run) * own;
            if all.len() > limit {
                all = gather(all);
                limit = limit.max(2 * all.len());
            }
        }
    }
    gather(all)
}
