//! What begins beside calls: threads, tasks, jobs, and who began them.

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use pyo3::ffi;

use super::code::Special;
use super::engine::Engine;
use super::frame::Frame;
use super::logs::{Birth, thread_id};
use super::types::text_of;

impl Engine {
    /// A function of the standard library begins that starts, creates or submits something.
    ///
    /// # Safety
    /// In a hook; the running frame is that function's.
    #[cold]
    pub(super) unsafe fn note_special(&mut self, special: Special) {
        // SAFETY: the caller's; the functions have an argument or more, none of them in a cell.
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
                Special::Launch | Special::Spawn | Special::Fork => self.note_launch(frame, log),
                Special::ProcessExit => {}
                Special::ProcessEnd => self.note_process(object),
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
