//! Who started which process, found from what each of them says.
//!
//! A process that was forked says which call ran at the fork. One that was
//! started anew is found among those that others say they started: by its
//! number and by time, because the system gives numbers again.

use execmap_format::{CallId, ChildDef, Obstacle, ParentDef};

use crate::read::Part;

/// Where a process comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The position of its parent.
    pub(crate) parent: Option<usize>,
    /// The call of the parent that was running.
    pub(crate) call: Option<CallId>,
    /// Its exit code.
    pub(crate) exit_code: Option<i64>,
    /// Whether the parent is the same process, which replaced itself by another program.
    pub(crate) is_replacement: bool,
}

/// A program that was started and left no file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NotFollowed {
    /// The position of the process that started it.
    pub(crate) parent: usize,
    /// The call that was running.
    pub(crate) call: Option<CallId>,
    /// Which program, and why, where that is known.
    pub(crate) text: String,
}

/// What one process says of another one that it started.
struct Told<'p> {
    by: usize,
    def: &'p ChildDef,
    exit_code: Option<i64>,
    /// Before then, the number was this process's.
    until_ns: u64,
    is_used: bool,
}

/// The origins of all processes but the first, and the programs that were not followed. `parts` are
/// in order of their beginning, the first file in front.
pub(crate) fn origins(parts: &[Part]) -> (Vec<Origin>, Vec<NotFollowed>) {
    let mut told = all_told(parts);
    let found = (0..parts.len()).map(|at| origin(parts, at, &mut told));
    let found: Vec<Origin> = found.collect();
    let lost = told
        .iter()
        .filter(|told| !told.is_used && !told.def.program.is_empty());
    let lost = lost.map(|told| NotFollowed {
        parent: told.by,
        call: told.def.created_by,
        text: match told.def.obstacle {
            None => told.def.program.clone(),
            Some(Obstacle::Environment) => format!(
                "{} (its environment has no EXECMAP_CHILD)",
                told.def.program
            ),
            Some(Obstacle::NoSite) => format!("{} -S", told.def.program),
        },
    });
    let lost = lost.collect();
    (found, lost)
}

fn all_told(parts: &[Part]) -> Vec<Told<'_>> {
    let mut all = Vec::new();
    for (by, part) in parts.iter().enumerate() {
        let definitions = &part.definitions;
        for (index, def) in definitions.children.iter().enumerate() {
            let is_same = |other: &&ChildDef| other.pid == def.pid;
            let later = &definitions.children[index + 1..];
            let next = later.iter().position(|other| is_same(&other));
            let last = next.map_or(usize::MAX, |next| index + 1 + next);
            let is_its =
                |end: &&(usize, u64, i64)| end.1 == def.pid && (index + 1..=last).contains(&end.0);
            all.push(Told {
                by,
                def,
                exit_code: definitions.child_ends.iter().find(is_its).map(|end| end.2),
                until_ns: next.map_or(u64::MAX, |next| later[next].before_ns),
                is_used: false,
            });
        }
    }
    all
}

fn pid_of(part: &Part) -> Option<u64> {
    part.run.pid
}

/// The latest process of a number that began before a moment.
fn latest_of(parts: &[Part], pid: u64, before_ns: u64, not: usize) -> Option<usize> {
    let is_it = |at: &usize| {
        *at != not && pid_of(&parts[*at]) == Some(pid) && parts[*at].began_ns <= before_ns
    };
    (0..parts.len())
        .filter(is_it)
        .max_by_key(|at| parts[*at].began_ns)
}

fn origin(parts: &[Part], at: usize, told: &mut [Told<'_>]) -> Origin {
    let part = &parts[at];
    let began = part.began_ns;
    let mut origin = Origin::default();
    let by_number = |told: &mut [Told<'_>], pid: u64| {
        let is_it = |told: &&mut Told<'_>| {
            told.def.pid == pid && told.def.before_ns <= began && began < told.until_ns
        };
        let known = told.iter_mut().filter(is_it);
        known.max_by_key(|told| told.def.before_ns).map(|told| {
            told.is_used = true;
            (
                told.by,
                told.def.created_by,
                told.exit_code,
                told.def.before_ns,
            )
        })
    };
    let own = pid_of(part).and_then(|pid| by_number(told, pid));
    origin.exit_code = own.and_then(|own| own.2);
    if at == 0 {
        return origin;
    }
    let parent = part.definitions.parent.as_ref();
    // A fork server forks for others.
    let is_asked_for = own.is_some_and(|own| own.1.is_some());
    let has_call = |parent: &&ParentDef| parent.created_by.is_some() || !is_asked_for;
    if let Some(parent) = parent.filter(|parent| parent.at_ns > 0).filter(has_call) {
        let is_it = |other: &&Part| suffix_of(parts, other) == parent.suffix;
        origin.parent = parts.iter().position(|other| is_it(&other));
        origin.call = parent.created_by;
        return origin;
    }
    let before = pid_of(part).and_then(|pid| latest_of(parts, pid, began, at));
    if let Some((by, call, _, before_ns)) = own
        && before.is_none_or(|before| parts[before].began_ns < before_ns)
    {
        origin.parent = Some(by);
        origin.call = call;
        return origin;
    }
    // The same process, which was replaced by another program.
    if let Some(before) = before {
        origin.parent = Some(before);
        origin.is_replacement = true;
        return origin;
    }
    let above = part.definitions.meta("parent_pid");
    if let Some(above) = above.and_then(|text| text.parse().ok()) {
        if let Some(parent) = latest_of(parts, above, began, at) {
            origin.parent = Some(parent);
            return origin;
        }
        // Started by a program that is not followed and that one of the run started.
        if let Some((by, call, ..)) = by_number(told, above) {
            origin.parent = Some(by);
            origin.call = call;
            return origin;
        }
    }
    let suffix = parent.map_or("", |parent| parent.suffix.as_str());
    origin.parent = parts
        .iter()
        .position(|other| suffix_of(parts, other) == suffix)
        .filter(|parent| *parent != at);
    origin
}

/// What a process's file is called beyond the name of the first.
fn suffix_of<'p>(parts: &[Part], part: &'p Part) -> &'p str {
    let first = parts.first().map_or("", |first| first.run.trace.as_str());
    let rest = part.run.trace.strip_prefix(first).unwrap_or_default();
    rest.trim_start_matches('.')
}
