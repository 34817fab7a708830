//! The console script: all commands but `run` are carried out here, `run` is handed to Python.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use execmap_cli::{
    Detail, Done, MOST_CALLS_FOR_A_PAGE, RunRequest, RunSummary, Target, run_summary,
};
use execmap_record::os::may_be_as_long;
use execmap_web::PageOptions;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::recorder::as_text;

/// Carries out a command line. Gives the exit code, or for `run` what is to be run. `python`: the
/// interpreter for what a document names.
#[pyfunction]
#[pyo3(signature = (args, python=None))]
#[expect(
    clippy::needless_pass_by_value,
    reason = "PyO3 hands arguments over by value"
)]
pub(crate) fn command_line(
    py: Python<'_>,
    args: Vec<OsString>,
    python: Option<PathBuf>,
) -> PyResult<Bound<'_, PyAny>> {
    match py.detach(|| execmap_cli::main_with(args, python.as_deref())) {
        Done::Exit(code) => Ok(code.into_pyobject(py)?.into_any()),
        Done::Run(request) => Ok(as_dict(py, *request)?.into_any()),
    }
}

fn as_dict(py: Python<'_>, request: RunRequest) -> PyResult<Bound<'_, PyDict>> {
    let (kind, what) = match request.target {
        Target::Script(path) => ("script", path.into_os_string()),
        Target::Module(name) => ("module", name),
        Target::Code(code) => ("code", code),
        Target::Stdin => ("stdin", "-".into()),
        Target::Command(name) => ("command", name),
    };
    let dict = PyDict::new(py);
    dict.set_item("kind", kind)?;
    dict.set_item("what", as_text(py, what)?)?;
    let args: PyResult<Vec<_>> = request
        .args
        .into_iter()
        .map(|arg| as_text(py, arg))
        .collect();
    dict.set_item("args", args?)?;
    let output = request
        .output
        .map(|path| as_text(py, path.into_os_string()));
    dict.set_item("output", output.transpose()?)?;
    dict.set_item("html", request.html)?;
    dict.set_item("open", request.open)?;
    dict.set_item("is_statements", request.detail == Detail::Statements)?;
    dict.set_item("statements", request.statements)?;
    dict.set_item("include", request.include)?;
    dict.set_item("exclude", request.exclude)?;
    dict.set_item("values", request.values)?;
    dict.set_item("boundary", request.boundary)?;
    dict.set_item("repr", request.repr)?;
    dict.set_item("redact_names", request.redact_names)?;
    dict.set_item("redact", request.redact)?;
    dict.set_item("max_size", request.max_size)?;
    dict.set_item("max_calls", request.max_calls)?;
    dict.set_item("ring", request.ring)?;
    dict.set_item("page_size", request.page_size)?;
    dict.set_item("quiet", request.quiet)?;
    Ok(dict)
}

/// After a run: writes the page, if one is wanted and the run is not too long, and gives the line
/// that says what came of it.
pub(crate) fn summarise(
    path: &Path,
    html: Option<&Path>,
    page_size: u64,
) -> Result<String, String> {
    let glance = execmap_query::glance(path).map_err(|error| error.to_string())?;
    let mut summary = RunSummary::of_glance(&glance);
    summary.trace.0 = path.display().to_string();
    summary.is_page_wanted = html.is_some();
    // The events are only read when they go into a page: memory stays bounded after a long run.
    if let Some(html) = html.filter(|_| glance.calls <= MOST_CALLS_FOR_A_PAGE) {
        let trace = execmap_query::open(path).map_err(|error| error.to_string())?;
        let page = execmap_web::page(&trace, &PageOptions { page_size });
        let written = write_page(html, &page.html);
        written.map_err(|why| format!("cannot write {}: {why}", html.display()))?;
        summary.page = Some((html.display().to_string(), page.html.len() as u64));
    }
    Ok(run_summary(&summary))
}

/// Writes a page, in place of an older page of ours and of nothing else. Half a page is none.
pub(crate) fn write_page(path: &Path, html: &str) -> Result<(), String> {
    const MARK: &str = "execmap-page";
    if let Ok(before) = std::fs::read(path) {
        let is_ours = before.is_empty()
            || before
                .windows(MARK.len())
                .any(|window| window == MARK.as_bytes());
        if !is_ours {
            return Err("it exists and is no page of execmap".to_owned());
        }
    }
    may_be_as_long(html.len() as u64)
        .and_then(|()| std::fs::write(path, html).inspect_err(|_| drop(std::fs::remove_file(path))))
        .map_err(|error| error.to_string())
}
