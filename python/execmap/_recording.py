"""Recording from Python: `record`, and `trace` for one function."""

from __future__ import annotations

import functools
import os
import shutil
import sys
import tempfile
import threading
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from execmap import _core, _options
from execmap._trace import Trace

LEAST_RING = 1_000_000

_lock = threading.Lock()
_open: list[Recording] = []
"""Recordings that go on; the first one armed the recorder."""


_armed_by: Recording | None = None
"""The recording whose file the recorder writes; none under `execmap run`."""
_waiting: list[tuple[Recording, str]] = []
"""Recordings that ended before the recorder did, and the names their traces will have."""


def _disarm() -> None:
    """Stops the recorder when the last recording has ended, unless `execmap run` started it."""
    global _armed_by
    if _armed_by is None:
        return
    _core.stop()
    _armed_by = None
    while _waiting:
        recording, path = _waiting.pop()
        Path(recording._path).replace(path)
        recording._path = path


class TemporaryFolder:
    """A folder that is removed when nobody needs it any more; a forked child leaves it to its parent."""

    def __init__(self) -> None:
        self.name = tempfile.mkdtemp(prefix="execmap-")
        weakref.finalize(self, TemporaryFolder._remove, self.name, os.getpid())

    @staticmethod
    def _remove(name: str, pid: int) -> None:
        if pid == os.getpid():
            shutil.rmtree(name, ignore_errors=True)


class Recording:
    """What is recorded while its `with` block runs.

    A process has one recorder, and a recording is a window on it: the first one
    arms it, those inside or beside it see the same events, each from its own
    beginning to its own end.
    """

    def __init__(self, options: dict[str, object], path: str | None) -> None:
        self._options = options
        self._temporary: TemporaryFolder | None = None
        if path is None:
            self._temporary = TemporaryFolder()
            path = f"{self._temporary.name}/trace.execmap"
        self._path = path
        self._begin: tuple[int, int, int] | None = None
        self._is_over = False
        self._trace: Trace | None = None

    @property
    def path(self) -> str:
        """The trace's file; a temporary one when no path was given."""
        return self._path

    @property
    def trace(self) -> Trace:
        """The trace, once the recording has ended."""
        if not self._is_over:
            raise _core.TraceError("the recording goes on; its trace is there when the `with` block has ended")
        if self._trace is None:
            self._trace = Trace(self._path, keep=self._temporary)
        return self._trace

    def start(self) -> None:
        """Begins to record."""
        global _armed_by
        with _lock:
            if not _core.is_recording():
                self._path, _ = _core.start(self._options | {"path": self._path})
                _armed_by = self
            self._begin = _core.open_window()
            _open.append(self)

    def stop(self) -> None:
        """Ends the recording; the trace is complete."""
        with _lock:
            if self not in _open or self._begin is None:
                return
            _open.remove(self)
            self._is_over = True
            if _armed_by is None or _open or self is not _armed_by:
                self._write_window(self._begin)
            if not _open:
                _disarm()

    def _write_window(self, begin: tuple[int, int, int]) -> None:
        """Writes what this recording saw; the recorder goes on."""
        own = self._path
        if self is _armed_by:
            # The recorder still writes there.
            self._path += ".window"
            _core.close_window(self._path, begin)
            _waiting.append((self, own))
        else:
            _core.close_window(own, begin)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        state = "ended" if self._is_over else "going on" if self in _open else "not begun"
        return f"<execmap.Recording {self._path}: {state}>"


def record(
    path: str | os.PathLike[str] | None = None,
    *,
    detail: str = "calls",
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    values: bool = True,
    redact: Sequence[str] | bool = (),
    max_calls: int | None = None,
    max_size: int | None = None,
    ring: int | None = None,
) -> Recording:
    """Records what the `with` block runs.

    Args:
        path: where the trace goes; without one it is a temporary file, gone with the recording.
        detail: `"calls"`: every call and return with its values.
        include: patterns of code to record beside the project's own: `src/*.py`, `shop`, `shop.cart:Cart.*`.
        exclude: patterns of code not to record.
        values: whether arguments, results and exceptions are recorded.
        redact: names whose text is hidden, beside the usual ones; `False` hides nothing.
        max_calls: stop recording after so many calls of a process; the program goes on.
        max_size: stop recording before a process's trace has more bytes.
        ring: keep the latest of a process, about so many bytes; older calls are dropped and counted.

    The trace is complete even when the block raises, and the exception passes
    through unchanged.

    >>> import execmap
    >>> with execmap.record(include=["*"]) as recording:
    ...     sorted([2, 1], key=lambda number: -number)
    [2, 1]
    >>> len(recording.trace.calls)
    2
    """
    if detail != "calls":
        raise _core.TraceError(f"detail={detail!r} is not there yet in this version of execmap; use detail='calls'")
    if ring is not None and ring < LEAST_RING:
        raise _core.TraceError(f"ring={ring!r} holds too little to be of use; {LEAST_RING} bytes or more")
    if ring is not None and max_size is not None:
        raise _core.TraceError("ring keeps the latest and max_size stops: give one of them")
    target = None if path is None else os.fspath(path)
    if target is not None and not target.endswith(".execmap"):
        target += ".execmap"
    options = _options.defaults() | {
        "include": list(include),
        "exclude": list(exclude),
        "values": values,
        "redacting": redact is not False,
        "redact": [] if isinstance(redact, bool) else list(redact),
        "max_calls": max_calls,
        "max_size": max_size,
        "ring": ring,
        "meta": [*_options.facts(sys.orig_argv), ("name", "recording")],
        "command": list(sys.argv),
    }
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    if script is not None:
        options["roots"] = [str(Path.cwd()), str(Path(script).absolute().parent)]
    return Recording(options, target)


def trace[**P, R](function: Callable[P, R]) -> Callable[P, R]:
    """Records each call of a function, and prints the tree of it when it ends.

    >>> import execmap
    >>> @execmap.trace
    ... def double(number):
    ...     return 2 * number
    >>> double(21)  # doctest: +SKIP
    double(number=21) → 42   1.1 µs
    42
    """
    file = function.__code__.co_filename if hasattr(function, "__code__") else None

    @functools.wraps(function)
    def traced(*args: P.args, **kwargs: P.kwargs) -> R:
        include: list[Any] = [] if file is None or file.startswith("<") else [file]
        recording = record(include=include)
        try:
            with recording:
                return function(*args, **kwargs)
        finally:
            print(recording.trace.tree(), end="")

    return traced
