"""Programs that end, with and without recording, and what their traces must hold.

Each program writes a line to the file `done` behind each call that has come
back. What stands there must be in the trace, with its values.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from running import Execmap

HEAD = """
import os, sys, threading, time
done = open("done", "a")

def step(number, text="x"):
    return number * 2

def steps(first, last, text="x"):
    for number in range(first, last):
        step(number, text)
        done.write(f"{number}\\n")
        done.flush()

"""


class Ended:
    """A program that has ended, and what its trace must hold."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path) -> None:
        out, err = process.communicate(timeout=60)
        self.out, self.err = out.decode(), err.decode()
        self.code = process.returncode
        self.done = [int(line) for line in (folder / "done").read_text().split()] if (folder / "done").exists() else []


def started(execmap: Execmap, source: str, *, recorded: bool, options: dict[str, Any]) -> subprocess.Popen[bytes]:
    (execmap.folder / "done").unlink(missing_ok=True)
    script = execmap.folder / "program.py"
    script.write_text(HEAD + source, "utf-8")
    run = ["-m", "execmap", "run", "--quiet", "--no-html", "-o", str(execmap.trace)] if recorded else []
    return subprocess.Popen(
        [sys.executable, *run, str(script)],
        cwd=execmap.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,
    )


Do = Callable[[subprocess.Popen[bytes]], None]


def both(execmap: Execmap, source: str, do: Do | None = None, **options: Any) -> tuple[Ended, Ended]:
    """The program's end without and with recording; `do` is done to the running program."""
    ends = []
    for recorded in (False, True):
        process = started(execmap, source, recorded=recorded, options=options)
        if do is not None:
            do(process)
        ends.append(Ended(process, execmap.folder))
    return ends[0], ends[1]


def recorded_steps(execmap: Execmap) -> dict[int, dict[str, Any]]:
    rows = [row for row in execmap.rows() if row["function"] == "step"]
    return {int(row["args"]["number"]): row for row in rows}


def demand_done(execmap: Execmap, ended: Ended) -> None:
    """Everything that the program reported as finished is there, with its values."""
    found = recorded_steps(execmap)
    missing = [number for number in ended.done if number not in found]
    assert not missing, f"{len(missing)} of {len(ended.done)} are missing, from {missing[0]} on"
    for number in ended.done:
        assert found[number]["result"] == str(number * 2)


def demand_same(plain: Ended, recorded: Ended) -> None:
    assert (recorded.code, recorded.out, recorded.err) == (plain.code, plain.out, plain.err)
    assert recorded.done == plain.done


def when_done(count: int) -> Callable[[subprocess.Popen[bytes]], None]:
    """Waits until the program has reported so many calls."""

    def wait(process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + 50
        done = Path("done")
        while time.monotonic() < deadline and process.poll() is None:
            if done.exists() and done.read_text().count("\n") >= count:
                return
            time.sleep(0.005)
        raise AssertionError("the program did not come so far")

    return wait


def send(*signals: int, count: int = 50) -> Do:
    """Sends signals to a program that has reported so many calls."""

    def do(process: subprocess.Popen[bytes]) -> None:
        for number in signals:
            when_done(count)(process)
            process.send_signal(number)
            time.sleep(0.2)

    return do


def run_on(execmap: Execmap, trace: Path, source: str, **options: Any) -> tuple[Ended, Execmap]:
    """Records a program whose trace lies elsewhere."""
    elsewhere = Execmap(execmap.folder, str(trace))
    return Ended(started(elsewhere, source, recorded=True, options=options), execmap.folder), elsewhere


def with_summary(execmap: Execmap, source: str, *before: str, **options: Any) -> subprocess.CompletedProcess[str]:
    script = execmap.folder / "program.py"
    script.write_text(HEAD + source, "utf-8")
    return subprocess.run(
        [*before, sys.executable, "-m", "execmap", "run", "-o", execmap.trace, script],
        capture_output=True,
        text=True,
        cwd=execmap.folder,
        check=False,
        **options,
    )
