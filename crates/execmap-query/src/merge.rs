//! The processes of a run as one trace.
//!
//! The first file's calls, threads, tasks and functions keep their numbers. The
//! others follow in the order in which they began. Functions that are the same
//! are one, and all times are those of the first file, as all processes of a
//! machine have the same clock.

use std::hash::{Hash, Hasher};

use execmap_format::{Code, CodeId};
use rustc_hash::{FxHashMap, FxHasher};

use crate::calls::{Calls, Moved};
use crate::family::{NotFollowed, origins};
use crate::figures::Figures;
use crate::function::Function;
use crate::handles::{CallNumber, ProcessNumber};
use crate::process::{Process, ProcessState};
use crate::read::Part;
use crate::trace::{Derived, Lane, LeftOut, Run, Trace};
use crate::values::{MOST_PROCESSES, Tables, Texts};

/// More calls than numbers.
pub(crate) struct TooManyCalls {
    /// How many there are.
    pub(crate) calls: u64,
}

/// Makes one trace of the files of a run, the first one in front. `states` say how each recording
/// stands, `unreadable` names files that are damaged beyond reading.
pub(crate) fn merge(
    mut parts: Vec<Part>,
    mut states: Vec<ProcessState>,
    unreadable: &[String],
) -> Result<Trace, TooManyCalls> {
    sort_by_beginning(&mut parts, &mut states);
    let (origins, lost) = origins(&parts);
    let calls: u64 = parts.iter().map(|part| part.calls.rows() as u64).sum();
    if calls >= u64::from(u32::MAX) || parts.len() > MOST_PROCESSES {
        return Err(TooManyCalls { calls });
    }
    let parents = origins.iter().map(|origin| origin.parent);
    let kept = inside_window(
        &parts,
        &origins.iter().map(|o| o.call).collect::<Vec<_>>(),
        &parents.collect::<Vec<_>>(),
    );
    let began_ns = parts.first().map_or(0, |first| first.began_ns);
    let mut merger = Merger::default();
    let mut numbers = Vec::new();
    for (at, part) in parts.into_iter().enumerate() {
        if !kept[at] {
            numbers.push(None);
            continue;
        }
        let place = merger.processes.len();
        let (origin, state) = (&origins[at], states[at]);
        let parent: Option<usize> = origin.parent.and_then(|parent| *numbers.get(parent)?);
        let created_by = origin.call.and_then(|call| {
            let place = &merger.places[parent?];
            Some(CallNumber(place.first_call + place.numbers.short(call)?))
        });
        if let Some(parent) = parent.filter(|_| origin.is_replacement) {
            merger.processes[parent].state = ProcessState::Replaced;
        }
        let process = Process {
            parent: parent.map(|parent| ProcessNumber(parent as u32)),
            created_by,
            state,
            exit_code: origin.exit_code,
            ..describe(&part, began_ns)
        };
        numbers.push(Some(place));
        merger.add(part, process);
    }
    let lost = lost.into_iter().filter(|lost| {
        numbers
            .get(lost.parent)
            .copied()
            .flatten()
            .is_some_and(|parent| {
                let place = &merger.places[parent];
                parent > 0
                    || lost
                        .call
                        .is_none_or(|call| place.numbers.short(call).is_some())
            })
    });
    let lost: Vec<NotFollowed> = lost.collect();
    Ok(merger.finish(&lost, unreadable))
}

/// The first file stays in front.
fn sort_by_beginning(parts: &mut Vec<Part>, states: &mut Vec<ProcessState>) {
    let mut both: Vec<(Part, ProcessState)> = parts.drain(..).zip(states.drain(..)).collect();
    if both.len() > 1 {
        both[1..].sort_by(|(one, _), (other, _)| {
            (one.began_ns, one.run.pid, &one.run.trace).cmp(&(
                other.began_ns,
                other.run.pid,
                &other.run.trace,
            ))
        });
    }
    (*parts, *states) = both.into_iter().unzip();
}

/// Which processes belong to the trace: where it is a window, only those that were started in it.
fn inside_window(
    parts: &[Part],
    calls: &[Option<execmap_format::CallId>],
    parents: &[Option<usize>],
) -> Vec<bool> {
    let mut kept = vec![true; parts.len()];
    let Some(first) = parts
        .first()
        .filter(|first| first.definitions.window.is_some())
    else {
        return kept;
    };
    let window = first.definitions.window;
    for at in 1..parts.len() {
        kept[at] = match parents[at] {
            Some(0) => calls[at].is_some_and(|call| {
                window.is_some_and(|(from, until, _)| (from..until).contains(&call.0))
            }),
            Some(parent) => kept[parent],
            None => false,
        };
    }
    kept
}

fn describe(part: &Part, began_ns: u64) -> Process {
    Process {
        pid: part.run.pid,
        trace: part.run.trace.clone(),
        name: part
            .definitions
            .meta("process")
            .or_else(|| part.definitions.meta("started_for"))
            .unwrap_or_default()
            .to_owned(),
        command: part.run.command.clone(),
        started_ns: part.began_ns.saturating_sub(began_ns),
        duration_ns: part.run.duration_ns,
        calls: part.calls.count(),
        threads: part.threads.len() as u64,
        left_out: part.run.left_out.clone(),
        ..Process::default()
    }
}

/// Where the numbers of a process went.
struct Place {
    first_call: u32,
    numbers: crate::read::Numbers,
}

#[derive(Default)]
struct Merger {
    run: Run,
    functions: Vec<Function>,
    figures: Vec<Figures>,
    threads: Vec<Lane>,
    tasks: Vec<Lane>,
    processes: Vec<Process>,
    places: Vec<Place>,
    calls: Calls,
    tables: Vec<Tables>,
    codes: Vec<(u32, CodeId)>,
    /// Functions by the hash of their code, to be compared.
    known: FxHashMap<u64, Vec<u32>>,
    /// The first call of each process but the first, and the call that started the process.
    creators: Vec<(u32, u32)>,
}

impl Merger {
    fn add(&mut self, part: Part, process: Process) {
        let place = Place {
            first_call: self.calls.rows() as u32,
            numbers: part.numbers,
        };
        if self.processes.is_empty() {
            self.take_first(part);
        } else {
            if let (Some(first), Some(creator)) = (part.calls.iter().next(), process.created_by) {
                self.creators.push((place.first_call + first.0, creator.0));
            }
            self.append(part, &process, place.first_call);
        }
        self.places.push(place);
        self.processes.push(process);
    }

    /// A run of one process costs nothing more.
    fn take_first(&mut self, part: Part) {
        self.codes = (0..part.functions.len() as u32)
            .map(|code| (0, CodeId(code)))
            .collect();
        self.run = part.run;
        self.functions = part.functions;
        self.figures = part.figures;
        self.threads = part.threads;
        self.tasks = part.tasks;
        self.calls = part.calls;
        self.tables.push(Tables {
            definitions: part.definitions,
            values: part.values,
        });
    }

    fn append(&mut self, part: Part, process: &Process, first_call: u32) {
        let number = self.processes.len() as u32;
        let functions = self.unite(&part, number);
        let (threads, tasks) = (self.threads.len() as u32, self.tasks.len() as u32);
        self.calls.append(
            &part.calls,
            &Moved {
                process: number,
                time_ns: process.started_ns,
                threads,
                tasks,
                functions: &functions,
            },
        );
        let moved = |lane: Lane| Lane {
            created_by: lane.created_by.map(|call| CallNumber(first_call + call.0)),
            process: ProcessNumber(number),
            ..lane
        };
        self.threads.extend(part.threads.into_iter().map(moved));
        self.tasks.extend(part.tasks.into_iter().map(moved));
        if let Some(main) = self.threads.get_mut(threads as usize) {
            main.created_by = main.created_by.or(process.created_by);
        }
        for (figures, function) in part.figures.iter().zip(&functions) {
            self.figures[*function as usize].add(figures, first_call, process.started_ns);
        }
        self.run.bytes += part.run.bytes;
        let end = process.started_ns.saturating_add(part.run.duration_ns);
        self.run.duration_ns = self.run.duration_ns.max(end);
        for left in part.run.left_out {
            add_left_out(&mut self.run.left_out, left);
        }
        self.tables.push(Tables {
            definitions: part.definitions,
            values: part.values,
        });
    }

    /// The functions of a process among those of the run. Of several that are alike in one process,
    /// as of two lambdas on a line, each stands for the one of the same turn.
    fn unite(&mut self, part: &Part, process: u32) -> Vec<u32> {
        if self.known.is_empty() {
            for function in 0..self.functions.len() as u32 {
                if let Some(code) = code_of(&self.tables, self.codes[function as usize]) {
                    self.known.entry(hash_of(code)).or_default().push(function);
                }
            }
        }
        let mut used = vec![false; self.functions.len()];
        let mut united = Vec::with_capacity(part.functions.len());
        for (index, function) in part.functions.iter().enumerate() {
            let code = &part.definitions.codes[index];
            let hash = hash_of(code);
            let same = self.known.get(&hash).into_iter().flatten().copied();
            let mut same = same.filter(|known| {
                !used.get(*known as usize).copied().unwrap_or(true)
                    && code_of(&self.tables, self.codes[*known as usize])
                        .is_some_and(|other| is_same(code, other))
            });
            let number = same.next().unwrap_or_else(|| {
                let number = self.functions.len() as u32;
                self.functions.push(function.clone());
                self.figures.push(Figures::default());
                self.codes.push((process, CodeId(index as u32)));
                self.known.entry(hash).or_default().push(number);
                number
            });
            if let Some(used) = used.get_mut(number as usize) {
                *used = true;
            }
            united.push(number);
        }
        united
    }

    fn finish(mut self, lost: &[NotFollowed], unreadable: &[String]) -> Trace {
        self.calls.set_creators(&self.creators);
        self.figures
            .resize_with(self.functions.len(), Figures::default);
        for lost in lost {
            let left = LeftOut {
                reason: "programs not followed".to_owned(),
                count: 1,
                detail: vec![lost.text.clone()],
            };
            add_left_out(&mut self.run.left_out, left);
        }
        for file in unreadable {
            let left = LeftOut {
                reason: "processes that cannot be read".to_owned(),
                count: 1,
                detail: vec![file.clone()],
            };
            add_left_out(&mut self.run.left_out, left);
        }
        Trace {
            run: self.run,
            functions: self.functions,
            figures: self.figures,
            threads: self.threads,
            tasks: self.tasks,
            processes: self.processes,
            calls: self.calls,
            texts: Texts::Read {
                tables: self.tables,
                codes: self.codes,
            },
            derived: Derived::default(),
        }
    }
}

fn code_of(tables: &[Tables], (process, code): (u32, CodeId)) -> Option<&Code> {
    tables.get(process as usize)?.definitions.code(code)
}

pub(crate) fn hash_of(code: &Code) -> u64 {
    let mut hasher = FxHasher::default();
    (&code.file, &code.qualname, code.first_line, code.kind).hash(&mut hasher);
    hasher.finish()
}

/// Whether two code objects are of one function: the same in all but the name of the module, which a
/// script has two of (`__main__`, `__mp_main__`).
fn is_same(one: &Code, other: &Code) -> bool {
    one.file == other.file
        && one.qualname == other.qualname
        && (one.first_line, one.kind) == (other.first_line, other.kind)
        && one.args == other.args
        && one.class_name == other.class_name
        && one.lines == other.lines
        && one.loops == other.loops
}

/// Adds to what was left out: counts are summed, what exactly is named once.
pub(crate) fn add_left_out(all: &mut Vec<LeftOut>, more: LeftOut) {
    let Some(known) = all.iter_mut().find(|known| known.reason == more.reason) else {
        all.push(more);
        return;
    };
    known.count += more.count;
    for detail in more.detail {
        if !known.detail.contains(&detail) {
            known.detail.push(detail);
        }
    }
}
