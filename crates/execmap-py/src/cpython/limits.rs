//! The end of a recording before the end of its program.

use std::rc::Rc;

use pyo3::Python;

use super::engine::{Engine, engine};

impl Engine {
    /// A call more than may be recorded begins: the recording stops here.
    #[cold]
    pub(super) fn reach_limit(&mut self) {
        self.is_limited = true;
        self.is_dead = true;
    }
}

/// Turns the events off: nothing more will be recorded, and the program shall not pay for it.
///
/// # Safety
/// Attached; the engine is not in use.
#[cold]
pub(super) unsafe fn retire() {
    // SAFETY: attached; the engine is only borrowed to take the tool.
    let monitoring = unsafe { engine() }.map(|engine| Rc::clone(&engine.monitoring));
    if let Some(monitoring) = monitoring {
        // The program's audit hooks would hear of callbacks that are taken away.
        // SAFETY: hooks run attached.
        monitoring.release(unsafe { Python::assume_attached() }, true);
    }
}
