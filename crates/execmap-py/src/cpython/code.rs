//! Code objects: whether they are recorded, and what the hooks need to know of them.
//!
//! What is known hangs on the code object itself (PEP 523's extra slot), so it
//! is one load away, and ends with the object.

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use execmap_record::format::{Code, CodeId, CodeKind, LineTable};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

use super::ask;
use super::bytecode::scan;
use super::frame::bytecode_start;
use super::layout;

/// What the recorder does with a code object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Recorded,
    LeftOut,
    /// Not recorded, but its beginning says who starts, creates or submits what.
    Special(Special),
}

/// Functions of the standard library that tell of creators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Special {
    ThreadStart,
    ThreadBegin,
    CreateTask,
    WorkMade,
    WorkBegin,
    /// Starts a program in a process of its own, whose number is known when it returns.
    Launch,
    /// Starts a Python for `multiprocessing`, likewise.
    Spawn,
    /// Has a process forked, whose number is known when it returns.
    Fork,
    /// Learns how a process ended, known when it returns.
    ProcessExit,
    /// All that a forked process of `multiprocessing` does: `os._exit` follows its return.
    ProcessEnd,
}

impl Special {
    /// Whether what it tells is known when it returns.
    pub(super) fn tells_at_return(self) -> bool {
        matches!(
            self,
            Special::Launch
                | Special::Spawn
                | Special::Fork
                | Special::ProcessExit
                | Special::ProcessEnd
        )
    }
}

/// Their modules and names.
const SPECIAL: [(&str, &str, Special); 13] = [
    ("subprocess", "Popen._execute_child", Special::Launch),
    (
        "subprocess",
        "Popen._handle_exitstatus",
        Special::ProcessExit,
    ),
    (
        "multiprocessing.popen_spawn_posix",
        "Popen._launch",
        Special::Spawn,
    ),
    ("multiprocessing.popen_fork", "Popen._launch", Special::Fork),
    (
        "multiprocessing.popen_forkserver",
        "Popen._launch",
        Special::Fork,
    ),
    (
        "multiprocessing.popen_fork",
        "Popen.poll",
        Special::ProcessExit,
    ),
    (
        "multiprocessing.popen_forkserver",
        "Popen.poll",
        Special::ProcessExit,
    ),
    (
        "multiprocessing.process",
        "BaseProcess._bootstrap",
        Special::ProcessEnd,
    ),
    ("threading", "Thread.start", Special::ThreadStart),
    ("threading", "Thread._bootstrap_inner", Special::ThreadBegin),
    (
        "asyncio.base_events",
        "BaseEventLoop.create_task",
        Special::CreateTask,
    ),
    (
        "concurrent.futures.thread",
        "_WorkItem.__init__",
        Special::WorkMade,
    ),
    (
        "concurrent.futures.thread",
        "_WorkItem.run",
        Special::WorkBegin,
    ),
];

pub(super) fn special(module: &str, qualname: &str) -> Option<Special> {
    SPECIAL
        .iter()
        .find(|(of, name, _)| *of == module && *name == qualname)
        .map(|(_, _, special)| *special)
}

/// Parameters that a record has place for.
const MOST_ARGS: usize = 255;

/// A parameter.
pub(super) struct Arg {
    pub(super) slot: usize,
    pub(super) is_cell: bool,
    pub(super) is_secret: bool,
    pub(super) name: String,
    /// The name as an object of the code's own tuple of names.
    pub(super) name_object: *mut ffi::PyObject,
}

/// What is known of a code object.
pub(super) struct CodeEntry {
    pub(super) role: Role,
    /// The recording to which this belongs; another one asks again.
    pub(super) epoch: u32,
    /// The recording for which it is recorded and everything is known; 0 for none.
    pub(super) ready: u32,
    pub(super) id: CodeId,
    pub(super) kind: CodeKind,
    /// Whether its calls can be suspended.
    pub(super) is_suspendable: bool,
    /// Where the bytecode begins.
    pub(super) start: *const u8,
    pub(super) args: Vec<Arg>,
    /// Whether a parameter's name is a secret's.
    pub(super) has_secrets: bool,
    /// Offsets of suspensions that are an `await` or `yield from`.
    pub(super) awaits: Vec<u32>,
    /// Headers of loops whose entries are recorded.
    pub(super) headers: Vec<u32>,
}

impl CodeEntry {
    /// What is known before the bytecode was looked at.
    pub(super) fn bare(role: Role, epoch: u32, code: *mut ffi::PyObject) -> CodeEntry {
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
}

#[repr(C)]
struct Extra {
    size: ffi::Py_ssize_t,
    entries: [*mut CodeEntry; 1],
}

/// The extra slot of this process, once asked for.
static mut SLOT: ffi::Py_ssize_t = -1;

/// Code objects whose local events are on, by the addresses of their entries.
static ARMED: Mutex<BTreeMap<usize, usize>> = Mutex::new(BTreeMap::new());

fn armed() -> MutexGuard<'static, BTreeMap<usize, usize>> {
    ARMED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Forgets which code objects have local events, and gives them.
pub(super) fn disarm_all(py: Python<'_>) -> Vec<Bound<'_, PyAny>> {
    let codes = std::mem::take(&mut *armed());
    // SAFETY: attached; a code object leaves the list when it is freed.
    let held = |code| unsafe { Bound::from_borrowed_ptr(py, code as *mut ffi::PyObject) };
    codes.into_values().map(held).collect()
}

unsafe extern "C" fn free_entry(entry: *mut std::ffi::c_void) {
    // CPython calls this for every code object that anyone keeps something on.
    if entry.is_null() {
        return;
    }
    armed().remove(&(entry as usize));
    // SAFETY: only boxed entries are stored, each freed once, with its code object.
    drop(unsafe { Box::from_raw(entry.cast::<CodeEntry>()) });
}

/// Whether a code object is the frame that CPython puts between a class call and its `__init__`.
///
/// # Safety
/// A live code object, or null.
pub(super) unsafe fn is_init_shim(code: *mut ffi::PyObject) -> bool {
    if code.is_null() || !layout::is_sound() {
        return false;
    }
    // SAFETY: the caller's; a code object's file name is a text. The shim's is its name.
    unsafe {
        if ffi::PyCode_Check(code) == 0 {
            return false;
        }
        let file = code
            .cast::<u8>()
            .add(layout::code::FILE_NAME)
            .cast::<*mut ffi::PyObject>()
            .read();
        super::symbols::ascii_bytes(file) == Some(b"__init__")
    }
}

/// Asks for the extra slot. False when others have them all.
pub(super) fn prepare(_: Python<'_>) -> bool {
    // SAFETY: attached; a process asks until it has one.
    unsafe {
        if SLOT < 0 {
            SLOT = ffi::PyUnstable_Eval_RequestCodeExtraIndex(free_entry);
        }
        SLOT >= 0
    }
}

/// What is known of a code object, null when nothing is.
///
/// # Safety
/// A live code object; the thread is attached.
#[inline]
pub(super) unsafe fn entry_of(code: *mut ffi::PyObject) -> *mut CodeEntry {
    // SAFETY: the caller's; the extra area is as long as it says.
    unsafe {
        if layout::is_sound() {
            return raw_entry(code);
        }
        let mut entry = std::ptr::null_mut();
        ffi::PyUnstable_Code_GetExtra(code, SLOT, &raw mut entry);
        entry.cast()
    }
}

/// What is known of a code object, read in place.
///
/// # Safety
/// A live code object; the layout is as the constants say; the extra area is as long as it says.
#[inline]
pub(super) unsafe fn raw_entry(code: *mut ffi::PyObject) -> *mut CodeEntry {
    // SAFETY: the caller's.
    unsafe {
        let extra = code
            .cast::<u8>()
            .add(layout::code::EXTRA)
            .cast::<*mut Extra>()
            .read();
        if extra.is_null() || (*extra).size <= SLOT {
            return std::ptr::null_mut();
        }
        *(&raw mut (*extra).entries)
            .cast::<*mut CodeEntry>()
            .offset(SLOT)
    }
}

/// Keeps that nothing is known of a code object, to see where it is kept.
///
/// # Safety
/// As for [`keep`].
pub(super) unsafe fn keep_nothing(code: *mut ffi::PyObject) -> *mut CodeEntry {
    // SAFETY: the caller's.
    unsafe { keep(code, CodeEntry::bare(Role::LeftOut, 0, code)) }
}

/// Keeps what is known of a code object; what was known before is freed.
///
/// # Safety
/// A live code object; the thread is attached.
pub(super) unsafe fn keep(code: *mut ffi::PyObject, entry: CodeEntry) -> *mut CodeEntry {
    // SAFETY: the caller's; CPython frees the entry before. The extra area is as long as it says.
    unsafe {
        let place = code
            .cast::<u8>()
            .add(layout::code::EXTRA)
            .cast::<*mut Extra>();
        let is_first = layout::is_sound() && place.read().is_null();
        let entry = Box::into_raw(Box::new(entry));
        if ffi::PyUnstable_Code_SetExtra(code, SLOT, entry.cast()) != 0 {
            ffi::PyErr_Clear();
            drop(Box::from_raw(entry));
            return std::ptr::null_mut();
        }
        // CPython makes room for all users and calls each one's function when the code object dies. Whoever
        // asked after us has kept nothing here, and is not called if the area ends with us.
        if is_first {
            (*place.read()).size = SLOT + 1;
        }
        let tells_at_return =
            matches!((*entry).role, Role::Special(special) if special.tells_at_return());
        if (*entry).ready != 0 || tells_at_return {
            armed().insert(entry as usize, code as usize);
        }
        entry
    }
}

pub(super) fn text(code: &Bound<'_, PyAny>, name: &CStr) -> String {
    // SAFETY: the attribute is alive for the time of the call.
    ask::attribute(code, name)
        .map(|value| unsafe { super::types::text_of(value.as_ptr()) })
        .unwrap_or_default()
}

const CO_OPTIMIZED: u32 = 1;
const CO_VARARGS: u32 = 4;
const CO_VARKEYWORDS: u32 = 8;
const CO_GENERATOR: u32 = 0x20;
const CO_COROUTINE: u32 = 0x80;
const CO_ITERABLE_COROUTINE: u32 = 0x100;
const CO_ASYNC_GENERATOR: u32 = 0x200;

fn kind_of(flags: u32, name: &str) -> CodeKind {
    if flags & CO_ASYNC_GENERATOR != 0 {
        CodeKind::AsyncGenerator
    } else if flags & CO_COROUTINE != 0 {
        CodeKind::Coroutine
    } else if flags & (CO_GENERATOR | CO_ITERABLE_COROUTINE) != 0 {
        CodeKind::Generator
    } else if flags & CO_OPTIMIZED != 0 {
        CodeKind::Function
    } else if name == "<module>" {
        CodeKind::Module
    } else {
        CodeKind::Class
    }
}

/// The variables of a code object, parameters first.
struct Variables<'py> {
    names: Bound<'py, PyTuple>,
    cells: Cells,
}

/// Which variables are shared with functions inside.
enum Cells {
    /// A byte of flags for each variable.
    Kinds(Vec<u8>),
    Names(Vec<String>),
}

impl<'py> Variables<'py> {
    /// Read in place where that is proven: `co_varnames` would be kept on the code object from then on, as one
    /// object more that the collector knows.
    fn of(code: &Bound<'py, PyAny>) -> Option<Variables<'py>> {
        if layout::is_sound() {
            let field = |offset: usize| {
                // SAFETY: a live code object, which holds what lies there for as long as it lives.
                unsafe {
                    let field = code.as_ptr().cast::<u8>().add(offset);
                    Bound::from_borrowed_ptr(code.py(), field.cast::<*mut ffi::PyObject>().read())
                }
            };
            let kinds = field(layout::code::VARIABLE_KINDS)
                .cast_into::<PyBytes>()
                .ok()?;
            return Some(Variables {
                names: field(layout::code::VARIABLES).cast_into().ok()?,
                cells: Cells::Kinds(kinds.as_bytes().to_vec()),
            });
        }
        let names = ask::attribute(code, c"co_varnames")?.cast_into().ok()?;
        let cells = ask::attribute(code, c"co_cellvars").and_then(|cells| cells.extract().ok());
        Some(Variables {
            names,
            cells: Cells::Names(cells.unwrap_or_default()),
        })
    }

    fn is_cell(&self, slot: usize, name: &String) -> bool {
        const CO_FAST_CELL: u8 = 0x40;
        match &self.cells {
            Cells::Kinds(kinds) => kinds.get(slot).is_some_and(|kind| kind & CO_FAST_CELL != 0),
            Cells::Names(names) => names.contains(name),
        }
    }
}

/// Parameters in the order of the signature. In a frame, `*args` comes after the keyword-only ones.
fn args_of(code: &Bound<'_, PyAny>, flags: u32, is_secret: impl Fn(&str) -> bool) -> Vec<Arg> {
    let Some(variables) = Variables::of(code) else {
        return Vec::new();
    };
    let (plain, keyword) = (
        ask::number(code, c"co_argcount") as usize,
        ask::number(code, c"co_kwonlyargcount") as usize,
    );
    let has_rest = flags & CO_VARARGS != 0;
    let has_keywords = flags & CO_VARKEYWORDS != 0;
    let mut slots: Vec<usize> = (0..plain).collect();
    slots.extend(has_rest.then_some(plain + keyword));
    slots.extend(plain..plain + keyword);
    slots.extend(has_keywords.then_some(plain + keyword + usize::from(has_rest)));
    let arg = |slot: usize| {
        let name_object = variables.names.get_item(slot).ok()?;
        // SAFETY: the name is alive for the time of the call.
        let name = unsafe { super::types::text_of(name_object.as_ptr()) };
        Some(Arg {
            slot,
            is_cell: variables.is_cell(slot, &name),
            is_secret: is_secret(&name),
            name,
            // Names of variables are interned and live as long as the code.
            name_object: name_object.as_ptr(),
        })
    };
    slots.into_iter().filter_map(arg).take(MOST_ARGS).collect()
}

/// Lines by byte offset, from CPython's own table.
fn lines_of(code: &Bound<'_, PyAny>) -> LineTable {
    let mut runs: Vec<(u32, Option<u32>)> = Vec::new();
    let lines = ask::attribute(code, c"co_lines").and_then(|lines| ask::call(&lines, []));
    for line in lines.iter().flat_map(ask::each) {
        let Ok((start, _, line)) = line.extract::<(u32, u32, Option<u32>)>() else {
            break;
        };
        if runs.last().is_none_or(|(_, before)| *before != line) {
            runs.push((start, line));
        }
    }
    LineTable::new(runs)
}

/// Whether a qualified name is a method's, and of which class.
fn class_of(qualname: &str) -> Option<String> {
    let (before, _) = qualname.rsplit_once('.')?;
    let class = before.rsplit('.').next()?;
    (!class.starts_with('<')).then(|| class.to_owned())
}

/// Everything about a recorded code object: its definition, and what the hooks need but for its number.
pub(super) fn learn(
    code: &Bound<'_, PyAny>,
    module: String,
    epoch: u32,
    is_secret: impl Fn(&str) -> bool,
) -> (Code, CodeEntry) {
    let flags = ask::number(code, c"co_flags");
    let qualname = text(code, c"co_qualname");
    let kind = kind_of(flags, &text(code, c"co_name"));
    let args = args_of(code, flags, is_secret);
    // As the compiler made it, without instrumentation.
    let bytecode = ask::attribute(code, c"co_code")
        .and_then(|bytes| bytes.cast_into::<PyBytes>().ok())
        .map(|bytes| scan(bytes.as_bytes()))
        .unwrap_or_default();
    let entry = CodeEntry {
        role: Role::Recorded,
        epoch,
        ready: epoch,
        id: CodeId(u32::MAX),
        kind,
        is_suspendable: matches!(
            kind,
            CodeKind::Generator | CodeKind::Coroutine | CodeKind::AsyncGenerator
        ),
        start: bytecode_start(code.as_ptr()),
        awaits: bytecode.awaits,
        headers: bytecode
            .loops
            .iter()
            .filter(|known| known.is_recorded)
            .map(|known| known.header)
            .collect(),
        has_secrets: args.iter().any(|arg| arg.is_secret),
        args,
    };
    let class_name = if kind == CodeKind::Class {
        None
    } else {
        class_of(&qualname)
    };
    let definition = Code {
        qualname,
        module,
        file: text(code, c"co_filename"),
        first_line: ask::number(code, c"co_firstlineno"),
        kind,
        args: entry.args.iter().map(|arg| arg.name.clone()).collect(),
        class_name,
        lines: lines_of(code),
        loops: bytecode.loops,
    };
    (definition, entry)
}

/// How many parameters are not recorded, because a record has no place for them.
pub(super) fn parameters_beyond(code: &Bound<'_, PyAny>) -> u64 {
    let flags = ask::number(code, c"co_flags");
    let rest = u32::from(flags & CO_VARARGS != 0) + u32::from(flags & CO_VARKEYWORDS != 0);
    let all = ask::number(code, c"co_argcount") + ask::number(code, c"co_kwonlyargcount") + rest;
    u64::from(all.saturating_sub(MOST_ARGS as u32))
}

/// Code objects among the constants of a code object, at any depth.
pub(super) fn nested<'py>(code: &Bound<'py, PyAny>) -> Vec<Bound<'py, PyAny>> {
    let mut found = Vec::new();
    let mut open = vec![code.clone()];
    while let Some(code) = open.pop() {
        let constants = ask::attribute(&code, c"co_consts");
        for constant in constants.iter().flat_map(ask::each) {
            // SAFETY: a live object.
            if unsafe { ffi::PyCode_Check(constant.as_ptr()) } != 0 {
                found.push(constant.clone());
                open.push(constant);
            }
        }
    }
    found
}
