//! `sys.monitoring`: the tool id, the events, the callbacks (PEP 669).

use std::cell::OnceCell;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyModule, PyString};

use super::ask;
use super::code;
use super::events::HOOKS;
use super::hook::callable;
use crate::errors::TraceError;

/// Ids in the order in which they are tried; 4 and 3 have no owner by convention.
const TOOL_IDS: [u8; 4] = [4, 3, 2, 5];
/// How many ids there are.
const TOOLS: usize = 6;

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

/// The functions of `sys.monitoring` that are used while a program runs.
struct Functions {
    get_tool: Py<PyAny>,
    use_tool_id: Py<PyAny>,
    free_tool_id: Py<PyAny>,
    get_events: Py<PyAny>,
    set_events: Py<PyAny>,
    set_local_events: Py<PyAny>,
    register_callback: Py<PyAny>,
}

impl Functions {
    fn of(module: &Bound<'_, PyAny>) -> PyResult<Functions> {
        let function = |name: &str| module.getattr(name).map(Bound::unbind);
        Ok(Functions {
            get_tool: function("get_tool")?,
            use_tool_id: function("use_tool_id")?,
            free_tool_id: function("free_tool_id")?,
            get_events: function("get_events")?,
            set_events: function("set_events")?,
            set_local_events: function("set_local_events")?,
            register_callback: function("register_callback")?,
        })
    }
}

/// Sets of events as Python's integers, made before memory can be short.
struct Masks {
    none: Py<PyAny>,
    local: Py<PyAny>,
    local_and_jump: Py<PyAny>,
    table: Py<PyAny>,
    on_return: Py<PyAny>,
    ids: [Py<PyAny>; TOOLS],
}

impl Masks {
    fn of(py: Python<'_>, numbers: &EventNumbers) -> PyResult<Masks> {
        let made = |mask: u32| Ok::<_, PyErr>(mask.into_pyobject(py)?.into_any().unbind());
        Ok(Masks {
            none: made(0)?,
            local: made(numbers.local)?,
            local_and_jump: made(numbers.local | numbers.jump)?,
            table: made(numbers.table)?,
            on_return: made(numbers.on_return)?,
            ids: [made(0)?, made(1)?, made(2)?, made(3)?, made(4)?, made(5)?],
        })
    }
}

/// The functions of `sys.monitoring` that are used, and the id that was taken.
pub(super) struct Monitoring {
    functions: Functions,
    masks: Masks,
    pub(super) disable: Py<PyAny>,
    pub(super) tool: u8,
    pub(super) numbers: EventNumbers,
    /// The tool's name. CPython keeps the object, so that it tells our use of an id from any other,
    /// another execmap's included.
    name: Py<PyString>,
    /// Our callbacks by the number of their event.
    callbacks: Vec<(Py<PyAny>, Py<PyAny>)>,
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
            let event = number.into_pyobject(py)?.into_any().unbind();
            callbacks.push((event, callback.unbind()));
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
            functions: Functions::of(&module)?,
            masks: Masks::of(py, &numbers)?,
            disable: module.getattr("DISABLE")?.unbind(),
            tool,
            numbers,
            name: name.unbind(),
            callbacks,
            released: OnceCell::new(),
        })
    }

    /// Turns the events on, everywhere.
    pub(super) fn arm(&self, py: Python<'_>) -> PyResult<()> {
        let module = PyModule::import(py, "sys")?.getattr("monitoring")?;
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
        match self.is_ours(py) {
            Some(true) => {}
            Some(false) => return Armed::TakenAway,
            None => return Armed::Refused,
        }
        if OPCODES_NEED_A_TABLE {
            self.make_table_for_opcodes(code);
        }
        let events = if has_loops {
            &self.masks.local_and_jump
        } else {
            &self.masks.local
        };
        if self.set_local_events(self.tool, code, events) {
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
        let py = code.py();
        let use_tool_id = self.functions.use_tool_id.bind(py);
        for id in TOOL_IDS {
            if self.owner(py, id).is_some_and(|owner| owner.is_none())
                && ask::call(use_tool_id, [self.id(py, id), self.name.bind(py)]).is_some()
            {
                self.set_local_events(id, code, &self.masks.table);
                self.set_local_events(id, code, &self.masks.none);
                ask::call(self.functions.free_tool_id.bind(py), [self.id(py, id)]);
                return;
            }
        }
    }

    /// Turns on the event of a return in one code object that is not recorded.
    pub(super) fn arm_return(&self, code: &Bound<'_, PyAny>) {
        // Without it the process is only not linked.
        self.set_local_events(self.tool, code, &self.masks.on_return);
    }

    /// Turns events of a tool on in one code object, and all others off. False when that cannot be.
    fn set_local_events(&self, tool: u8, code: &Bound<'_, PyAny>, events: &Py<PyAny>) -> bool {
        let py = code.py();
        let set = self.functions.set_local_events.bind(py);
        ask::call(set, [self.id(py, tool), code, events.bind(py)]).is_some()
    }

    fn id<'py>(&self, py: Python<'py>, tool: u8) -> &Bound<'py, PyAny> {
        self.masks.ids[usize::from(tool)].bind(py)
    }

    /// Who has an id; `None` when that cannot be asked.
    fn owner<'py>(&self, py: Python<'py>, tool: u8) -> Option<Bound<'py, PyAny>> {
        ask::call(self.functions.get_tool.bind(py), [self.id(py, tool)])
    }

    /// Whether our id is still ours; `None` when that cannot be asked.
    fn is_ours(&self, py: Python<'_>) -> Option<bool> {
        Some(self.owner(py, self.tool)?.is(&self.name))
    }

    /// What another tool did to our id or our events, if it did anything.
    pub(super) fn interference(&self, py: Python<'_>) -> Option<String> {
        if self.is_released() {
            return None;
        }
        let owner = self.owner(py, self.tool)?;
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
        let get_events = self.functions.get_events.bind(py);
        let events = ask::call(get_events, [self.id(py, self.tool)])?;
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
        let id = self.id(py, self.tool);
        let functions = &self.functions;
        let is_free = self
            .owner(py, self.tool)
            .is_some_and(|owner| owner.is_none());
        if is_free {
            // Until 3.13 events outlive their tool; only an owner may turn them off.
            ask::call(functions.use_tool_id.bind(py), [id, self.name.bind(py)]);
        }
        let is_ours = self.is_ours(py) == Some(true);
        if is_ours {
            ask::call(
                functions.set_events.bind(py),
                [id, self.masks.none.bind(py)],
            );
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
        let register = functions.register_callback.bind(py);
        for (number, callback) in taken_away {
            let event = number.bind(py);
            let Some(before) = ask::call(register, [id, event, py.None().bind(py)]) else {
                continue;
            };
            if !before.is(callback) {
                ask::call(register, [id, event, &before]);
                interference.get_or_insert_with(|| self.replaced());
            }
        }
        let codes = code::disarm_all(py);
        if is_ours {
            if LOCAL_EVENTS_OUTLIVE_THEIR_TOOL {
                for code in codes {
                    self.set_local_events(self.tool, &code, &self.masks.none);
                }
            }
            ask::call(functions.free_tool_id.bind(py), [id]);
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
