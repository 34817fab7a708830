"""The ways to run a workload: as it is, under empty hooks, under execmap.

A variant is a context manager made with the workload's file patterns and the path of the trace
to write; what it wraps is what is measured. Those with empty hooks need the code objects
beforehand, from `code_objects`.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from types import CodeType

Codes = frozenset[CodeType]
Hook = Callable[..., object]

_events = sys.monitoring.events
_TOOL = 3

# What a recorder of calls has to hear. The second set cannot be asked of single functions before Python 3.15.
_CALLS_LOCAL = (_events.PY_START, _events.PY_RETURN, _events.PY_YIELD, _events.PY_RESUME)
_CALLS_GLOBAL = (
    _events.PY_UNWIND,
    _events.PY_THROW,
    _events.RAISE,
    _events.RERAISE,
    _events.EXCEPTION_HANDLED,
)


@contextlib.contextmanager
def untraced(codes: Codes, include: list[str], trace: Path) -> Iterator[None]:
    yield


@contextlib.contextmanager
def floor(codes: Codes, include: list[str], trace: Path) -> Iterator[None]:
    """Empty hooks on calls, of the included code only."""
    import floor as native

    with _hooks(codes, dict.fromkeys(_CALLS_LOCAL, native.empty), dict.fromkeys(_CALLS_GLOBAL, native.empty)):
        yield


@contextlib.contextmanager
def floor_lines(codes: Codes, include: list[str], trace: Path) -> Iterator[None]:
    """An empty hook on lines, of the included code only."""
    import floor as native

    with _hooks(codes, {_events.LINE: native.empty}, {}):
        yield


FOREIGN = ["workloads.foreign", "*/measure.py"]
"""What stands for other people's code, and what measures: below the working directory, so it is named."""


@contextlib.contextmanager
def execmap_bare(codes: Codes, include: list[str], trace: Path) -> Iterator[None]:
    """execmap without values: calls, times, call sites and loop entries."""
    import execmap

    with execmap.record(trace, values=False, include=include, exclude=FOREIGN):
        yield


@contextlib.contextmanager
def execmap_values(codes: Codes, include: list[str], trace: Path) -> Iterator[None]:
    """execmap as it comes: with arguments and results."""
    import execmap

    with execmap.record(trace, include=include, exclude=FOREIGN):
        yield


Variant = Callable[[Codes, list[str], Path], contextlib.AbstractContextManager[None]]

VARIANTS: dict[str, Variant] = {
    "untraced": untraced,
    "floor": floor,
    "floor-lines": floor_lines,
    "bare": execmap_bare,
    "values": execmap_values,
}


def code_objects(patterns: list[str], work: Callable[[], object]) -> Codes:
    """The code objects of the files that match, as far as `work` runs them."""
    found: set[CodeType] = set()

    def on_start(code: CodeType, offset: int) -> object:
        if any(fnmatchcase(code.co_filename, pattern) for pattern in patterns):
            found.add(code)
        return sys.monitoring.DISABLE

    sys.monitoring.use_tool_id(_TOOL, "bench")
    sys.monitoring.register_callback(_TOOL, _events.PY_START, on_start)
    sys.monitoring.set_events(_TOOL, _events.PY_START)
    try:
        work()
    finally:
        sys.monitoring.set_events(_TOOL, 0)
        sys.monitoring.register_callback(_TOOL, _events.PY_START, None)
        sys.monitoring.free_tool_id(_TOOL)
        # What was disabled here would stay so for the variant that comes next.
        sys.monitoring.restart_events()
    return frozenset(found)


def count(codes: Codes, work: Callable[[], object]) -> dict[str, int]:
    """How often functions of `codes` are started, entered in any way, and how many lines run, while `work` runs."""
    import floor as native

    local = {
        _events.PY_START: native.count_start,
        _events.PY_RESUME: native.count_resume,
        _events.LINE: native.count_line,
    }
    native.take_counts()
    with _hooks(codes, local, {_events.PY_THROW: native.count_throw}):
        work()
    started, resumed, thrown, lines = native.take_counts()
    return {"calls": started, "entries": started + resumed + thrown, "lines": lines}


@contextlib.contextmanager
def _hooks(codes: Codes, local: Mapping[int, Hook], everywhere: Mapping[int, Hook]) -> Iterator[None]:
    sys.monitoring.use_tool_id(_TOOL, "bench")
    for event, hook in [*local.items(), *everywhere.items()]:
        sys.monitoring.register_callback(_TOOL, event, hook)
    for code in codes:
        sys.monitoring.set_local_events(_TOOL, code, sum(local))
    sys.monitoring.set_events(_TOOL, sum(everywhere))
    try:
        yield
    finally:
        sys.monitoring.set_events(_TOOL, 0)
        for code in codes:
            sys.monitoring.set_local_events(_TOOL, code, 0)
        for event in [*local, *everywhere]:
            sys.monitoring.register_callback(_TOOL, event, None)
        sys.monitoring.free_tool_id(_TOOL)
