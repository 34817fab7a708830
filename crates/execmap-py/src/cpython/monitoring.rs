//! `sys.monitoring`: the tool id, the events, the callbacks (PEP 669).

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyModule};

use super::events::HOOKS;
use super::hook::callable;
use crate::errors::TraceError;

/// Ids in the order in which they are tried; 4 and 3 have no owner by convention.
const TOOL_IDS: [u8; 4] = [4, 3, 2, 5];

/// Numbers of events; they differ between versions and are asked for by name.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct EventNumbers {
    /// For code that is recorded.
    pub(super) local: u32,
    /// For recorded code with loops whose entries are recorded.
    pub(super) jump: u32,
    /// For all code.
    pub(super) global: u32,
}

/// The functions of `sys.monitoring` that are used, and the id that was taken.
pub(super) struct Monitoring {
    module: Py<PyAny>,
    set_local_events: Py<PyAny>,
    pub(super) disable: Py<PyAny>,
    pub(super) tool: u8,
    pub(super) numbers: EventNumbers,
}

fn take_tool(module: &Bound<'_, PyAny>) -> PyResult<u8> {
    for id in TOOL_IDS {
        if module.call_method1("get_tool", (id,))?.is_none() {
            module.call_method1("use_tool_id", (id, "execmap"))?;
            return Ok(id);
        }
    }
    let owners = PyDict::new(module.py());
    for id in 0..6u8 {
        let owner = module.call_method1("get_tool", (id,))?;
        if !owner.is_none() {
            owners.set_item(id, owner)?;
        }
    }
    Err(TraceError::new_err(format!(
        "no monitoring tool id is free (taken: {owners}); end one of these tools and run again"
    )))
}

impl Monitoring {
    /// Takes a tool id and registers the hooks; no event is on yet.
    pub(super) fn take(py: Python<'_>) -> PyResult<Monitoring> {
        let module = PyModule::import(py, "sys")?.getattr("monitoring")?;
        let tool = take_tool(&module)?;
        let events = module.getattr("events")?;
        let mut numbers = EventNumbers::default();
        for hook in HOOKS {
            let number: u32 = events.getattr(hook.event)?.extract()?;
            module.call_method1(
                "register_callback",
                (tool, number, callable(py, hook.function)?),
            )?;
            match hook.scope {
                Scope::Everywhere => numbers.global |= number,
                Scope::Recorded => numbers.local |= number,
                Scope::Loops => numbers.jump |= number,
            }
        }
        Ok(Monitoring {
            set_local_events: module.getattr("set_local_events")?.unbind(),
            disable: module.getattr("DISABLE")?.unbind(),
            module: module.unbind(),
            tool,
            numbers,
        })
    }

    /// Turns the events on, everywhere.
    pub(super) fn arm(&self, py: Python<'_>) -> PyResult<()> {
        let module = self.module.bind(py);
        // Places that an earlier recording disabled stay disabled until this is called.
        module.call_method0("restart_events")?;
        module.call_method1("set_events", (self.tool, self.numbers.global))?;
        Ok(())
    }

    /// Turns on the events of one code object. False when CPython refuses to instrument it.
    pub(super) fn arm_code(
        &self,
        py: Python<'_>,
        code: &Bound<'_, PyAny>,
        has_loops: bool,
    ) -> bool {
        let events = self.numbers.local | if has_loops { self.numbers.jump } else { 0 };
        self.set_local_events
            .bind(py)
            .call1((self.tool, code, events))
            .is_ok()
    }

    /// Turns everything off and gives the id back.
    pub(super) fn release(&self, py: Python<'_>) -> PyResult<()> {
        let module = self.module.bind(py);
        module.call_method1("set_events", (self.tool, 0))?;
        let events = module.getattr("events")?;
        for hook in HOOKS {
            let number: u32 = events.getattr(hook.event)?.extract()?;
            module.call_method1("register_callback", (self.tool, number, py.None()))?;
        }
        module.call_method1("free_tool_id", (self.tool,))?;
        Ok(())
    }
}

/// For which code an event is on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// For all; code that is not recorded disables it where it can be disabled.
    Everywhere,
    /// For recorded code.
    Recorded,
    /// For recorded code with loops.
    Loops,
}
