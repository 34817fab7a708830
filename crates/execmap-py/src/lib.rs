//! The extension module `execmap._core`.

mod command_line;
mod cpython;
mod errors;
mod faults;
mod last_words;
mod recorder;
mod trace;

use pyo3::prelude::*;

/// The program may use up all memory it is allowed; the recorder must not end it then.
#[global_allocator]
static MEMORY: execmap_record::os::Memory = execmap_record::os::Memory;

#[pymodule(gil_used = true)]
mod _core {
    #[pymodule_export]
    use crate::command_line::command_line;
    #[pymodule_export]
    use crate::errors::TraceError;
    #[pymodule_export]
    use crate::recorder::{
        before_end, close_window, is_recording, open_window, say_at_end, start, stop,
    };
    #[pymodule_export]
    use crate::trace::CoreTrace;
    #[pymodule_export]
    #[expect(non_upper_case_globals, reason = "the name is Python's")]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
