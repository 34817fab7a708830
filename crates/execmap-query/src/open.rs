//! From a path to a trace. The only place here that reads files.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use execmap_format::{ReadError, Source, TraceReader};
use rustc_hash::FxHashSet;

use crate::calls::MOST_CALLS;
use crate::info::{self, Info};
use crate::memory::{self, Needed};
use crate::merge::{self, TooManyCalls};
use crate::process::ProcessState;
use crate::read;
use crate::text::{bytes, thousands};
use crate::trace::{Run, Trace};

/// Ending of a trace's file.
const ENDING: &str = "execmap";

/// Why a path gives no trace.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// There is no such file.
    #[error("no such file: {}{}", .path.display(), hint(.nearby.as_deref()))]
    Missing {
        /// What was asked for.
        path: PathBuf,
        /// A trace that was perhaps meant.
        nearby: Option<PathBuf>,
    },
    /// There is no trace in a folder.
    #[error("no trace in {}: `execmap run SCRIPT` writes one, or name the file", .folder.display())]
    NoneHere {
        /// The folder.
        folder: PathBuf,
    },
    /// The trace has more calls than can be numbered here.
    #[error(
        "{} has {} calls, more than the {} that can be read at once. `execmap info` tells what it holds; to look at calls, record a part: `--max-calls`, or `--ring` for the latest",
        .path.display(), thousands(*.calls), thousands(u64::from(MOST_CALLS))
    )]
    TooManyCalls {
        /// The file.
        path: PathBuf,
        /// How many there are.
        calls: u64,
    },
    /// The trace does not fit into memory.
    #[error(
        "{}{} has {} calls: reading them takes about {} of memory, and {} are free. `execmap info` tells what it holds; to look at calls, record a part: `--max-calls`, or `--ring` for the latest; or read it where there is more memory",
        .path.display(), with_children(*.processes), thousands(*.calls), bytes(*.needed), bytes(*.free)
    )]
    TooLarge {
        /// The first file.
        path: PathBuf,
        /// How many processes there are beside it.
        processes: usize,
        /// How many calls there are.
        calls: u64,
        /// Bytes that reading takes.
        needed: u64,
        /// Bytes there are.
        free: u64,
    },
    /// All files of a run together hold more calls than can be numbered.
    #[error("{} and its {processes} child processes hold {} calls, more than can be shown at once: open the files one by one", .path.display(), thousands(*.calls))]
    TooManyTogether {
        /// The first file.
        path: PathBuf,
        /// How many processes there are beside it.
        processes: usize,
        /// How many calls there are.
        calls: u64,
    },
    /// The file is there and is no trace that can be read.
    #[error("{}", explain(.path, .why))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: ReadError,
    },
}

fn with_children(processes: usize) -> String {
    match processes {
        0 => String::new(),
        1 => " with its child process".to_owned(),
        more => format!(" with its {more} child processes"),
    }
}

fn hint(nearby: Option<&Path>) -> String {
    nearby.map_or_else(String::new, |path| {
        format!("; did you mean {}?", path.display())
    })
}

/// What is wrong with a file, and what to do.
fn explain(path: &Path, why: &ReadError) -> String {
    let path = path.display();
    match why {
        ReadError::Empty => format!(
            "the trace is empty: {path}. Nothing was recorded, or the file was cut; record again with `execmap run`"
        ),
        ReadError::NotATrace => format!(
            "not an execmap trace: {path}. `execmap run SCRIPT` writes one, ending in .execmap"
        ),
        ReadError::Truncated { len } => format!(
            "the trace is cut short inside its header: {path} ({len} bytes). Nothing in it can be read; record again with `execmap run`"
        ),
        ReadError::Damaged { .. } => {
            format!("{path}: {why}. `execmap info {path}` says what is left")
        }
        ReadError::Io(error) => format!("cannot read {path}: {error}"),
        _ => format!("{path}: {why}"),
    }
}

/// Opens the trace at `path`; in a folder, the newest there.
///
/// A run that did not end has a second file beside the first, `NAME.execmap.part`, with what was
/// recorded last; it is read along. So are the files of its child processes, `NAME.execmap.PID-N`,
/// of the same run.
pub fn open(path: &Path) -> Result<Trace, OpenError> {
    refuse_too_long(path)?;
    let (reader, path, name) = reader(path, TraceReader::open)?;
    let mut needed = Needed::default();
    needed.add(reader.summary());
    fits(&needed, memory::free, &path)?;
    let unreadable = |why| OpenError::Unreadable {
        path: path.clone(),
        why,
    };
    let mut first = read::read(reader, name).map_err(unreadable)?;
    first.run.child_of = first_of(&first.run.trace).map(str::to_owned);
    let run_id = first.run_id;
    let mut states = vec![state(&path, first.run.is_complete, first.run.is_recovered)];
    let mut parts = vec![first];
    let mut damaged = Vec::new();
    for child in children(&path) {
        let (reader, child, name) = match self::reader(&child, TraceReader::open) {
            Ok(found) => found,
            // Removed at this moment, or without a word in it yet.
            Err(
                OpenError::Missing { .. }
                | OpenError::Unreadable {
                    why: ReadError::Empty,
                    ..
                },
            ) => {
                continue;
            }
            Err(_) => {
                damaged.extend(
                    child
                        .file_name()
                        .map(|name| name.to_string_lossy().into_owned()),
                );
                continue;
            }
        };
        if reader.summary().run_id != run_id {
            continue;
        }
        // What was read before is no longer free.
        let read = needed.bytes;
        needed.add(reader.summary());
        fits(
            &needed,
            || Some(memory::free()?.saturating_add(read)),
            &path,
        )?;
        match read::read(reader, name) {
            Ok(part) => {
                states.push(state(&child, part.run.is_complete, part.run.is_recovered));
                parts.push(part);
            }
            Err(_) => {
                damaged.extend(
                    child
                        .file_name()
                        .map(|name| name.to_string_lossy().into_owned()),
                );
            }
        }
    }
    let processes = parts.len() - 1;
    merge::merge(parts, states, &damaged).map_err(|TooManyCalls { calls }| {
        OpenError::TooManyTogether {
            path,
            processes,
            calls,
        }
    })
}

/// How a recording stands. Its side file is locked as long as it goes on.
fn state(path: &Path, is_complete: bool, is_recovered: bool) -> ProcessState {
    if is_complete {
        return ProcessState::Ended;
    }
    // Opening a pipe would wait.
    if !part_of(path).is_file() {
        return ProcessState::CutShort;
    }
    let side = File::options().read(true).open(part_of(path));
    let is_locked = |side: &File| matches!(side.try_lock(), Err(TryLockError::WouldBlock));
    match side {
        Ok(side) if is_locked(&side) => ProcessState::Running,
        Ok(_) if is_recovered => ProcessState::Recovered,
        _ => ProcessState::CutShort,
    }
}

/// The files of child processes beside a trace, of whichever run.
fn children(path: &Path) -> Vec<PathBuf> {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        return Vec::new();
    };
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries
        .filter(|entry| entry.file_name().to_str().and_then(first_of) == Some(name))
        .map(|entry| path.with_file_name(entry.file_name()))
        .collect();
    found.sort_unstable();
    found
}

/// The name of the run's first file in the name of a child's, `NAME.PID-N`.
fn first_of(name: &str) -> Option<&str> {
    let (first, number) = name.rsplit_once('.')?;
    let (pid, turn) = number.split_once('-')?;
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    (is_number(pid) && is_number(turn)).then_some(first)
}

/// How a trace is opened.
type Opener = fn(FileSource, Option<FileSource>) -> Result<TraceReader<FileSource>, ReadError>;

/// The trace at a path with its side file, the path itself, and its name.
fn reader(
    path: &Path,
    opener: Opener,
) -> Result<(TraceReader<FileSource>, PathBuf, String), OpenError> {
    let path = if path.is_dir() {
        newest(path)?
    } else {
        without_part(path)
    };
    let main = FileSource::open(&path).map_err(|error| cannot_open(&path, error))?;
    let part = FileSource::open(&part_of(&path)).ok();
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    match opener(main, part) {
        Ok(reader) => Ok((reader, path, name)),
        Err(why) => Err(OpenError::Unreadable { path, why }),
    }
}

/// What a trace is, read without its events.
#[derive(Clone, Debug)]
pub struct Glance {
    /// What is known of the run.
    pub run: Run,
    /// Calls that began.
    pub calls: u64,
    /// Threads with a log.
    pub threads: u64,
    /// Tasks that were seen.
    pub tasks: u64,
    /// Functions that were recorded.
    pub functions: u64,
    /// Calls that ended, where that is known.
    pub ended: Option<u64>,
    /// Whether every block was compared with its checksum.
    pub is_checked: bool,
    /// Child processes that made calls; those of the run are counted above.
    pub children: u64,
    /// How many of them still run.
    pub running: u64,
}

impl Glance {
    /// Takes in a child process that began so much later.
    fn add(&mut self, child: Glance, later_ns: u64, is_running: bool) {
        self.calls += child.calls;
        self.threads += child.threads;
        self.tasks += child.tasks;
        self.ended = self.ended.zip(child.ended).map(|(own, more)| own + more);
        self.is_checked &= child.is_checked;
        self.run.bytes += child.run.bytes;
        let end = later_ns.saturating_add(child.run.duration_ns);
        self.run.duration_ns = self.run.duration_ns.max(end);
        self.children += u64::from(child.calls > 0);
        self.running += u64::from(child.calls > 0 && is_running);
        for left in child.run.left_out {
            merge::add_left_out(&mut self.run.left_out, left);
        }
    }
}

/// Looks at the trace at `path` without reading its events, which takes no time however many there
/// are.
pub fn glance(path: &Path) -> Result<Glance, OpenError> {
    let (reader, path, name) = reader(path, TraceReader::glance)?;
    let run_id = reader.summary().run_id;
    let mut all = read::glance(&reader, name);
    let began_ns = reader.summary().began_ns;
    let codes = |reader: &TraceReader<FileSource>| -> Vec<u64> {
        let codes = &reader.definitions().codes;
        codes.iter().map(merge::hash_of).collect()
    };
    let children = children(&path);
    let mut functions: FxHashSet<u64> = FxHashSet::default();
    if !children.is_empty() {
        functions.extend(codes(&reader));
    }
    drop(reader);
    for child in children {
        let Ok((reader, child, name)) = self::reader(&child, TraceReader::glance) else {
            continue;
        };
        if reader.summary().run_id != run_id {
            continue;
        }
        let more = read::glance(&reader, name);
        let later_ns = reader.summary().began_ns.saturating_sub(began_ns);
        let is_running =
            state(&child, more.run.is_complete, more.run.is_recovered) == ProcessState::Running;
        functions.extend(codes(&reader));
        all.functions = all.functions.max(functions.len() as u64);
        all.add(more, later_ns, is_running);
    }
    Ok(all)
}

/// Up to so many calls the facts of a trace come from its events.
const CALLS_AT_ONCE: u64 = 1_000_000;

/// The facts of the trace at `path`; of a long one without reading its events.
pub fn facts(path: &Path) -> Result<Info, OpenError> {
    let glance = glance(path)?;
    if glance.calls > CALLS_AT_ONCE {
        return Ok(info::info_of_glance(&glance));
    }
    Ok(info::info(&open(path)?))
}

/// Refuses a run that would not fit into memory, before anything of it is taken in. What is short is
/// looked at when it is read.
fn refuse_too_long(path: &Path) -> Result<(), OpenError> {
    const SHORT: u64 = 64 << 20;
    let len = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
    let first = without_part(path);
    let children = children(&first);
    let all: u64 = children.iter().map(|child| len(child)).sum();
    if len(&first).saturating_add(all) <= SHORT {
        return Ok(());
    }
    let (reader, path, _) = reader(path, TraceReader::glance)?;
    let run_id = reader.summary().run_id;
    let mut needed = Needed::default();
    needed.add(reader.summary());
    for child in children {
        let child = self::reader(&child, TraceReader::glance);
        if let Ok((reader, ..)) = child
            && reader.summary().run_id == run_id
        {
            needed.add(reader.summary());
        }
    }
    fits(&needed, memory::free, &path)
}

/// Whether a run fits into what is free, which is asked for only where it matters.
fn fits(needed: &Needed, free: impl FnOnce() -> Option<u64>, path: &Path) -> Result<(), OpenError> {
    let (calls, path) = (needed.calls, || path.to_owned());
    let processes = needed.files.saturating_sub(1);
    if calls > u64::from(MOST_CALLS) {
        return Err(if processes == 0 {
            OpenError::TooManyCalls {
                path: path(),
                calls,
            }
        } else {
            OpenError::TooManyTogether {
                path: path(),
                processes,
                calls,
            }
        });
    }
    let needed = needed.bytes;
    // Small traces are not worth the look.
    if needed > 256 << 20
        && let Some(free) = free()
        && needed > free
    {
        return Err(OpenError::TooLarge {
            path: path(),
            processes,
            calls,
            needed,
            free,
        });
    }
    Ok(())
}

/// The newest trace in a folder.
pub fn newest(folder: &Path) -> Result<PathBuf, OpenError> {
    let none_here = || OpenError::NoneHere {
        folder: folder.to_owned(),
    };
    let entries = std::fs::read_dir(folder).map_err(|error| cannot_open(folder, error))?;
    let traces = entries.flatten().filter_map(|entry| {
        let path = entry.path();
        let is_trace = path.extension().is_some_and(|ending| ending == ENDING) && path.is_file();
        is_trace
            .then(|| Some((entry.metadata().ok()?.modified().ok()?, path)))
            .flatten()
    });
    let (_, path) = traces.max().ok_or_else(none_here)?;
    // `./shop.execmap` reads worse than `shop.execmap`.
    Ok(path
        .strip_prefix(".")
        .map_or_else(|_| path.clone(), Path::to_owned))
}

fn part_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

/// The side file stands for the trace it belongs to.
fn without_part(path: &Path) -> PathBuf {
    let is_part = path.extension().is_some_and(|ending| ending == "part");
    if is_part {
        path.with_extension("")
    } else {
        path.to_owned()
    }
}

fn cannot_open(path: &Path, error: io::Error) -> OpenError {
    if error.kind() == io::ErrorKind::NotFound {
        return OpenError::Missing {
            path: path.to_owned(),
            nearby: nearby(path),
        };
    }
    OpenError::Unreadable {
        path: path.to_owned(),
        why: error.into(),
    }
}

/// `shop` and `shop.py` stand for `shop.execmap` where that exists.
fn nearby(path: &Path) -> Option<PathBuf> {
    let trace = path.with_extension(ENDING);
    (trace != path && trace.is_file()).then_some(trace)
}

/// Bytes that are read by position: those of a file.
pub(crate) enum FileSource {
    File(File),
    /// Bytes that never were in a file, for tests.
    #[cfg(any(test, feature = "testing"))]
    Memory(Vec<u8>),
}

impl FileSource {
    /// Opening a pipe would wait for whoever writes to it, and a device has no end.
    fn open(path: &Path) -> io::Result<Self> {
        if !std::fs::metadata(path)?.is_file() {
            return Err(io::Error::other("it is not a file"));
        }
        File::open(path).map(FileSource::File)
    }
}

impl Source for FileSource {
    fn len(&self) -> io::Result<u64> {
        match self {
            FileSource::File(file) => Ok(file.metadata()?.len()),
            #[cfg(any(test, feature = "testing"))]
            FileSource::Memory(bytes) => Source::len(bytes),
        }
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        match self {
            #[cfg(unix)]
            FileSource::File(file) => std::os::unix::fs::FileExt::read_at(file, into, offset),
            #[cfg(windows)]
            FileSource::File(file) => std::os::windows::fs::FileExt::seek_read(file, into, offset),
            #[cfg(any(test, feature = "testing"))]
            FileSource::Memory(bytes) => bytes.read_at(offset, into),
        }
    }
}

#[cfg(test)]
mod tests {
    use execmap_format::Summary;

    use super::*;

    fn of_calls(calls: u64) -> Summary {
        Summary {
            calls,
            events: 2 * calls,
            event_bytes: 9 * calls,
            ..Summary::default()
        }
    }

    /// A run of so many calls in each of its files.
    fn ask(files: &[u64], free: Option<u64>) -> Result<(), OpenError> {
        let mut needed = Needed::default();
        for calls in files {
            needed.add(&of_calls(*calls));
        }
        fits(&needed, || free, Path::new("long.execmap"))
    }

    #[test]
    fn the_files_of_a_run_are_looked_at_together() {
        let free = Some(30_000_000_000);
        assert!(ask(&[400_000_000], free).is_ok());
        let told = ask(&[1, 400_000_000, 400_000_000], free).expect_err("too large");
        insta::assert_snapshot!(told, @"long.execmap with its 2 child processes has 800,000,001 calls: reading them takes about 52.8 GB of memory, and 30.0 GB are free. `execmap info` tells what it holds; to look at calls, record a part: `--max-calls`, or `--ring` for the latest; or read it where there is more memory");
        let told = ask(&[1, 3_000_000_000, 3_000_000_000], None).expect_err("too many");
        insta::assert_snapshot!(told, @"long.execmap and its 2 child processes hold 6,000,000,001 calls, more than can be shown at once: open the files one by one");
    }

    #[test]
    fn a_trace_that_memory_cannot_hold_is_refused_with_a_way_out() {
        let ask = |calls, free| ask(&[calls], free);
        assert!(ask(1_000_000_000, Some(100 << 30)).is_ok());
        assert!(
            ask(1_000_000_000, None).is_ok(),
            "nobody knows what is free"
        );
        assert!(ask(1_000_000, Some(0)).is_ok(), "not worth the look");
        let told = ask(1_000_000_000, Some(22_000_000_000)).expect_err("too large");
        insta::assert_snapshot!(told, @"long.execmap has 1,000,000,000 calls: reading them takes about 66.0 GB of memory, and 22.0 GB are free. `execmap info` tells what it holds; to look at calls, record a part: `--max-calls`, or `--ring` for the latest; or read it where there is more memory");
        let told = ask(5_000_000_000, Some(u64::MAX)).expect_err("too many");
        insta::assert_snapshot!(told, @"long.execmap has 5,000,000,000 calls, more than the 4,294,967,294 that can be read at once. `execmap info` tells what it holds; to look at calls, record a part: `--max-calls`, or `--ring` for the latest");
    }
}
