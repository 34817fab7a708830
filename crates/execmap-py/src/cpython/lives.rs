//! What begins beside calls: children, threads, tasks, jobs, and who began them.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use execmap_record::{Redactor, Session};
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use pyo3::ffi;

use super::code::Special;
use super::engine::{EPOCH, Engine};
use super::frame::Frame;
use super::learning::Codes;
use super::logs::{Birth, HOT_STATE, thread_id};
use super::store::Values;
use super::types::text_of;

impl Engine {
    /// In a forked child: begins a trace of its own. False when that cannot be.
    #[cold]
    pub(super) fn become_child(&mut self) -> bool {
        if !self.is_forked {
            return false;
        }
        self.is_forked = false;
        self.children += 1;
        let name = format!(
            "{}.{}-{}",
            self.settings.path.display(),
            std::process::id(),
            self.children
        );
        let Ok((session, _)) = Session::create(
            &PathBuf::from(name),
            self.settings.run_id,
            self.settings.max_size,
        ) else {
            return false;
        };
        self.is_dead = false;
        self.is_limited = false;
        // Its memory and its files are the parent's: nothing of it may be dropped.
        std::mem::forget(std::mem::replace(&mut self.session, session));
        let mut redactor = Redactor::new(&self.settings.redact);
        for secret in self.values.redactor.remembered() {
            redactor.remember(secret);
        }
        let values = std::mem::replace(
            &mut self.values,
            Values::new(redactor, self.settings.is_redacting),
        );
        // The references it holds are the parent's as well; they live as long as this process.
        std::mem::forget(values);
        self.epoch = EPOCH.fetch_add(1, Ordering::Relaxed) + 1;
        self.codes = Codes::default();
        self.next_call = 0;
        self.next_exception = 0;
        self.suspended.clear();
        self.creators = Creators::default();
        self.births.clear();
        self.by_state.clear();
        self.tasks.restart();
        self.write_meta();
        std::mem::forget(std::mem::take(&mut self.logs));
        self.threads = 0;
        HOT_STATE.store(0, Ordering::Relaxed);
        self.hot_log = std::ptr::null_mut();
        true
    }

    /// A function of the standard library begins that starts, creates or submits something.
    ///
    /// # Safety
    /// In a hook; the running frame is that function's.
    #[cold]
    pub(super) unsafe fn note_special(&mut self, special: Special) {
        // SAFETY: the caller's; the functions have two arguments or more, none of them in a cell.
        unsafe {
            let state = ffi::compat::PyThreadState_GetUnchecked();
            let frame = Frame::current(state);
            let thread = thread_id(state);
            let log = self.known_log(state);
            let index = usize::from(special == Special::CreateTask);
            let name = if index == 1 { c"coro" } else { c"self" };
            let name = ffi::PyUnicode_InternFromString(name.as_ptr());
            let object = frame.local(index, name);
            ffi::Py_XDECREF(name);
            if object.is_null() {
                return;
            }
            match special {
                Special::ThreadStart | Special::CreateTask | Special::WorkMade => {
                    let running = log
                        .and_then(|log| (*log).stack.last())
                        .map(|node| node.call);
                    self.creators.note(object as usize, running);
                }
                Special::ThreadBegin => {
                    let creator = self.creators.remove(object as usize);
                    let info = self.values.types.of(
                        ffi::Py_TYPE(object),
                        &mut self.values.symbols,
                        &mut self.session,
                        &self.values.redactor,
                    );
                    let name = text_of(super::others::attribute(object, &*info, b"_name"));
                    let name = self.values.shown_name(name);
                    self.births.insert(
                        thread,
                        Birth {
                            name,
                            created_by: creator,
                            creator,
                        },
                    );
                }
                Special::WorkBegin => {
                    let creator = self.creators.remove(object as usize);
                    match log {
                        Some(log) => (*log).creator = creator,
                        None => self.births.entry(thread).or_default().creator = creator,
                    }
                }
            }
        }
    }
}

/// Who created a thread, a coroutine's task, a job: by the object's address.
#[derive(Default)]
pub(super) struct Creators {
    known: HashMap<usize, u64, FixedState>,
    /// Creators that were forgotten because there were too many.
    pub(super) forgotten: u64,
}

/// Objects whose creators are remembered: 9 MB of them.
const MOST_CREATORS: usize = 1 << 18;

impl Creators {
    /// Notes that a call, or none that is recorded, creates an object, which may lie where another
    /// one did.
    fn note(&mut self, object: usize, creator: Option<u64>) {
        let Some(creator) = creator else {
            self.known.remove(&object);
            return;
        };
        if self.known.len() >= MOST_CREATORS {
            self.forgotten += self.known.len() as u64;
            self.known.clear();
        }
        self.known.insert(object, creator);
    }

    pub(super) fn remove(&mut self, object: usize) -> Option<u64> {
        self.known.remove(&object)
    }
}
