"""The reference recorder: the oracle of execmap's tests.

Slow and obvious, in Python alone, on `sys.settrace`; it shares nothing with execmap, which is on `sys.monitoring`. Both
must tell the same story of every program.

What `settrace` does not show, and what therefore stands as `UNKNOWN` or is missing here:

* 3.13.0 is silent when a generator without a handler is closed or dropped. The outcome `closed` is still found, from
  the generators that are alive at the end, but not the moment.
* Which exception leaves a frame by a bare `raise`, or at the end of a `finally`, when several were seen in that frame
  and the caller is C code or not recorded: `UNKNOWN`.
* The creator of a task made by `asyncio.Task(...)` or a loop of another kind: `UNKNOWN`.
* Threads started by `_thread.start_new_thread` itself: their calls are missing.
* Code that runs while a trace function runs: signal handlers at that very moment.
* The bodies of modules that the reference has imported itself, when `include` asks for them.
* Child processes, forked or spawned.
* Programs that call `sys.settrace` themselves: everything after that is missing.
* Times: `start_ns` and `suspended_ns` are 0, `end_ns` is null.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .limits import UNKNOWN

__all__ = ["UNKNOWN", "Recorded", "record", "record_and_run"]

_FOLDER_ABOVE = str(Path(__file__).resolve().parent.parent)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a script did: its rows, and how it looked from outside."""

    rows: list[dict[str, Any]]
    stdout: bytes
    stderr: bytes
    exit_code: int


def record(
    script: str | Path, argv: Sequence[str] = (), *, include: Sequence[str] = (), cwd: str | Path | None = None
) -> list[dict[str, Any]]:
    """The rows of a script that is run in a Python of its own."""
    return record_and_run(script, argv, include=include, cwd=cwd).rows


def record_and_run(
    script: str | Path, argv: Sequence[str] = (), *, include: Sequence[str] = (), cwd: str | Path | None = None
) -> Recorded:
    """The rows of a script, with its output and exit code."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "rows.ndjson")
        command = [sys.executable, "-m", "reference", "-o", str(output)]
        for glob in include:
            command += ["--include", glob]
        path = os.pathsep.join(filter(None, [_FOLDER_ABOVE, os.environ.get("PYTHONPATH", "")]))
        done = subprocess.run(
            [*command, str(Path(script).absolute()), *argv],
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "0"},
            capture_output=True,
            check=False,
        )
        lines = output.read_text("utf-8").splitlines() if output.exists() else []
    return Recorded([json.loads(line) for line in lines], done.stdout, done.stderr, done.returncode)
