"""Reads a trace and times what a reader waits for: opening, the first map, and maps after it. Prints JSON."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING

import execmap
from measure import peak_kilobytes

if TYPE_CHECKING:
    from collections.abc import Callable


def main() -> None:
    trace = execmap.load(sys.argv[1])
    opening = time.process_time_ns()
    figures = {
        "open_ns": opening,
        "map_ns": took(trace.map),
        "budget_ns": took(lambda: trace.map(max_messages=200)),
        "focus_ns": took(lambda: trace.map(focus=trace.calls[len(trace.calls) - 1]["function"])),
        "peak_kb": peak_kilobytes(),
    }
    print(json.dumps(figures))


def took(work: Callable[[], object]) -> int:
    """Processor time, because the machine may have other work."""
    before = time.process_time_ns()
    work()
    return time.process_time_ns() - before


if __name__ == "__main__":
    main()
