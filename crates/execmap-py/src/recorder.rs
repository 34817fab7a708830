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

use execmap_record::{Filter, FilterOptions, Redactor, Stopped, free_name, write_window};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::cpython::{self, Settings};
use crate::errors::{TraceError, filter_error, write_error};

/// What to record, as Python says it.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Options {
    path: PathBuf,
    run_id: Vec<u8>,
    include: Vec<String>,
    exclude: Vec<String>,
    roots: Vec<PathBuf>,
    foreign: Vec<PathBuf>,
    working_dir: PathBuf,
    values: bool,
    redacting: bool,
    redact: Vec<String>,
    max_calls: Option<u64>,
    max_size: Option<u64>,
    command: Vec<String>,
    meta: Vec<(String, String)>,
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

/// Begins to record this process. Gives the path that is written, and notes for the user.
#[pyfunction]
pub(crate) fn start(py: Python<'_>, options: Options) -> PyResult<(OsString, Vec<String>)> {
    cpython::self_test(py, options.public_frames)?;
    let filter = Filter::new(FilterOptions {
        include: options.include.clone(),
        exclude: options.exclude.clone(),
        roots: options.roots,
        foreign: options.foreign,
        working_dir: options.working_dir,
    })
    .map_err(|error| filter_error(&error))?;
    let target = free_name(&options.path);
    let mut meta = options.meta;
    let mut redactor = Redactor::new(&options.redact);
    let command = if options.redacting {
        redactor.command_line(&options.command).0
    } else {
        options.command
    };
    meta.push(("command".to_owned(), as_json(&command)));
    meta.push(("include".to_owned(), as_json(&options.include)));
    meta.push(("exclude".to_owned(), as_json(&options.exclude)));
    let mut run_id = [0; 16];
    for (to, from) in run_id.iter_mut().zip(options.run_id) {
        *to = from;
    }
    let settings = Settings {
        path: target.path.clone(),
        run_id,
        filter,
        with_values: options.values,
        is_redacting: options.redacting,
        redactor,
        redact: options.redact,
        max_calls: options.max_calls,
        max_size: options.max_size,
        meta,
    };
    let mut notes = cpython::start(py, settings)?;
    if let Some(wanted) = target.in_use {
        notes.push(format!(
            "{} is in use by a run that goes on; this run is written to {}",
            wanted.display(),
            target.path.display()
        ));
    }
    // A plain `str`: a `Path` would have its module imported into the program.
    Ok((target.path.into_os_string(), notes))
}

/// Ends the recording. Gives what came of it, or `None` when there was none.
#[pyfunction]
pub(crate) fn stop(py: Python<'_>) -> PyResult<Option<Bound<'_, PyDict>>> {
    let Some(stop) = cpython::stop(py) else {
        return Ok(None);
    };
    let answer = PyDict::new(py);
    answer.set_item("path", stop.path.into_os_string())?;
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
