//! The extension module `execmap._core`.

mod command_line;
mod cpython;
mod errors;
mod recorder;
mod trace;

use pyo3::prelude::*;

#[pymodule(gil_used = true)]
mod _core {
    #[pymodule_export]
    use crate::command_line::{command_line, finish_run};
    #[pymodule_export]
    use crate::errors::TraceError;
    #[pymodule_export]
    use crate::recorder::{close_window, is_recording, open_window, start, stop};
    #[pymodule_export]
    use crate::trace::CoreTrace;
    #[pymodule_export]
    #[expect(non_upper_case_globals, reason = "the name is Python's")]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
