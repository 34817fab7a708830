//! Processes: forks of this one, programs it starts, and what it learns of their ends.

use std::path::Path;
use std::sync::atomic::Ordering;

use execmap_record::format::{CallId, ChildDef, Definition, Obstacle, ParentDef};
use execmap_record::os::{at_fork, clock_pair, say};
use execmap_record::{Redactor, Session, child_name};
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use pyo3::ffi;

use super::code::{self, Role, Special};
use super::engine::{EPOCH, Engine, Settings, engine};
use super::frame::Frame;
use super::learning::Codes;
use super::lives::Creators;
use super::logs::{HOT_STATE, ThreadLog};
use super::others::attribute;
use super::store::Values;
use super::symbols::ascii_bytes;
use super::types::text_of;

/// The variable that asks a starting interpreter to record itself.
const VARIABLE: &[u8] = b"EXECMAP_CHILD";

/// What the recorder knows of processes.
pub(super) struct Processes {
    /// What this process's file is called beyond the name of the run's first file.
    suffix: String,
    /// Where this process comes from.
    parent: Option<ParentDef>,
    /// What a process that is forked here will say of its origin.
    fork: ParentDef,
    /// Functions that start a process and have not returned: call that runs, moment, by frame.
    launches: HashMap<usize, (Option<u64>, u64), FixedState>,
    /// What is known of how processes ended, by their numbers.
    exits: HashMap<u64, i64, FixedState>,
    /// The name that `multiprocessing` gave this process, or empty.
    name: String,
    /// Whether this process was forked, so that it may end by `os._exit` in order.
    is_fork: bool,
}

/// Functions that start processes at the same time, those that failed included.
const MOST_LAUNCHES: usize = 1 << 12;

/// What a child's file is called beyond the name of the run's first file.
fn suffix_of(path: &Path, first: &Path) -> String {
    let name = |path: &Path| {
        path.file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    };
    let first = name(first);
    let path = name(path);
    path.strip_prefix(&first)
        .map_or("", |rest| rest.trim_start_matches('.'))
        .to_owned()
}

impl Processes {
    pub(super) fn new(settings: &Settings) -> Processes {
        let parent = settings.parent.as_ref().map(|suffix| ParentDef {
            suffix: suffix.clone(),
            ..ParentDef::default()
        });
        Processes {
            suffix: suffix_of(&settings.path, &settings.first),
            parent,
            fork: ParentDef::default(),
            launches: HashMap::default(),
            exits: HashMap::default(),
            name: String::new(),
            is_fork: false,
        }
    }
}

/// Has the engine told of every fork.
pub(super) fn watch_forks() {
    at_fork(before_fork, after_fork_in_child);
}

extern "C" fn before_fork() {
    // SAFETY: a fork of a Python program happens on a thread that holds the lock, or, from C code
    // without it, while no hook runs on this thread; the writer's own lock orders the rest.
    let Some(engine) = (unsafe { engine() }) else {
        return;
    };
    engine.session.pause_writer();
    engine.late_forks += u64::from(engine.monitoring.is_released());
    if engine.is_forked {
        // What is forked here comes from where this process comes from.
        return;
    }
    // SAFETY: null when this thread is not attached.
    let state = unsafe { ffi::compat::PyThreadState_GetUnchecked() };
    let log = if state.is_null() {
        None
    } else {
        // SAFETY: attached, and the state is this thread's.
        unsafe { engine.known_log(state) }
    };
    engine.processes.fork = ParentDef {
        suffix: engine.processes.suffix.clone(),
        // SAFETY: logs live as long as the engine.
        created_by: log.and_then(|log| unsafe { running_call(log) }).map(CallId),
        at_ns: clock_pair().monotonic_ns,
    };
}

extern "C" fn after_fork_in_child() {
    // SAFETY: the child has one thread.
    if let Some(engine) = unsafe { engine() } {
        engine.begin_again();
    }
}

/// The innermost call that runs on a thread.
///
/// # Safety
/// A log that is alive.
unsafe fn running_call(log: *mut ThreadLog) -> Option<u64> {
    // SAFETY: the caller's.
    unsafe { (*log).stack.last().map(|node| node.call) }
}

impl Engine {
    /// Nothing more goes to the files so far: the next call that is recorded begins new ones.
    fn begin_again(&mut self) {
        self.is_forked = true;
        self.is_dead = true;
        for log in &mut self.logs {
            // Nothing may be written to the parent's memory: the next record finds no room.
            let _ = Session::yield_segment(&mut log.log);
            // What runs at a fork belongs to the parent.
            log.stack.clear();
            log.parked.clear();
        }
        self.session.abandon();
        self.suspended.clear();
        self.creators = Creators::default();
        self.births.clear();
        self.processes.launches.clear();
        self.processes.exits.clear();
    }

    /// Says where this process comes from.
    pub(super) fn write_parent(&mut self) {
        if let Some(parent) = self.processes.parent.clone() {
            self.session.define(&Definition::Parent(parent));
        }
        self.write_name();
    }

    fn write_name(&mut self) {
        let name = self.processes.name.clone();
        if !name.is_empty() {
            let key = "process".to_owned();
            self.session.define(&Definition::Meta(key, name));
        }
    }

    /// A process of `multiprocessing` begins with what it is to do.
    ///
    /// # Safety
    /// In a hook; `object` is the process.
    pub(super) unsafe fn note_process(&mut self, object: *mut ffi::PyObject) {
        // SAFETY: the caller's.
        let name = unsafe {
            let info = self.values.types.of(
                ffi::Py_TYPE(object),
                &mut self.values.symbols,
                &mut self.session,
                &self.values.redactor,
            );
            text_of(attribute(object, &*info, b"_name"))
        };
        self.processes.name = self.values.shown_name(name);
        self.write_name();
    }

    /// A call begins although nothing is recorded: what is to be done with its code. A forked child
    /// goes on with code that is recorded, and only then begins a trace.
    ///
    /// # Safety
    /// In a hook; `code` is the running frame's.
    #[cold]
    pub(super) unsafe fn wake(&mut self, code: *mut ffi::PyObject) -> Option<Role> {
        if !self.is_forked {
            return None;
        }
        // SAFETY: the caller's.
        unsafe {
            match self.known_role(code) {
                Some(Role::Recorded) => self.become_child().then_some(Role::Recorded),
                Some(Role::LeftOut) => None,
                Some(Role::Special(special)) => {
                    self.note_special(special);
                    Some(Role::Special(special))
                }
                None => {
                    let role = self.learn_code(code);
                    if let Role::Special(special) = role {
                        self.note_special(special);
                    }
                    Some(role)
                }
            }
        }
    }

    /// In a forked child: begins a trace of its own. False when that cannot be.
    #[cold]
    pub(super) fn become_child(&mut self) -> bool {
        if !self.is_forked {
            return false;
        }
        self.is_forked = false;
        let path = child_name(&self.settings.first, std::process::id());
        let created = Session::create_for_child(&path, self.settings.run_id, self.settings.limits);
        let session = match created {
            Ok((session, _)) => session,
            Err(error) => {
                say(&format!(
                    "execmap: a forked process is not recorded: {error}\n"
                ));
                return false;
            }
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
        self.by_state.clear();
        self.tasks.restart();
        self.processes.suffix = suffix_of(&path, &self.settings.first);
        self.processes.parent = Some(self.processes.fork.clone());
        self.processes.is_fork = true;
        self.write_meta();
        self.write_parent();
        std::mem::forget(std::mem::take(&mut self.logs));
        self.threads = 0;
        HOT_STATE.store(0, Ordering::Relaxed);
        self.hot_log = std::ptr::null_mut();
        true
    }

    /// A function that starts processes begins.
    ///
    /// # Safety
    /// In a hook; `frame` is the running frame.
    pub(super) unsafe fn note_launch(&mut self, frame: Frame, log: Option<*mut ThreadLog>) {
        // SAFETY: logs live as long as the engine.
        let call = log.and_then(|log| unsafe { running_call(log) });
        if self.processes.launches.len() > MOST_LAUNCHES {
            self.processes.launches.clear();
        }
        let now = clock_pair().monotonic_ns;
        self.processes.launches.insert(frame.address(), (call, now));
    }

    /// A function returns that is not recorded and tells of processes, or another one.
    ///
    /// # Safety
    /// In a hook; `frame` is the running frame, of this code.
    #[cold]
    pub(super) unsafe fn process_told(&mut self, code: *mut ffi::PyObject, frame: Frame) {
        // SAFETY: the caller's; the functions have `self` in their first slot, and it is no cell.
        unsafe {
            let entry = code::entry_of(code);
            if entry.is_null() {
                return;
            }
            let Role::Special(special) = (*entry).role else {
                return;
            };
            match special {
                Special::Launch | Special::Spawn | Special::Fork => {
                    let Some((call, before_ns)) = self.processes.launches.remove(&frame.address())
                    else {
                        return;
                    };
                    if self.is_forked && !self.become_child() {
                        return;
                    }
                    let Some(pid) = self.number_in(frame, b"pid") else {
                        return;
                    };
                    let mut def = ChildDef {
                        pid: pid as u64,
                        created_by: call.map(CallId),
                        before_ns,
                        ..ChildDef::default()
                    };
                    match special {
                        Special::Launch => self.describe_program(frame, &mut def),
                        Special::Spawn => "multiprocessing".clone_into(&mut def.program),
                        _ => {}
                    }
                    self.processes.exits.remove(&def.pid);
                    self.session.define(&Definition::Child(def));
                }
                Special::ProcessExit if !self.is_forked => {
                    if let (Some(pid), Some(code)) = (
                        self.number_in(frame, b"pid"),
                        self.number_in(frame, b"returncode"),
                    ) {
                        self.note_exit(pid as u64, code);
                    }
                }
                Special::ProcessEnd if self.processes.is_fork && !self.is_forked => {
                    self.end_in_order();
                }
                _ => {}
            }
        }
    }

    /// How a process ended, told once.
    fn note_exit(&mut self, pid: u64, code: i64) {
        let exits = &mut self.processes.exits;
        if exits.len() > MOST_LAUNCHES {
            exits.clear();
        }
        if exits.insert(pid, code) != Some(code) {
            self.session.define(&Definition::ChildEnd(pid, code));
        }
    }

    /// All that a forked process was to do is done, and `os._exit` will follow: its trace is ended.
    /// Should anything still be called, it goes to another one.
    fn end_in_order(&mut self) {
        self.processes.fork = ParentDef {
            suffix: self.processes.suffix.clone(),
            created_by: None,
            at_ns: clock_pair().monotonic_ns,
        };
        let _ = self.finish();
        self.begin_again();
    }

    /// An integer among the attributes of the frame's `self`.
    unsafe fn number_in(&mut self, frame: Frame, name: &[u8]) -> Option<i64> {
        // SAFETY: the caller's; an exact integer is converted without running code.
        unsafe {
            let object = local(frame, 0, c"self");
            if object.is_null() {
                return None;
            }
            let info = self.values.types.of(
                ffi::Py_TYPE(object),
                &mut self.values.symbols,
                &mut self.session,
                &self.values.redactor,
            );
            let value = attribute(object, &*info, name);
            if value.is_null() || ffi::PyLong_CheckExact(value) == 0 {
                return None;
            }
            Some(ffi::PyLong_AsLongLong(value))
        }
    }

    /// What `Popen._execute_child` started: the program's name, and what keeps it from being followed.
    unsafe fn describe_program(&mut self, frame: Frame, def: &mut ChildDef) {
        // SAFETY: the caller's; slots 1 and 7 are `args` and `env`, and neither is a cell.
        unsafe {
            let words = words_of(local(frame, 1, c"args"));
            let name = words.first().cloned().unwrap_or_default();
            let name = name.rsplit('/').next().unwrap_or_default().to_owned();
            def.program = self.values.shown_name(name);
            if def.program.is_empty() {
                "a program".clone_into(&mut def.program);
            }
            let is_python = def.program.contains("python");
            let mut options = words
                .iter()
                .skip(1)
                .take_while(|word| word.starts_with('-'));
            if is_python && options.any(|word| !word.starts_with("--") && word.contains('S')) {
                def.obstacle = Some(Obstacle::NoSite);
            }
            let env = local(frame, 7, c"env");
            if !env.is_null() && ffi::PyDict_CheckExact(env) != 0 && !has_variable(env) {
                def.obstacle = Some(Obstacle::Environment);
            }
        }
    }
}

/// A local variable of the frame, borrowed.
unsafe fn local(frame: Frame, index: usize, name: &std::ffi::CStr) -> *mut ffi::PyObject {
    // SAFETY: the caller's; the name is given back.
    unsafe {
        let name = ffi::PyUnicode_InternFromString(name.as_ptr());
        let object = frame.local(index, name);
        ffi::Py_XDECREF(name);
        object
    }
}

/// Bytes of a text or of bytes; of nothing else, because that would run code.
unsafe fn word(object: *mut ffi::PyObject) -> Option<String> {
    // SAFETY: a live object; the bytes live as long as it.
    unsafe {
        if ffi::PyUnicode_CheckExact(object) != 0 {
            return Some(text_of(object));
        }
        if ffi::PyBytes_CheckExact(object) == 0 {
            return None;
        }
        let bytes = std::slice::from_raw_parts(
            ffi::PyBytes_AsString(object).cast::<u8>(),
            ffi::PyBytes_Size(object) as usize,
        );
        Some(String::from_utf8_lossy(bytes).into_owned())
    }
}

/// The words of a command line as far as they can be read, up to a program's options.
unsafe fn words_of(args: *mut ffi::PyObject) -> Vec<String> {
    const MOST: isize = 16;
    let mut words = Vec::new();
    // SAFETY: a live object or null; items are borrowed for the time of the call.
    unsafe {
        if args.is_null() {
            return words;
        }
        if ffi::PyList_CheckExact(args) != 0 {
            for index in 0..ffi::PyList_Size(args).min(MOST) {
                let Some(text) = word(ffi::PyList_GetItem(args, index)) else {
                    break;
                };
                words.push(text);
            }
        } else {
            words.extend(word(args));
        }
    }
    words
}

/// Whether an environment holds the variable, found without comparing keys by user code.
unsafe fn has_variable(env: *mut ffi::PyObject) -> bool {
    // SAFETY: a live, exact dictionary that nothing changes here.
    unsafe {
        let (mut at, mut key, mut value) = (0, std::ptr::null_mut(), std::ptr::null_mut());
        while ffi::PyDict_Next(env, &raw mut at, &raw mut key, &raw mut value) != 0 {
            let is_it = if ffi::PyUnicode_CheckExact(key) != 0 {
                ascii_bytes(key) == Some(VARIABLE)
            } else {
                word(key).is_some_and(|name| name.as_bytes() == VARIABLE)
            };
            if is_it {
                return true;
            }
        }
    }
    false
}
