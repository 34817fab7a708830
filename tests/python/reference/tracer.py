"""Following a program with `sys.settrace`, one call at a time.

The rules, each as plain as it can be:

* A frame that starts at its first instruction is a new call; any other `call` event resumes one, found by the identity
  of its frame object.
* The parent is the nearest recorded and running frame on the chain of `f_back`.
* A `return` event at a return instruction is a return, at a yield it is a suspension, anywhere else an exception left.
* A generator that is suspended when recording ends, and whose frame no living generator has, was dropped: `closed`.

Nothing here keeps a frame, an exception or a value of the program alive, because that would change when objects die.
"""

from __future__ import annotations

import dis
import gc
import inspect
import sys
import threading
import types
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .creators import Creators
from .limits import UNKNOWN
from .scope import Scope
from .values import exception_text, text_of

if TYPE_CHECKING:
    from asyncio import Task

Row = dict[str, Any]

_SUSPENDABLE = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


@dataclass(slots=True)
class Raised:
    """An exception that was seen in a frame."""

    identity: int
    at: int
    """Offset of the instruction."""
    text: str
    is_exit: bool
    """Whether it is a GeneratorExit."""
    handled: bool = False


@dataclass(slots=True)
class Call:
    """One recorded call while it lasts."""

    row: Row
    code: types.CodeType
    running: bool = True
    raised: list[Raised] = field(default_factory=list)
    failed_callee: Call | None = None
    """A call whose exception is known for certain once it is seen here."""


class Tracer:
    """Records all threads between `start` and `stop`."""

    def __init__(self, scope: Scope) -> None:
        self.rows: list[Row] = []
        self._scope = scope
        self._included: dict[int, tuple[bool, types.CodeType]] = {}
        self._open: dict[int, Call] = {}
        self._threads_seen = 0
        self._thread = threading.local()
        self._creators = Creators()
        self._lock = threading.RLock()

    def start(self) -> None:
        threading.settrace(self._event)
        sys.settrace(self._event)

    def stop(self) -> None:
        """Ends recording: what runs is unfinished, and what is suspended is closed, now or by the interpreter's end."""
        sys.settrace(None)
        threading.settrace(None)
        for call in self._open.values():
            if call.row["outcome"] == "unfinished" and not call.running:
                call.row["outcome"] = "closed"

    def _event(self, frame: types.FrameType, event: str, arg: Any) -> Any:
        with self._lock, _no_collection():
            if not self._holds(frame):
                return self._creators.event(frame, event, arg, self._nearest(frame))
            frame.f_trace_lines = bool(frame.f_code.co_flags & _SUSPENDABLE)
            call = self._open.get(id(frame))
            if event == "call":
                self._begin_or_resume(frame)
            elif call is None:
                return None
            elif event == "exception":
                self._exception(call, frame, arg[1])
            elif event == "return":
                self._leave(call, frame, arg)
            elif event == "line":
                for raised in call.raised:
                    raised.handled = True
            return self._event

    def _holds(self, frame: types.FrameType) -> bool:
        code = frame.f_code
        if id(code) not in self._included:
            # The code object is held, so that its identity stays its own.
            self._included[id(code)] = self._decide(frame), code
        return self._included[id(code)][0]

    def _decide(self, frame: types.FrameType) -> bool:
        """Whether a frame's code is recorded; that of code without a file is decided with what is inside it."""
        code = frame.f_code
        if not code.co_filename.startswith("<") or code.co_filename.startswith("<frozen") or code.co_name != "<module>":
            return self._scope.holds(code, _module(frame))
        below = frame.f_back
        holds = below is not None and self._holds(below)
        inside = [code]
        while inside:
            for constant in inside.pop().co_consts:
                if isinstance(constant, types.CodeType):
                    self._included[id(constant)] = holds, constant
                    inside.append(constant)
        return holds

    def _nearest(self, frame: types.FrameType) -> tuple[Call, types.FrameType] | None:
        """The recorded call that is running nearest below this frame."""
        below = frame.f_back
        while below is not None:
            call = self._open.get(id(below))
            if call is not None and call.running and call.code is below.f_code:
                return call, below
            below = below.f_back
        return None

    def _begin_or_resume(self, frame: types.FrameType) -> None:
        name, argument = _instruction(frame)
        if name == "RESUME" and argument == 0:
            self._begin(frame)
        elif name in ("RESUME", "YIELD_VALUE"):
            call = self._open.get(id(frame))
            if call is not None:
                call.running = True
        # Anything else: an exception is thrown into a generator that never started, which is no call.

    def _begin(self, frame: types.FrameType) -> None:
        forgotten = self._open.get(id(frame))
        if forgotten is not None and forgotten.row["outcome"] == "unfinished":
            forgotten.row["outcome"] = "closed"
        nearest = self._nearest(frame)
        parent, below = nearest if nearest is not None else (None, None)
        code = frame.f_code
        task = _current_task()
        row: Row = {
            "handle": f"c-{len(self.rows)}",
            "parent": parent.row["handle"] if parent else None,
            "created_by": self._creators.creator(frame, below, task),
            "process": "p-0",
            "thread": self._thread_handle(),
            "task": self._creators.task_handle(task),
            "function": code.co_qualname,
            "module": _module(frame),
            "file": code.co_filename if code.co_filename.startswith("<") else str(Path(code.co_filename).absolute()),
            "line": code.co_firstlineno,
            "call_line": below.f_lineno if below is not None and frame.f_back is below else None,
            "start_ns": 0,
            "end_ns": None,
            "suspended_ns": 0,
            "args": _arguments(frame),
            "result": None,
            "outcome": "unfinished",
            "exception": None,
        }
        self.rows.append(row)
        self._open[id(frame)] = Call(row, code)

    def _thread_handle(self) -> str:
        if not hasattr(self._thread, "handle"):
            self._thread.handle = f"t-{self._threads_seen}"
            self._threads_seen += 1
        return str(self._thread.handle)

    def _exception(self, call: Call, frame: types.FrameType, error: BaseException) -> None:
        callee, call.failed_callee = call.failed_callee, None
        if callee is not None:
            for raised in callee.raised:
                if raised.identity == id(error):
                    _end_by(callee, raised)
            if _splits_groups(callee.code) and isinstance(error, BaseExceptionGroup):
                callee.row["exception"] = exception_text(error)
        if type(error) is StopIteration and _instruction(frame)[0] in ("SEND", "END_SEND"):
            # How an `await` or `yield from` gets its result.
            return
        call.raised = [raised for raised in call.raised if raised.identity != id(error)]
        is_exit = type(error) is GeneratorExit
        call.raised.append(Raised(id(error), frame.f_lasti, exception_text(error), is_exit))

    def _leave(self, call: Call, frame: types.FrameType, value: object) -> None:
        call.running = False
        name, argument = _instruction(frame)
        if name in ("RETURN_VALUE", "RETURN_CONST"):
            call.row["result"] = text_of(value)
            call.row["outcome"] = "returned"
        elif _is_suspension(call, frame, name, argument):
            return
        else:
            self._fail(call, frame)
        del self._open[id(frame)]

    def _fail(self, call: Call, frame: types.FrameType) -> None:
        row = call.row
        row["outcome"] = "raised"
        here = [raised for raised in call.raised if raised.at == frame.f_lasti]
        known = here or call.raised
        if here or (len(known) == 1 and not _splits_groups(call.code)):
            _end_by(call, known[-1])
            return
        handled = sys.exception()
        if not known and handled is not None:
            # A bare `raise` of an exception that a caller is handling.
            row["exception"] = exception_text(handled)
            return
        row["exception"] = UNKNOWN
        below = self._nearest(frame)
        if below is not None and below[1] is frame.f_back:
            below[0].failed_callee = call


def _splits_groups(code: types.CodeType) -> bool:
    """Whether there is an `except*`, from which a new group may leave that was never raised."""
    return "CHECK_EG_MATCH" in {dis.opname[opcode] for opcode in code.co_code[::2]}


def _end_by(call: Call, raised: Raised) -> None:
    if raised.is_exit and call.code.co_flags & _SUSPENDABLE:
        call.row["outcome"], call.row["exception"] = "closed", None
    else:
        call.row["exception"] = _leaving_generator(call.code, raised.text)


def _is_suspension(call: Call, frame: types.FrameType, name: str, argument: int) -> bool:
    """Whether a frame that is left at this instruction will be resumed."""
    if not call.code.co_flags & _SUSPENDABLE:
        return False
    if name != "YIELD_VALUE" and not (name == "RESUME" and argument != 0):
        return False
    return not any(raised.at == frame.f_lasti and not raised.handled for raised in call.raised)


def _leaving_generator(code: types.CodeType, text: str) -> str:
    """What becomes of a StopIteration that leaves the body of a generator."""
    flags = code.co_flags
    name = text.partition(":")[0]
    if flags & inspect.CO_ASYNC_GENERATOR and name in ("StopIteration", "StopAsyncIteration"):
        return f"RuntimeError: async generator raised {name}"
    if flags & inspect.CO_COROUTINE and name == "StopIteration":
        return "RuntimeError: coroutine raised StopIteration"
    if flags & inspect.CO_GENERATOR and name == "StopIteration":
        return "RuntimeError: generator raised StopIteration"
    return text


def _instruction(frame: types.FrameType) -> tuple[str, int]:
    """The instruction at which a frame stands, and the kind of its RESUME (0 is the start of a call)."""
    code, at = frame.f_code.co_code, frame.f_lasti
    return dis.opname[code[at]], code[at + 1] & 3


def _arguments(frame: types.FrameType) -> dict[str, str]:
    code, values = frame.f_code, frame.f_locals
    names = code.co_varnames
    positional = names[: code.co_argcount]
    keyword_only = names[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    rest = list(names[code.co_argcount + code.co_kwonlyargcount :])
    star = [rest.pop(0)] if code.co_flags & inspect.CO_VARARGS else []
    double_star = [rest.pop(0)] if code.co_flags & inspect.CO_VARKEYWORDS else []
    return {name: text_of(values[name], name) for name in (*positional, *star, *keyword_only, *double_star)}


def _module(frame: types.FrameType) -> str:
    name = dict.get(frame.f_globals, "__name__")
    return name if type(name) is str else ""


def _current_task() -> Task[Any] | None:
    # Imported by the program or not at all: importing it has effects that a program can see.
    asyncio: Any = sys.modules.get("asyncio")
    loop = asyncio._get_running_loop() if hasattr(asyncio, "_get_running_loop") else None
    return None if loop is None else asyncio.current_task(loop)


@contextmanager
def _no_collection() -> Iterator[None]:
    """No garbage is collected in the block, where what runs is not traced."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
