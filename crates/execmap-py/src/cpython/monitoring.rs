//! `sys.monitoring`: the tool id, the events, the callbacks (PEP 669).

use std::cell::OnceCell;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyModule, PyString};

use super::code;
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
    /// What a second tool asks for to have CPython make a table of tools by instruction.
    pub(super) table: u32,
    /// The return alone.
    pub(super) on_return: u32,
}

/// The functions of `sys.monitoring` that are used, and the id that was taken.
pub(super) struct Monitoring {
    module: Py<PyAny>,
    get_tool: Py<PyAny>,
    set_local_events: Py<PyAny>,
    pub(super) disable: Py<PyAny>,
    pub(super) tool: u8,
    pub(super) numbers: EventNumbers,
    /// The tool's name. CPython keeps the object, so that it tells our use of an id from any other,
    /// another execmap's included.
    name: Py<PyString>,
    /// Our callbacks by the number of their event.
    callbacks: Vec<(u32, Py<PyAny>)>,
    /// Once everything was given back: what another tool had done.
    released: OnceCell<Option<String>>,
}

/// What became of the events of a code object.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Armed {
    Yes,
    /// CPython refuses to instrument it.
    Refused,
    /// The tool id is no longer ours.
    TakenAway,
}

fn take_tool(module: &Bound<'_, PyAny>, name: &Bound<'_, PyString>) -> PyResult<u8> {
    for id in TOOL_IDS {
        if module.call_method1("get_tool", (id,))?.is_none() {
            module.call_method1("use_tool_id", (id, name))?;
            return Ok(id);
        }
    }
    let owners: Vec<String> = (0..6u8)
        .filter_map(|id| {
            let owner = module.call_method1("get_tool", (id,)).ok()?;
            Some(format!("{id}: {}", owner.extract::<String>().ok()?))
        })
        .collect();
    Err(TraceError::new_err(format!(
        "no id of sys.monitoring is free for execmap (2 to 5 will do; taken are {}); end one of these tools and run again",
        owners.join(", ")
    )))
}

impl Monitoring {
    /// Takes a tool id and registers the hooks; no event is on yet.
    pub(super) fn take(py: Python<'_>) -> PyResult<Monitoring> {
        let module = PyModule::import(py, "sys")?.getattr("monitoring")?;
        let name = PyString::new(py, "execmap");
        let tool = take_tool(&module, &name)?;
        let events = module.getattr("events")?;
        let mut numbers = EventNumbers::default();
        let mut callbacks = Vec::new();
        for hook in HOOKS {
            let number: u32 = events.getattr(hook.event)?.extract()?;
            let callback = callable(py, hook.function)?;
            module.call_method1("register_callback", (tool, number, &callback))?;
            callbacks.push((number, callback.unbind()));
            if hook.event == "PY_RETURN" {
                numbers.on_return = number;
            }
            match hook.scope {
                Scope::Everywhere => numbers.global |= number,
                Scope::Recorded => numbers.local |= number,
                Scope::Loops => numbers.jump |= number,
            }
        }
        for event in ["PY_START", "INSTRUCTION"] {
            numbers.table |= events.getattr(event)?.extract::<u32>()?;
        }
        Ok(Monitoring {
            get_tool: module.getattr("get_tool")?.unbind(),
            set_local_events: module.getattr("set_local_events")?.unbind(),
            disable: module.getattr("DISABLE")?.unbind(),
            module: module.unbind(),
            tool,
            numbers,
            name: name.unbind(),
            callbacks,
            released: OnceCell::new(),
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

    /// Turns on the events of one code object.
    pub(super) fn arm_code(
        &self,
        py: Python<'_>,
        code: &Bound<'_, PyAny>,
        has_loops: bool,
    ) -> Armed {
        if !self.is_ours(py) {
            return Armed::TakenAway;
        }
        if OPCODES_NEED_A_TABLE {
            self.make_table_for_opcodes(code);
        }
        let events = self.numbers.local | if has_loops { self.numbers.jump } else { 0 };
        let answer = self
            .set_local_events
            .bind(py)
            .call1((self.tool, code, events));
        if answer.is_ok() {
            Armed::Yes
        } else {
            Armed::Refused
        }
    }

    /// Has CPython make the table of which tools want each instruction of a code object.
    ///
    /// CPython makes it when a second tool comes, and then forgets that the first one wanted
    /// instructions: `breakpoint()`, which does, would stop a line later than without us. It is made
    /// here by a tool that comes and goes at once.
    fn make_table_for_opcodes(&self, code: &Bound<'_, PyAny>) {
        let module = self.module.bind(code.py());
        let set_local_events = self.set_local_events.bind(code.py());
        for id in TOOL_IDS {
            let call = |name: &str| module.call_method1(name, (id,));
            if call("get_tool").is_ok_and(|owner| owner.is_none())
                && module.call_method1("use_tool_id", (id, &self.name)).is_ok()
            {
                let _ = set_local_events.call1((id, code, self.numbers.table));
                let _ = set_local_events.call1((id, code, 0));
                let _ = call("free_tool_id");
                return;
            }
        }
    }

    /// Turns on the event of a return in one code object that is not recorded.
    pub(super) fn arm_return(&self, py: Python<'_>, code: &Bound<'_, PyAny>) {
        let set = self.set_local_events.bind(py);
        // Without it the process is only not linked.
        let _ = set.call1((self.tool, code, self.numbers.on_return));
    }

    fn is_ours(&self, py: Python<'_>) -> bool {
        let owner = self.get_tool.bind(py).call1((self.tool,));
        owner.is_ok_and(|owner| owner.is(&self.name))
    }

    /// What another tool did to our id or our events, if it did anything.
    pub(super) fn interference(&self, py: Python<'_>) -> Option<String> {
        if self.is_released() {
            return None;
        }
        let owner = self.get_tool.bind(py).call1((self.tool,)).ok()?;
        if owner.is_none() {
            return Some(format!("freed execmap's id {}", self.tool));
        }
        if !owner.is(&self.name) {
            let owner: String = owner.extract().unwrap_or_default();
            return Some(format!(
                "took execmap's id {}; it is {owner}'s now",
                self.tool
            ));
        }
        let module = self.module.bind(py);
        let events = module.call_method1("get_events", (self.tool,)).ok()?;
        let is_on = events
            .extract()
            .is_ok_and(|on: u32| on & self.numbers.global == self.numbers.global);
        (!is_on).then(|| format!("switched events of execmap's id {} off", self.tool))
    }

    /// As [`Monitoring::interference`], and whether callbacks are another tool's now. The hooks stay where
    /// they are: taking them away is an audit event, which the program's own audit hooks would see.
    pub(super) fn interference_at_end(&self, py: Python<'_>) -> Option<String> {
        if self.is_released() {
            return None;
        }
        // SAFETY: attached; the callback is alive. Where it is registered, CPython holds it too.
        let replaced = |callback: &Py<PyAny>| unsafe { ffi::Py_REFCNT(callback.as_ptr()) } == 1;
        let found = self.interference(py);
        found.or_else(|| {
            let mut callbacks = self.callbacks.iter();
            callbacks
                .any(|(_, callback)| replaced(callback))
                .then(|| self.replaced())
        })
    }

    /// Turns everything off and gives the id back, and whatever another tool has put in our place.
    /// Says what another tool did. The hooks may stay where they are, which then do nothing. The
    /// second time nothing is left to do.
    pub(super) fn release(&self, py: Python<'_>, leaving_hooks: bool) -> Option<String> {
        let give_back = || self.give_back(py, leaving_hooks);
        self.released.get_or_init(give_back).clone()
    }

    /// Whether the id was given back.
    pub(super) fn is_released(&self) -> bool {
        self.released.get().is_some()
    }

    fn give_back(&self, py: Python<'_>, leaving_hooks: bool) -> Option<String> {
        let mut interference = self.interference(py);
        let module = self.module.bind(py);
        let is_free = module
            .call_method1("get_tool", (self.tool,))
            .is_ok_and(|owner| owner.is_none());
        if is_free {
            // Until 3.13 events outlive their tool; only an owner may turn them off.
            let _ = module.call_method1("use_tool_id", (self.tool, &self.name));
        }
        let is_ours = self.is_ours(py);
        if is_ours {
            let _ = module.call_method1("set_events", (self.tool, 0));
        }
        // SAFETY: attached; the callback is alive. Where it is registered, CPython holds it too.
        let replaced = |callback: &Py<PyAny>| unsafe { ffi::Py_REFCNT(callback.as_ptr()) } == 1;
        if leaving_hooks
            && self
                .callbacks
                .iter()
                .any(|(_, callback)| replaced(callback))
        {
            interference.get_or_insert_with(|| self.replaced());
        }
        let taken_away = if leaving_hooks {
            &[][..]
        } else {
            &self.callbacks
        };
        for (number, callback) in taken_away {
            let Ok(before) =
                module.call_method1("register_callback", (self.tool, number, py.None()))
            else {
                continue;
            };
            if !before.is(callback) {
                let _ = module.call_method1("register_callback", (self.tool, number, &before));
                interference.get_or_insert_with(|| self.replaced());
            }
        }
        let codes = code::disarm_all(py);
        if is_ours {
            if LOCAL_EVENTS_OUTLIVE_THEIR_TOOL {
                for code in codes {
                    let _ = self.set_local_events.bind(py).call1((self.tool, code, 0));
                }
            }
            let _ = module.call_method1("free_tool_id", (self.tool,));
        }
        interference
    }

    fn replaced(&self) -> String {
        format!("replaced callbacks of execmap's id {}", self.tool)
    }
}

/// Whether a debugger asks for instructions before it asks for calls, as `breakpoint()` does from
/// 3.13 on. From 3.14 on it asks through an id of its own, and giving ids back is dear.
const OPCODES_NEED_A_TABLE: bool = cfg!(all(Py_3_13, not(Py_3_14)));

/// Before 3.14 whoever has the id next is sent the events that its last owner asked for.
const LOCAL_EVENTS_OUTLIVE_THEIR_TOOL: bool = cfg!(not(Py_3_14));

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
