//! Code objects at their first call: recorded or left out.

use std::hash::BuildHasher;

use execmap_record::Decision;
use execmap_record::format::{CodeId, Definition, LossReason};
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use pyo3::ffi;
use pyo3::prelude::*;

use super::ask;
use super::code::{self, CodeEntry, Role};
use super::engine::Engine;
use super::frame::Frame;
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
        ask::ran_short();
        let file = code::text(&bound, c"co_filename");
        let qualname = code::text(&bound, c"co_qualname");
        if self.is_unlearned() {
            return Role::LeftOut;
        }
        // SAFETY: the running frame.
        if unsafe { frame.code() } != code {
            self.leave_out_frameless(&bound, &file, &qualname);
            return Role::LeftOut;
        }
        // SAFETY: the running frame.
        let module = unsafe { text_of(dict_get(frame.globals(), b"__name__")) };
        if !self.tasks.is_ready() && module.starts_with("asyncio") {
            self.tasks.look_for_asyncio(py);
        }
        // SAFETY: the running frame's code.
        let known = unsafe { self.known_role(code) };
        let decision = match known {
            Some(Role::Recorded) => Decision::Recorded,
            Some(Role::LeftOut) => Decision::LeftOut,
            _ => self.decide(&file, &module, &qualname, frame),
        };
        if file.starts_with('<') && qualname == "<module>" {
            self.decide_for_nested(&bound, decision);
        }
        if decision == Decision::LeftOut {
            let Some(special) = code::special(&module, &qualname) else {
                return Role::LeftOut;
            };
            let role = Role::Special(special);
            // SAFETY: a live code object.
            unsafe { code::keep(code, CodeEntry::bare(role, self.epoch, code)) };
            if special.tells_at_return() {
                self.monitoring.arm_return(&bound);
            }
            return role;
        }
        if self.is_forked && !self.become_child() {
            return Role::LeftOut;
        }
        self.session.note_clock();
        if self.record_code(&bound, module) {
            Role::Recorded
        } else {
            Role::LeftOut
        }
    }

    /// Whether memory ran short while a code object was looked at, so that it is left out.
    fn is_unlearned(&mut self) -> bool {
        // Not as a sum with a bool: rustc 1.95 loses it (rust-lang/rust#158206).
        if !ask::ran_short() {
            return false;
        }
        self.codes.unlearned += 1;
        true
    }

    /// Defines a code object, turns its events on and keeps what the hooks need. False when that
    /// cannot be, which is counted.
    fn record_code(&mut self, code: &Bound<'_, PyAny>, module: String) -> bool {
        self.note_parameters_beyond(code);
        let redactor = &self.values.redactor;
        ask::ran_short();
        let (definition, mut entry) = code::learn(code, module, self.epoch, |name| {
            redactor.is_secret_name(name)
        });
        if self.is_unlearned() || !self.arm_code(code, !entry.headers.is_empty()) {
            // SAFETY: a live code object.
            unsafe {
                let entry = CodeEntry::bare(Role::LeftOut, self.epoch, code.as_ptr());
                code::keep(code.as_ptr(), entry);
            }
            return false;
        }
        let definition = Definition::Code(Box::new(definition));
        let Some((id, is_new)) = self.codes.number(&definition) else {
            self.codes.beyond += 1;
            return false;
        };
        entry.id = id;
        if is_new {
            self.session.define(&definition);
            self.codes.defined += 1;
        }
        // SAFETY: a live code object; hooks run attached.
        !unsafe { code::keep(code.as_ptr(), entry) }.is_null()
    }

    /// Compiled code may send events of its own, with a code object that nothing runs (Cython does from
    /// 3.13 on): the running frame is its caller's, so there is nothing to read.
    fn leave_out_frameless(&mut self, code: &Bound<'_, PyAny>, file: &str, qualname: &str) {
        if self.settings.filter.decide(file, "", qualname) == Decision::Recorded {
            let detail = format!("calls of {qualname}, which is compiled");
            self.define_loss(LossReason::NotFollowed, 1, detail);
        }
        let entry = CodeEntry::bare(Role::LeftOut, self.epoch, code.as_ptr());
        // SAFETY: a live code object.
        unsafe { code::keep(code.as_ptr(), entry) };
    }

    /// What was decided of a code object in this recording, before a fork perhaps.
    ///
    /// # Safety
    /// A live code object.
    pub(super) unsafe fn known_role(&self, code: *mut ffi::PyObject) -> Option<Role> {
        // SAFETY: the caller's.
        unsafe {
            let entry = code::entry_of(code);
            (!entry.is_null() && (*entry).epoch >= self.first_epoch).then(|| (*entry).role)
        }
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
                return if module == "__main__" && !self.settings.is_main_foreign {
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
            // What is known already may be in use by a running call.
            // SAFETY: a live code object.
            let known = unsafe { code::entry_of(inner.as_ptr()) };
            // SAFETY: an entry lives as long as its code object.
            if !known.is_null() && unsafe { (*known).epoch } == self.epoch {
                continue;
            }
            let entry = CodeEntry::bare(role, self.epoch, inner.as_ptr());
            // SAFETY: a live code object.
            unsafe { code::keep(inner.as_ptr(), entry) };
        }
    }

    /// Turns on the events of a code object; says when that cannot be.
    fn arm_code(&mut self, code: &Bound<'_, PyAny>, has_loops: bool) -> bool {
        match self.monitoring.arm_code(code.py(), code, has_loops) {
            Armed::Yes => return true,
            Armed::Refused if self.is_unlearned() => {}
            Armed::Refused => {
                self.codes.refused += 1;
                let name = code::text(code, c"co_qualname");
                let (count, detail) = if self.codes.refused <= NAMED {
                    (1, format!("{name} cannot be instrumented"))
                } else {
                    let count = self.codes.refused - NAMED;
                    (count, "other functions cannot be instrumented".to_owned())
                };
                self.define_loss(LossReason::NotRecorded, count, detail);
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
                code::text(code, c"co_qualname")
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
            self.record_code(&bound, module)
        }
    }
}

/// The code objects that are defined. Equal ones share a definition, so that code which a program
/// makes again and again takes room once.
#[derive(Default)]
pub(super) struct Codes {
    pub(super) defined: u32,
    /// Code objects that were one too many.
    pub(super) beyond: u64,
    /// Code objects that were not looked at for want of memory.
    pub(super) unlearned: u64,
    /// Code objects that CPython refused to instrument.
    refused: u64,
    /// Definitions met lately, by a hash too long to meet by chance.
    recent: HashMap<(u64, u64), CodeId, FixedState>,
    bytes: Vec<u8>,
}

/// Code objects that may be defined: a record has 24 bits for their number.
const MOST_CODES: u32 = 1 << 24;
/// Functions that are named which could not be recorded.
const NAMED: u64 = 16;
/// Definitions that are remembered.
const RECENT: usize = 16 << 10;

impl Codes {
    /// The number of a definition, and whether it has to be defined; `None` when there are too many.
    fn number(&mut self, definition: &Definition) -> Option<(CodeId, bool)> {
        self.bytes.clear();
        definition.encode(&mut self.bytes);
        let hash = |seed| FixedState::with_seed(seed).hash_one(&self.bytes[..]);
        let key = (hash(1), hash(2));
        if let Some(id) = self.recent.get(&key) {
            return Some((*id, false));
        }
        if self.defined >= MOST_CODES {
            return None;
        }
        if self.recent.len() >= RECENT {
            self.recent.clear();
        }
        let id = CodeId(self.defined);
        self.recent.insert(key, id);
        Some((id, true))
    }
}
