//! From a path to a trace. The only place here that reads files.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use execmap_format::{ReadError, Source, TraceReader};

use crate::read;
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
    /// The file is there and is no trace that can be read.
    #[error("{}", explain(.path, .why))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: ReadError,
    },
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
/// recorded last; it is read along.
pub fn open(path: &Path) -> Result<Trace, OpenError> {
    let (reader, path, name) = reader(path)?;
    read::read(reader, name).map_err(|why| OpenError::Unreadable { path, why })
}

/// The trace at a path with its side file, the path itself, and its name.
fn reader(path: &Path) -> Result<(TraceReader<FileSource>, PathBuf, String), OpenError> {
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
    match TraceReader::open(main, part) {
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
}

/// Looks at the trace at `path` without reading its events, which takes no time however many there
/// are.
pub fn glance(path: &Path) -> Result<Glance, OpenError> {
    let (reader, _, name) = reader(path)?;
    Ok(read::glance(&reader, name))
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

/// A file that is read by position.
pub(crate) struct FileSource(File);

impl FileSource {
    fn open(path: &Path) -> io::Result<Self> {
        File::open(path).map(FileSource)
    }
}

impl Source for FileSource {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    #[cfg(unix)]
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(&self.0, into, offset)
    }

    #[cfg(windows)]
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        std::os::windows::fs::FileExt::seek_read(&self.0, into, offset)
    }
}
