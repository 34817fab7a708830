//! Starting and stopping from Python.

#![expect(
    clippy::disallowed_methods,
    reason = "the dictionary of options is execmap's own"
)]
#![expect(
    clippy::needless_pass_by_value,
    reason = "PyO3 hands arguments over by value"
)]

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::PathBuf;

use execmap_record::os::ErrorStream;
use execmap_record::{
    Filter, FilterOptions, Limits, Redactor, Stopped, TargetName, child_name, free_name,
    remove_old_children, write_window,
};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::cpython::{self, Settings, Words};
use crate::errors::{TraceError, filter_error, write_error};
use crate::last_words::{self, LastWords};

/// What to record, as Python says it.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Options {
    /// The run's first file.
    path: PathBuf,
    /// Of a process that another one of the run started: what the file of that one, or of one before
    /// it, is called beyond the name of the first.
    parent: Option<String>,
    /// What of the standard library the process was started to run, empty for none.
    library: String,
    run_id: Vec<u8>,
    include: Vec<Words>,
    exclude: Vec<Words>,
    roots: Vec<PathBuf>,
    foreign: Vec<PathBuf>,
    working_dir: PathBuf,
    values: bool,
    redacting: bool,
    redact: Vec<Words>,
    max_calls: Option<u64>,
    max_size: Option<u64>,
    ring: Option<u64>,
    command: Vec<Words>,
    meta: Vec<(String, Words)>,
    public_frames: bool,
}

fn as_json(words: &[String]) -> String {
    let quoted: Vec<String> = words
        .iter()
        .map(|word| {
            let mut out = String::from("\"");
            for char in word.chars() {
                match char {
                    '"' | '\\' => out.extend(['\\', char]),
                    '\0'..=' ' if char != ' ' => {
                        let _ = write!(out, "\\u{:04x}", u32::from(char));
                    }
                    _ => out.push(char),
                }
            }
            out + "\""
        })
        .collect();
    format!("[{}]", quoted.join(","))
}

/// A text that `os.fsencode` turns back into these bytes, in every locale.
pub(crate) fn as_text(py: Python<'_>, text: OsString) -> PyResult<Bound<'_, PyAny>> {
    py.import("os")?
        .call_method1("fsdecode", (PyBytes::new(py, text.as_encoded_bytes()),))
}

fn strings(words: Vec<Words>) -> Vec<String> {
    words.into_iter().map(|Words(text)| text).collect()
}

/// Begins to record this process. Gives the path that is written, and notes for the user.
#[pyfunction]
pub(crate) fn start(py: Python<'_>, options: Options) -> PyResult<(Bound<'_, PyAny>, Vec<String>)> {
    cpython::self_test(py, options.public_frames)?;
    let [include, exclude, redact, command] = [
        options.include,
        options.exclude,
        options.redact,
        options.command,
    ]
    .map(strings);
    let filter = Filter::new(FilterOptions {
        include: include.clone(),
        exclude: exclude.clone(),
        roots: options.roots,
        foreign: options.foreign,
        working_dir: options.working_dir,
    })
    .map_err(|error| filter_error(&error))?;
    let target = match options.parent {
        Some(_) => TargetName {
            path: child_name(&options.path, std::process::id()),
            in_use: None,
        },
        None => free_name(&options.path),
    };
    let first = match options.parent {
        Some(_) => options.path,
        None => std::path::absolute(&target.path).unwrap_or_else(|_| target.path.clone()),
    };
    let is_first = options.parent.is_none();
    let mut meta: Vec<(String, String)> = options
        .meta
        .into_iter()
        .map(|(key, Words(value))| (key, value))
        .collect();
    let mut redactor = Redactor::new(&redact);
    let command = if options.redacting {
        redactor.command_line(&command).0
    } else {
        command
    };
    meta.push(("command".to_owned(), as_json(&command)));
    meta.push(("include".to_owned(), as_json(&include)));
    meta.push(("exclude".to_owned(), as_json(&exclude)));
    let mut run_id = [0; 16];
    for (to, from) in run_id.iter_mut().zip(options.run_id) {
        *to = from;
    }
    let settings = Settings {
        path: target.path.clone(),
        first: first.clone(),
        parent: options.parent,
        is_main_foreign: !options.library.is_empty(),
        run_id,
        filter,
        with_values: options.values,
        is_redacting: options.redacting,
        redactor,
        redact,
        max_calls: options.max_calls,
        limits: Limits {
            max_size: options.max_size,
            ring: options.ring,
        },
        meta,
    };
    let mut notes = cpython::start(py, settings)?;
    if is_first {
        remove_old_children(&first, run_id);
    }
    if let Some(wanted) = target.in_use {
        notes.push(format!(
            "{} is in use by a run that goes on; this run is written to {}",
            wanted.display(),
            target.path.display()
        ));
    }
    // A plain `str`: a `Path` would have its module imported into the program.
    Ok((as_text(py, target.path.into_os_string())?, notes))
}

/// Ends the recording. Gives what came of it, or `None` when there was none.
#[pyfunction]
pub(crate) fn stop(py: Python<'_>) -> PyResult<Option<Bound<'_, PyDict>>> {
    let Some(stop) = cpython::stop(py) else {
        return Ok(None);
    };
    let answer = PyDict::new(py);
    answer.set_item("path", as_text(py, stop.path.into_os_string())?)?;
    answer.set_item("bytes", stop.finished.bytes)?;
    answer.set_item("calls", stop.finished.calls)?;
    answer.set_item("threads", stop.threads)?;
    answer.set_item("tasks", stop.tasks)?;
    answer.set_item("left_out", stop.left_out)?;
    answer.set_item("notes", stop.notes)?;
    answer.set_item(
        "is_whole",
        !matches!(stop.finished.stopped, Some(Stopped::NotWritten(_))),
    )?;
    Ok(Some(answer))
}

/// Has the recording end with the process, after the interpreter, and what came of it said: of the
/// trace at `path`, with a page where one is wanted, which the interpreter `browser` opens.
#[pyfunction]
#[pyo3(signature = (path, *, html, page_size, quiet, browser))]
pub(crate) fn say_at_end(
    path: PathBuf,
    html: Option<PathBuf>,
    page_size: u64,
    quiet: bool,
    browser: Option<PathBuf>,
) {
    last_words::keep(LastWords {
        pid: std::process::id(),
        path,
        html,
        page_size,
        is_quiet: quiet,
        browser,
        stderr: ErrorStream::now(),
    });
}

/// Notes what only the interpreter can tell, before it ends; the recording goes on.
#[pyfunction]
pub(crate) fn before_end(py: Python<'_>) {
    cpython::before_end(py);
}

/// Whether this process is being recorded.
#[pyfunction]
pub(crate) fn is_recording() -> bool {
    cpython::is_recording()
}

/// Begins a window on the recording that goes on: its first call, and the clock.
#[pyfunction]
pub(crate) fn open_window() -> Option<(u64, u64, u64)> {
    cpython::now()
}

/// Ends a window: writes a trace that holds what was recorded since it was opened.
#[pyfunction]
pub(crate) fn close_window(py: Python<'_>, path: PathBuf, window: (u64, u64, u64)) -> PyResult<()> {
    let Some((whole, last)) = cpython::flush(py) else {
        return Err(TraceError::new_err(
            "the recording around this one has ended before it",
        ));
    };
    write_window(&whole, &path, window, last)
        .map_err(|error| write_error(&path, &error.to_string()))
}
