//! Being told when an object dies, by a weak reference whose callback is ours.
//!
//! Used for what may be gone while its address lives on: tasks, and,
//! where the version sends no event for it (3.13.0), generators.

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use pyo3::ffi;
use pyo3::prelude::*;

use super::generators::Watched;
use super::hook::callable;

/// What is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Watch {
    /// A task, by its address.
    Task(usize),
    /// A suspended generator.
    Generator(Watched),
}

/// All weak references of a recording.
pub(super) struct Watcher {
    callback: Py<PyAny>,
    /// By the address of the weak reference, which is ours.
    watched: HashMap<usize, Watch, FixedState>,
}

unsafe extern "C" fn died(
    _: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    _: usize,
    _: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    let _ = std::panic::catch_unwind(|| {
        // SAFETY: CPython calls the callback with the weak reference.
        let weak = unsafe { *args } as usize;
        super::engine::with_engine(|engine| {
            if let Some(what) = engine.watcher.watched.remove(&weak) {
                engine.died(what);
                // SAFETY: the reference was ours; CPython holds its own for the time of the call.
                unsafe { ffi::Py_DECREF(weak as *mut ffi::PyObject) };
            }
        });
    });
    // SAFETY: `None` is immortal.
    unsafe { ffi::Py_NewRef(ffi::Py_None()) }
}

impl Watcher {
    pub(super) fn new(py: Python<'_>) -> PyResult<Watcher> {
        Ok(Watcher {
            callback: callable(py, died)?.unbind(),
            watched: HashMap::default(),
        })
    }

    /// Watches an object; gives the weak reference's address, 0 where the object allows none.
    ///
    /// # Safety
    /// A live object; the thread is attached.
    pub(super) unsafe fn watch(&mut self, object: *mut ffi::PyObject, what: Watch) -> usize {
        // SAFETY: the caller's; an error is cleared, the new reference is kept in the table.
        unsafe {
            let weak = ffi::PyWeakref_NewRef(object, self.callback.as_ptr());
            if weak.is_null() {
                ffi::PyErr_Clear();
                return 0;
            }
            self.watched.insert(weak as usize, what);
            weak as usize
        }
    }

    /// What a weak reference watches.
    pub(super) fn what(&self, weak: usize) -> Option<Watch> {
        self.watched.get(&weak).copied()
    }

    /// Stops watching.
    ///
    /// # Safety
    /// `weak` is what [`Watcher::watch`] gave; the thread is attached.
    pub(super) unsafe fn unwatch(&mut self, weak: usize) {
        if self.watched.remove(&weak).is_some() {
            // SAFETY: the reference is ours.
            unsafe { ffi::Py_DECREF(weak as *mut ffi::PyObject) };
        }
    }

    /// Stops watching everything.
    ///
    /// # Safety
    /// The thread is attached.
    pub(super) unsafe fn clear(&mut self) {
        for (weak, _) in self.watched.drain() {
            // SAFETY: the references are ours.
            unsafe { ffi::Py_DECREF(weak as *mut ffi::PyObject) };
        }
    }
}
