//! Which asyncio task runs, and who created it.

use execmap_record::format::{CallId, Definition, TaskDef, TaskId};
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use pyo3::ffi;
use pyo3::prelude::*;

use super::engine::Engine;
use super::types::text_of;
use super::watch::Watch;

/// Tasks that are known, and functions that tell of them.
#[derive(Default)]
pub(super) struct Tasks {
    running_loop: Option<Py<PyAny>>,
    current_task: Option<Py<PyAny>>,
    /// The exact type of tasks, whose methods are C.
    task_type: usize,
    known: HashMap<usize, TaskId, FixedState>,
    defined: u32,
    /// Who created the task that was met last, until someone asks.
    new_creator: Option<CallId>,
}

impl Tasks {
    /// Looks for asyncio among the imported modules, without importing it.
    #[expect(
        clippy::disallowed_methods,
        reason = "`sys.modules` is a dictionary with text keys"
    )]
    pub(super) fn look_for_asyncio(&mut self, py: Python<'_>) {
        let Ok(modules) = py.import("sys").and_then(|sys| sys.getattr("modules")) else {
            return;
        };
        let Ok(module) = modules.get_item("_asyncio") else {
            return;
        };
        self.running_loop = module.getattr("_get_running_loop").ok().map(Bound::unbind);
        self.current_task = module.getattr("current_task").ok().map(Bound::unbind);
        self.task_type = module
            .getattr("Task")
            .map_or(0, |task| task.as_ptr() as usize);
    }

    pub(super) fn is_ready(&self) -> bool {
        self.current_task.is_some()
    }

    /// The task that runs on this thread, borrowed from its loop, or null.
    unsafe fn current(&self, py: Python<'_>) -> *mut ffi::PyObject {
        let (Some(running_loop), Some(current_task)) = (&self.running_loop, &self.current_task)
        else {
            return std::ptr::null_mut();
        };
        // SAFETY: attached; both are C functions; errors are cleared, references given back. The loop
        // keeps the task alive while it runs.
        unsafe {
            let running = ffi::PyObject_CallNoArgs(running_loop.as_ptr());
            if running.is_null() || running == ffi::Py_None() {
                ffi::PyErr_Clear();
                return std::ptr::null_mut();
            }
            let task = ffi::PyObject_CallOneArg(current_task.bind(py).as_ptr(), running);
            ffi::Py_DECREF(running);
            if task.is_null() || task == ffi::Py_None() {
                ffi::PyErr_Clear();
                return std::ptr::null_mut();
            }
            ffi::Py_DECREF(task);
            task
        }
    }

    pub(super) fn forget(&mut self, address: usize) {
        self.known.remove(&address);
    }

    /// How many tasks were met.
    pub(super) fn count(&self) -> u32 {
        self.defined
    }

    /// Who created the task that was met for the first time just now.
    pub(super) fn take_new_creator(&mut self) -> Option<CallId> {
        self.new_creator.take()
    }

    /// Begins anew, in a forked child.
    pub(super) fn restart(&mut self) {
        self.known.clear();
        self.defined = 0;
        self.new_creator = None;
    }
}

impl Engine {
    /// The number of the task that runs on this thread, one more than its id; 0 for none.
    ///
    /// # Safety
    /// The thread is attached, and no exception is set.
    pub(super) unsafe fn current_task(&mut self) -> u32 {
        // SAFETY: the caller's.
        let py = unsafe { Python::assume_attached() };
        // SAFETY: the caller's.
        let task = unsafe { self.tasks.current(py) };
        if task.is_null() {
            return 0;
        }
        if let Some(id) = self.tasks.known.get(&(task as usize)) {
            return id.0 + 1;
        }
        // SAFETY: a live task.
        unsafe { self.learn_task(task) }
    }

    unsafe fn learn_task(&mut self, task: *mut ffi::PyObject) -> u32 {
        let id = TaskId(self.tasks.defined);
        self.tasks.defined += 1;
        let mut def = TaskDef::default();
        // SAFETY: a live task. Its methods are only called when they are C's own.
        unsafe {
            if ffi::Py_TYPE(task) as usize == self.tasks.task_type {
                let name = ffi::PyObject_CallMethod(task, c"get_name".as_ptr(), std::ptr::null());
                def.name = self.values.shown_name(text_of(name));
                let coroutine =
                    ffi::PyObject_CallMethod(task, c"get_coro".as_ptr(), std::ptr::null());
                def.created_by = self.creators.remove(coroutine as usize).map(CallId);
                ffi::Py_XDECREF(name);
                ffi::Py_XDECREF(coroutine);
                ffi::PyErr_Clear();
            }
            if def.name.is_empty() {
                def.name = format!("task {}", id.0);
            }
            self.watcher.watch(task, Watch::Task(task as usize));
        }
        self.tasks.new_creator = def.created_by;
        self.session.define(&Definition::Task(def));
        self.tasks.known.insert(task as usize, id);
        id.0 + 1
    }
}
