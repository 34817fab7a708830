"""Programs that are recorded from their first line to their last, as a user would, and the same without: what they
hold at most, and how long they take to end.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PROGRAM = HERE / "programs" / "long.py"


@dataclass(frozen=True)
class Whole:
    """A program to be run whole."""

    title: str
    calls: int
    quick_calls: int
    threads: int
    options: tuple[str, ...] = ()
    is_for_full: bool = False


PROGRAMS = {
    "long": Whole("values of all sorts", 10_000_000, 100_000, 1),
    "long_threads": Whole("the same in 8 threads", 10_000_000, 100_000, 8),
    "long_bare": Whole("without values", 1_000_000_000, 1_000_000, 1, ("--no-values",), is_for_full=True),
}


def measure(python: str, program: Whole, trace: Path, *, quick: bool) -> dict[str, Any]:
    """One round: the program untraced, then recorded, then `execmap info` of its trace."""
    calls = program.quick_calls if quick else program.calls
    arguments = [str(PROGRAM), str(calls), str(program.threads)]
    untraced = _run([python, *arguments])
    options = ["--quiet", "--no-html", *program.options, "-o", str(trace)]
    recorded = _run([python, "-m", "execmap", "run", *options, *arguments])
    return {
        "untraced": untraced,
        "recorded": recorded,
        "trace_bytes": trace.stat().st_size,
        # The module, its class, `main`, and `work` in each thread.
        "expected_calls": calls + 3 + program.threads,
        **_info(python, trace),
    }


def _run(command: list[str]) -> dict[str, int]:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    said = process.stdout.readline()
    peaks = []
    # The end is part of the run, and the program itself cannot tell what it takes.
    while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
        peaks.append(_peak_kilobytes(process.pid))
        time.sleep(0.002)
    ended_ns = time.monotonic_ns()
    process.returncode = os.waitstatus_to_exitcode(ended[1])
    process.stdout.close()
    if process.returncode:
        raise SystemExit(f"\nerror: {' '.join(command)} ended with {process.returncode}")
    peak, cpu_ns, last_line_ns = map(int, said.split())
    all_cpu_ns = round((ended[2].ru_utime + ended[2].ru_stime) * 1e9)
    return {
        "peak_kb": max([peak, *peaks]),
        "end_ns": ended_ns - last_line_ns,
        # What is left of it on a machine with nothing else to do.
        "end_cpu_ns": all_cpu_ns - cpu_ns,
    }


def _peak_kilobytes(pid: int) -> int:
    """The most that a process ever held, mapped files included; 0 when it is gone."""
    try:
        found = re.search(r"^VmHWM:\s*(\d+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    except OSError:
        return 0
    return int(found[1]) if found else 0


def _info(python: str, trace: Path) -> dict[str, Any]:
    command = [python, str(HERE / "command.py"), "info", "--json", str(trace)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"\nerror: {' '.join(command)} failed:\n{done.stderr.strip()}")
    info = json.loads(done.stdout)
    kept = {key: info.get(key) for key in ("calls", "complete", "left_out")}
    return {"info": kept, "info_took": json.loads(done.stderr)}
