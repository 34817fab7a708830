//! The one place where errors of ours become exceptions of Python.

use execmap_record::{FilterError, StartError};
use pyo3::PyErr;
use pyo3::create_exception;
use pyo3::exceptions::PyException;

create_exception!(
    execmap,
    TraceError,
    PyException,
    "Something about a trace or a recording went wrong."
);

/// A recording could not begin.
pub(crate) fn start_error(error: &StartError) -> PyErr {
    TraceError::new_err(error.to_string())
}

/// A pattern is none.
pub(crate) fn filter_error(error: &FilterError) -> PyErr {
    TraceError::new_err(error.to_string())
}

/// A trace could not be read.
pub(crate) fn query_error(error: &execmap_query::OpenError) -> PyErr {
    TraceError::new_err(error.to_string())
}

/// A file could not be written.
pub(crate) fn write_error(path: &std::path::Path, why: &str) -> PyErr {
    TraceError::new_err(format!("cannot write {}: {why}", path.display()))
}
