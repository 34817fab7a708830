//! The hooks: what happens at each event. Monomorphic, without locks or allocation on the usual way.

use execmap_record::RECORD_MAX;
use execmap_record::format::{CodeKind, kind, pack, pack_counted};
use execmap_record::os::ticks;
use pyo3::ffi;

use super::code::{self, Arg, CodeEntry, Role};
use super::engine::{Engine, Node, Suspended, engine};
use super::exceptions::is_on_top;
use super::frame::Frame;
use super::generators::{WATCHES_GENERATORS, Watched};
use super::hook::Hook;
use super::limits::retire;
use super::logs::ThreadLog;
use super::monitoring::Scope;
use super::values::Encoder;
use super::watch::Watch;

/// An event and its hook.
pub(super) struct EventHook {
    pub(super) event: &'static str,
    pub(super) function: Hook,
    pub(super) scope: Scope,
}

macro_rules! hooks {
    ($($event:literal $scope:ident $name:ident => $handler:path;)*) => {
        $(
            unsafe extern "C" fn $name(
                _: *mut ffi::PyObject,
                args: *const *mut ffi::PyObject,
                _: usize,
                _: *mut ffi::PyObject,
            ) -> *mut ffi::PyObject {
                // SAFETY: CPython calls a hook attached, with the arguments of its event.
                unsafe { guarded(|engine| $handler(engine, args)) }
            }
        )*

        /// All events that are used.
        pub(super) const HOOKS: &[EventHook] = &[
            $(EventHook { event: $event, function: $name, scope: Scope::$scope }),*
        ];
    };
}

hooks! {
    "PY_START" Everywhere on_start => started;
    "PY_RETURN" Recorded on_return => returned;
    "PY_YIELD" Recorded on_yield => yielded;
    "PY_RESUME" Recorded on_resume => resumed;
    "PY_THROW" Everywhere on_throw => thrown;
    "PY_UNWIND" Everywhere on_unwind => unwound;
    "RAISE" Everywhere on_raise => raised;
    "RERAISE" Everywhere on_reraise => reraised;
    "EXCEPTION_HANDLED" Everywhere on_handled => handled;
    "JUMP" Loops on_jump => jumped;
}

/// What a hook answers: go on, do not come here again, or do not come at all.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Continue,
    Disable,
    Retire,
}

/// Runs a hook. A panic ends the recording and never reaches the program.
#[expect(clippy::inline_always, reason = "a call more is a tenth of a hook")]
#[inline(always)]
unsafe fn guarded(work: impl FnOnce(&mut Engine) -> Answer) -> *mut ffi::PyObject {
    // SAFETY: hooks run attached, and never inside each other.
    let Some(engine) = (unsafe { engine() }) else {
        // SAFETY: `None` is immortal.
        return unsafe { ffi::Py_None() };
    };
    let engine: *mut Engine = engine;
    let work = std::panic::AssertUnwindSafe(|| {
        // SAFETY: the only use of the engine while the hook runs.
        work(unsafe { &mut *engine })
    });
    match std::panic::catch_unwind(work) {
        // SAFETY: `None` is immortal.
        Ok(Answer::Continue) => unsafe { ffi::Py_None() },
        // SAFETY: the object lives as long as `sys.monitoring`; the caller wants its own reference.
        Ok(Answer::Disable) => unsafe { ffi::Py_NewRef((*engine).disable) },
        Ok(Answer::Retire) => {
            // SAFETY: the hook has ended, and with it the use of the engine.
            unsafe { retire() };
            // SAFETY: `None` is immortal.
            unsafe { ffi::Py_None() }
        }
        Err(_) => {
            // SAFETY: the hook has ended.
            unsafe { (*engine).fault() };
            // SAFETY: `None` is immortal.
            unsafe { ffi::Py_None() }
        }
    }
}

/// An offset, which is a small integer.
#[inline]
unsafe fn offset_of(number: *mut ffi::PyObject) -> u32 {
    // SAFETY: an exact, compact integer: its digit lies behind head and tag.
    unsafe { number.cast::<u32>().add(6).read() }
}

/// The log of the running thread and the running frame.
#[inline]
unsafe fn here(engine: &mut Engine) -> (*mut ThreadLog, Frame) {
    // SAFETY: in a hook.
    unsafe {
        let state = ffi::compat::PyThreadState_GetUnchecked();
        (engine.log_of(state), Frame::current(state))
    }
}

#[inline]
unsafe fn started(engine: &mut Engine, args: *const *mut ffi::PyObject) -> Answer {
    // SAFETY: in a hook, in all of what follows.
    unsafe {
        let code = *args;
        if engine.is_dead {
            if !engine.is_forked {
                return Answer::Retire;
            }
            match engine.wake(code) {
                Some(Role::Recorded) => {}
                Some(Role::Special(_)) => return Answer::Continue,
                Some(Role::LeftOut) | None => return Answer::Disable,
            }
        }
        let mut entry = code::entry_of(code);
        if entry.is_null() || (*entry).ready != engine.epoch {
            match prepare(engine, code, entry) {
                Some(learned) => entry = learned,
                None => return Answer::Disable,
            }
            if (*entry).role != Role::Recorded {
                return Answer::Continue;
            }
        }
        if engine.next_call >= engine.max_calls {
            engine.reach_limit();
            return Answer::Retire;
        }
        let (log, frame) = here(engine);
        begin(engine, &mut *log, frame, &*entry)
    }
}

/// Finds out about a code object that the hook cannot treat at once. `None`: it is left out.
#[cold]
unsafe fn prepare(
    engine: &mut Engine,
    code: *mut ffi::PyObject,
    entry: *mut CodeEntry,
) -> Option<*mut CodeEntry> {
    // SAFETY: in a hook.
    unsafe {
        let is_known = !entry.is_null() && (*entry).epoch == engine.epoch;
        let role = if is_known {
            (*entry).role
        } else {
            engine.learn_code(code)
        };
        match role {
            Role::LeftOut => return None,
            Role::Special(special) => engine.note_special(special),
            Role::Recorded
                if is_known && (*entry).id.0 == u32::MAX && !engine.learn_decided(code) =>
            {
                return None;
            }
            Role::Recorded => {}
        }
        let entry = code::entry_of(code);
        (!entry.is_null()).then_some(entry)
    }
}

#[inline]
unsafe fn begin(
    engine: &mut Engine,
    log: &mut ThreadLog,
    frame: Frame,
    entry: &CodeEntry,
) -> Answer {
    // SAFETY: in a hook, in all of what follows.
    unsafe {
        let site = match log.stack.last() {
            Some(top) if frame.previous() == top.frame => top.frame.offset(top.start) + 1,
            _ => engine.enter(log, frame),
        };
        if entry.is_suspendable
            && let Some(gone) = engine.suspended.remove(&frame.address())
        {
            // Another generator lived at this address and went without a word.
            engine.note_closed(log, gone.call, false);
        }
        let with_values = engine.with_values && !entry.args.is_empty();
        if !engine.make_room(log, if with_values { RECORD_MAX } else { 64 }) {
            return Answer::Continue;
        }
        let call = engine.next_call;
        engine.next_call = call + 1;
        let mut tick = ticks();
        if tick.wrapping_sub(log.log.last_tick) >= 1 << 31 || log.log.next_call != call {
            tick = catch_up(log, call, tick);
        }
        log.log.next_call = call + 1;
        log.log.last_tick = tick;
        let head = pack(kind::START, entry.id.0, tick);
        if with_values {
            write_args(engine, log, frame, entry, head, site);
        } else {
            log.log.cursor.words(head, u64::from(site));
        }
        log.stack.push(Node {
            frame,
            start: entry.start,
            entry,
            call,
            weak: 0,
        });
        Answer::Continue
    }
}

/// Writes the record of a beginning call with its arguments. Apart, so that the hook without values
/// stays small.
#[inline(never)]
unsafe fn write_args(
    engine: &mut Engine,
    log: &mut ThreadLog,
    frame: Frame,
    entry: &CodeEntry,
    head: u64,
    site: u32,
) {
    let mut tokens = log.log.cursor.tokens(16, RECORD_MAX - 64);
    let mut encoder = Encoder::new(&mut engine.values, &mut engine.session, &mut tokens);
    // SAFETY: in a hook; the parameters are of the running frame's code.
    unsafe {
        if entry.has_secrets {
            for arg in entry.args.iter().filter(|arg| arg.is_secret) {
                encoder.remember_secret(arg_value(frame, arg));
            }
        }
        for arg in &entry.args {
            encoder.named_value(arg_value(frame, arg), arg.is_secret, &arg.name);
        }
    }
    let len = tokens.len();
    let word = u64::from(site) | (len as u64) << 32 | (entry.args.len() as u64) << 56;
    log.log.cursor.words_and(head, word, len);
}

/// What a parameter holds, null for nothing.
#[inline]
unsafe fn arg_value(frame: Frame, arg: &Arg) -> *mut ffi::PyObject {
    // SAFETY: a live frame of the code that the parameter is of; a cell holds its content behind its head.
    unsafe {
        let value = frame.local(arg.slot, arg.name_object);
        if arg.is_cell
            && Frame::shows_cells()
            && !value.is_null()
            && ffi::Py_TYPE(value) == &raw mut ffi::PyCell_Type
        {
            return *value.cast::<*mut ffi::PyObject>().add(2);
        }
        value
    }
}

/// Writes what a record cannot say: a long gap, calls of other threads in between.
#[cold]
fn catch_up(log: &mut ThreadLog, call: u64, tick: u64) -> u64 {
    if tick.wrapping_sub(log.log.last_tick) >= 1 << 31 {
        log.log.cursor.words(pack(kind::TICK, 0, tick), tick);
    }
    if log.log.next_call != call {
        log.log.cursor.words(pack(kind::NEXT_CALL, 0, tick), call);
    }
    tick
}

/// Whether the innermost recorded call is the running frame; looks for it on the other stacks if not.
#[inline]
fn is_running(engine: &mut Engine, log: &mut ThreadLog, frame: Frame) -> bool {
    is_on_top(log, frame) || look_for(engine, log, frame)
}

#[cold]
fn look_for(engine: &mut Engine, log: &mut ThreadLog, frame: Frame) -> bool {
    !engine.is_dead && engine.switch_to(log, frame)
}

/// The tick for a record that ends or suspends a call. There must be room for two records.
#[inline]
fn tick_now(log: &mut ThreadLog) -> u64 {
    let tick = ticks();
    if tick.wrapping_sub(log.log.last_tick) >= 1 << 31 {
        log.log.cursor.words(pack(kind::TICK, 0, tick), tick);
    }
    log.log.last_tick = tick;
    tick
}

/// Writes a record of the running call with a value.
#[inline]
unsafe fn with_value(
    engine: &mut Engine,
    log: &mut ThreadLog,
    record: u8,
    value: *mut ffi::PyObject,
) -> bool {
    if !engine.with_values {
        if !engine.make_room(log, 64) {
            return false;
        }
        let tick = tick_now(log);
        log.log.cursor.word(pack(record, 0, tick));
        return true;
    }
    if !engine.room_for_values(log) {
        return false;
    }
    let tick = tick_now(log);
    let mut tokens = log.log.cursor.tokens(8, RECORD_MAX - 64);
    // SAFETY: the event's value is alive.
    unsafe {
        Encoder::new(&mut engine.values, &mut engine.session, &mut tokens).value(value);
    };
    let len = tokens.len();
    log.log.cursor.word_and(pack(record, len as u32, tick), len);
    true
}

#[inline]
unsafe fn returned(engine: &mut Engine, args: *const *mut ffi::PyObject) -> Answer {
    // SAFETY: in a hook: code, offset, value.
    unsafe {
        let state = ffi::compat::PyThreadState_GetUnchecked();
        let frame = Frame::current(state);
        if let Some(log) = engine.log_with_calls(state)
            && is_running(engine, &mut *log, frame)
        {
            with_value(engine, &mut *log, kind::RETURN, *args.add(2));
            end(engine, &mut *log);
        } else {
            engine.process_told(*args, frame);
        }
    }
    Answer::Continue
}

/// Takes the innermost call off the stack.
#[inline]
fn end(engine: &mut Engine, log: &mut ThreadLog) {
    if let Some(node) = log.stack.pop()
        && node.weak != 0
    {
        // SAFETY: hooks run attached.
        unsafe { engine.watcher.unwatch(node.weak) };
    }
    engine.leave_task(log);
}

unsafe fn yielded(engine: &mut Engine, args: *const *mut ffi::PyObject) -> Answer {
    // SAFETY: in a hook: code, offset, value.
    unsafe {
        let (log, frame) = here(engine);
        let log = &mut *log;
        if !is_running(engine, log, frame) {
            return Answer::Continue;
        }
        let Some(mut node) = log.stack.last().copied() else {
            return Answer::Continue;
        };
        let entry = &*node.entry;
        if entry.awaits.contains(&offset_of(*args.add(1))) {
            if engine.make_room(log, 64) {
                let tick = tick_now(log);
                log.log.cursor.word(pack(kind::AWAIT, 0, tick));
            }
        } else {
            with_value(
                engine,
                log,
                kind::YIELD,
                unwrapped(*args.add(2), entry.kind),
            );
        }
        if WATCHES_GENERATORS && node.weak == 0 {
            let owner = frame.owner();
            if !owner.is_null() {
                let watched = Watched {
                    frame: frame.address(),
                    generator: owner as usize,
                };
                node.weak = engine.watcher.watch(owner, Watch::Generator(watched));
            }
        }
        log.stack.pop();
        engine.leave_task(log);
        engine.suspended.insert(
            frame.address(),
            Suspended {
                call: node.call,
                weak: node.weak,
            },
        );
    }
    Answer::Continue
}

/// An asynchronous generator yields its value in a wrapper of C.
unsafe fn unwrapped(value: *mut ffi::PyObject, kind: CodeKind) -> *mut ffi::PyObject {
    if kind != CodeKind::AsyncGenerator {
        return value;
    }
    // SAFETY: a live object; the wrapper holds its value right behind its head.
    unsafe {
        let name = std::ffi::CStr::from_ptr((*ffi::Py_TYPE(value)).tp_name);
        if name.to_bytes() == b"async_generator_wrapped_value" {
            *value.cast::<*mut ffi::PyObject>().add(2)
        } else {
            value
        }
    }
}

/// Puts a suspended call back on the stack, whichever call resumes it.
unsafe fn go_on(
    engine: &mut Engine,
    log: &mut ThreadLog,
    frame: Frame,
    code: *mut ffi::PyObject,
) -> Option<Node> {
    let suspended = engine.suspended.remove(&frame.address())?;
    // SAFETY: in a hook; the code of the running frame.
    unsafe {
        if log
            .stack
            .last()
            .is_none_or(|top| frame.previous() != top.frame)
        {
            engine.enter(log, frame);
        }
        let entry = code::entry_of(code);
        if entry.is_null() || (*entry).epoch != engine.epoch {
            return None;
        }
        Some(Node {
            frame,
            start: (*entry).start,
            entry,
            call: suspended.call,
            weak: suspended.weak,
        })
    }
}

unsafe fn resumed(engine: &mut Engine, args: *const *mut ffi::PyObject) -> Answer {
    // SAFETY: in a hook: code, offset.
    unsafe {
        let (log, frame) = here(engine);
        let log = &mut *log;
        if let Some(node) = go_on(engine, log, frame, *args)
            && engine.make_room(log, 64)
        {
            let tick = tick_now(log);
            log.log.cursor.words(pack(kind::RESUME, 0, tick), node.call);
            log.stack.push(node);
        }
    }
    Answer::Continue
}

unsafe fn thrown(engine: &mut Engine, args: *const *mut ffi::PyObject) -> Answer {
    // SAFETY: in a hook: code, offset, exception. The exception of a throw is set only after the hook.
    unsafe {
        let entry = code::entry_of(*args);
        if entry.is_null() || (*entry).epoch != engine.epoch || (*entry).role != Role::Recorded {
            return Answer::Continue;
        }
        let (log, frame) = here(engine);
        let log = &mut *log;
        if let Some(node) = go_on(engine, log, frame, *args)
            && engine.make_room(log, 64)
        {
            let (id, is_new) = engine.thrown_id(log, *args.add(2));
            let tick = tick_now(log);
            log.log.cursor.words(pack(kind::THROW, id, tick), node.call);
            log.stack.push(node);
            if is_new {
                engine.note_first_sight(log, id, offset_of(*args.add(1)), *args.add(2));
            }
        }
    }
    Answer::Continue
}

/// For events of exceptions: the log, when the running frame is a recorded call.
#[inline]
unsafe fn recorded_here(engine: &mut Engine, code: *mut ffi::PyObject) -> Option<*mut ThreadLog> {
    // SAFETY: in a hook.
    unsafe {
        let entry = code::entry_of(code);
        if entry.is_null() || (*entry).epoch != engine.epoch || (*entry).role != Role::Recorded {
            return None;
        }
        let (log, frame) = here(engine);
        is_running(engine, &mut *log, frame).then_some(log)
    }
}

unsafe fn unwound(engine: &mut Engine, args: *const *mut ffi::PyObject) -> Answer {
    // SAFETY: in a hook: code, offset, exception.
    unsafe {
        if let Some(log) = recorded_here(engine, *args) {
            let log = &mut *log;
            let id = engine.passing(log, offset_of(*args.add(1)), *args.add(2));
            if engine.make_room(log, 64) {
                let tick = tick_now(log);
                log.log.cursor.word(pack(kind::UNWIND, id, tick));
            }
            end(engine, log);
        }
    }
    Answer::Continue
}

unsafe fn exception_event(
    engine: &mut Engine,
    args: *const *mut ffi::PyObject,
    record: u8,
) -> Answer {
    // SAFETY: in a hook: code, offset, exception.
    unsafe {
        if let Some(log) = recorded_here(engine, *args) {
            engine.note_exception(&mut *log, record, offset_of(*args.add(1)), *args.add(2));
        }
    }
    Answer::Continue
}

unsafe fn raised(engine: &mut Engine, args: *const *mut ffi::PyObject) -> Answer {
    // SAFETY: in a hook.
    unsafe { exception_event(engine, args, kind::RAISE) }
}

unsafe fn reraised(engine: &mut Engine, args: *const *mut ffi::PyObject) -> Answer {
    // SAFETY: in a hook.
    unsafe { exception_event(engine, args, kind::RERAISE) }
}

unsafe fn handled(engine: &mut Engine, args: *const *mut ffi::PyObject) -> Answer {
    // SAFETY: in a hook.
    unsafe { exception_event(engine, args, kind::HANDLED) }
}

unsafe fn jumped(engine: &mut Engine, args: *const *mut ffi::PyObject) -> Answer {
    // SAFETY: in a hook: code, offset, destination.
    unsafe {
        let (offset, target) = (offset_of(*args.add(1)), offset_of(*args.add(2)));
        if target > offset {
            return Answer::Disable;
        }
        let (log, frame) = here(engine);
        let log = &mut *log;
        if !is_on_top(log, frame) {
            return Answer::Continue;
        }
        let Some(node) = log.stack.last() else {
            return Answer::Continue;
        };
        if !(*node.entry).headers.contains(&target) {
            return Answer::Disable;
        }
        let goes_on = log.loop_header == target && log.loop_count < u32::MAX;
        if log.loop_at == log.log.cursor.position() && goes_on {
            log.loop_count += 1;
            log.log
                .cursor
                .replace_last(pack_counted(kind::LOOP, target, log.loop_count));
            return Answer::Continue;
        }
        if engine.make_room(log, 64) {
            log.log.cursor.word(pack_counted(kind::LOOP, target, 1));
            log.loop_at = log.log.cursor.position();
            log.loop_header = target;
            log.loop_count = 1;
        }
    }
    Answer::Continue
}
