//! Code objects at their first call: recorded or left out.

use execmap_record::Decision;
use execmap_record::format::{CodeId, CodeKind, Definition, LossReason};
use pyo3::ffi;
use pyo3::prelude::*;

use super::code::{self, CodeEntry, Role};
use super::engine::Engine;
use super::frame::{Frame, bytecode_start};
use super::monitoring::Armed;
use super::types::{dict_get, text_of};

impl Engine {
    /// Learns a code object at its first call.
    ///
    /// # Safety
    /// In a hook; `code` is the code of the running frame.
    #[cold]
    pub(super) unsafe fn learn_code(&mut self, code: *mut ffi::PyObject) -> Role {
        // SAFETY: hooks run attached.
        let py = unsafe { Python::assume_attached() };
        // SAFETY: the caller's.
        let (frame, bound) = unsafe {
            (
                Frame::current(ffi::compat::PyThreadState_GetUnchecked()),
                Bound::from_borrowed_ptr(py, code),
            )
        };
        // SAFETY: the running frame.
        let module = unsafe { text_of(dict_get(frame.globals(), b"__name__")) };
        let file = code::text(&bound, "co_filename");
        let qualname = code::text(&bound, "co_qualname");
        if !self.tasks.is_ready() && module.starts_with("asyncio") {
            self.tasks.look_for_asyncio(py);
        }
        let decision = self.decide(&file, &module, &qualname, frame);
        if file.starts_with('<') && qualname == "<module>" {
            self.decide_for_nested(&bound, decision);
        }
        if decision == Decision::LeftOut {
            let Some(special) = code::special(&module, &qualname) else {
                return Role::LeftOut;
            };
            let role = Role::Special(special);
            // SAFETY: a live code object.
            unsafe { code::keep(code, bare_entry(role, self.epoch, code)) };
            return role;
        }
        self.session.note_clock();
        self.note_parameters_beyond(&bound);
        let id = CodeId(self.codes);
        let redactor = &self.values.redactor;
        let (definition, entry) = code::learn(&bound, module, self.epoch, id, |name| {
            redactor.is_secret_name(name)
        });
        let has_loops = !entry.headers.is_empty();
        if !self.arm_code(&bound, has_loops) {
            // SAFETY: a live code object.
            unsafe { code::keep(code, bare_entry(Role::LeftOut, self.epoch, code)) };
            return Role::LeftOut;
        }
        self.codes += 1;
        self.session.define(&Definition::Code(Box::new(definition)));
        // SAFETY: a live code object.
        unsafe { code::keep(code, entry) };
        Role::Recorded
    }

    fn decide(&self, file: &str, module: &str, qualname: &str, frame: Frame) -> Decision {
        let by_name = self.settings.filter.decide(file, module, qualname);
        if !file.starts_with('<') || file.starts_with("<frozen") {
            return by_name;
        }
        if qualname != "<module>" {
            return by_name;
        }
        // Generated code belongs to whoever runs it; the program given by `-c` or on standard input
        // is run by nobody.
        // SAFETY: the running frame and those below it are alive.
        unsafe {
            let mut below = frame.previous();
            while !below.is_none() && below.is_of_c() {
                below = below.previous();
            }
            if below.is_none() {
                return if module == "__main__" {
                    Decision::Recorded
                } else {
                    by_name
                };
            }
            let entry = code::entry_of(below.code());
            let is_recorded =
                !entry.is_null() && (*entry).epoch == self.epoch && (*entry).role == Role::Recorded;
            if is_recorded {
                Decision::Recorded
            } else {
                by_name
            }
        }
    }

    /// Functions inside generated code share its fate.
    fn decide_for_nested(&mut self, code: &Bound<'_, PyAny>, decision: Decision) {
        let role = if decision == Decision::Recorded {
            Role::Recorded
        } else {
            Role::LeftOut
        };
        for inner in code::nested(code) {
            let entry = bare_entry(role, self.epoch, inner.as_ptr());
            // SAFETY: a live code object.
            unsafe { code::keep(inner.as_ptr(), entry) };
        }
    }

    /// Turns on the events of a code object; says when that cannot be.
    fn arm_code(&mut self, code: &Bound<'_, PyAny>, has_loops: bool) -> bool {
        match self.monitoring.arm_code(code.py(), code, has_loops) {
            Armed::Yes => return true,
            Armed::Refused => {
                let name = code::text(code, "co_qualname");
                let detail = format!("{name} cannot be instrumented");
                self.define_loss(LossReason::NotRecorded, 1, detail);
            }
            Armed::TakenAway => {
                self.note_interference(code.py());
                self.is_dead = true;
            }
        }
        false
    }

    /// Says how many parameters have no place in a record.
    fn note_parameters_beyond(&mut self, code: &Bound<'_, PyAny>) {
        let detail = || {
            format!(
                "parameters of {} beyond the 255th",
                code::text(code, "co_qualname")
            )
        };
        let beyond = code::parameters_beyond(code);
        if beyond > 0 {
            self.define_loss(LossReason::NotRecorded, beyond, detail());
        }
    }

    /// Learns a function of generated code whose fate was decided before its first call.
    #[cold]
    pub(super) unsafe fn learn_decided(&mut self, code: *mut ffi::PyObject) -> bool {
        // SAFETY: hooks run attached; the running frame's code.
        unsafe {
            let py = Python::assume_attached();
            let bound = Bound::from_borrowed_ptr(py, code);
            let frame = Frame::current(ffi::compat::PyThreadState_GetUnchecked());
            let module = text_of(dict_get(frame.globals(), b"__name__"));
            self.note_parameters_beyond(&bound);
            let id = CodeId(self.codes);
            let redactor = &self.values.redactor;
            let (definition, entry) = code::learn(&bound, module, self.epoch, id, |name| {
                redactor.is_secret_name(name)
            });
            if !self.arm_code(&bound, !entry.headers.is_empty()) {
                return false;
            }
            self.codes += 1;
            self.session.define(&Definition::Code(Box::new(definition)));
            code::keep(code, entry);
        }
        true
    }
}

fn bare_entry(role: Role, epoch: u32, code: *mut ffi::PyObject) -> CodeEntry {
    CodeEntry {
        role,
        epoch,
        ready: 0,
        is_suspendable: false,
        id: CodeId(u32::MAX),
        kind: CodeKind::Function,
        start: bytecode_start(code),
        args: Vec::new(),
        has_secrets: false,
        awaits: Vec::new(),
        headers: Vec::new(),
    }
}
