"""Programs with child processes, run plainly and recorded, and the processes of their traces."""

from __future__ import annotations

import json
import textwrap
import time
from pathlib import Path
from typing import Any

from running import Done, Execmap, python


def run_both(execmap: Execmap, source: str, *argv: str) -> tuple[Done, Done]:
    """A program without execmap and with it."""
    script = execmap.folder / "program.py"
    script.write_text(textwrap.dedent(source), "utf-8")
    plain = python(script, *argv, cwd=execmap.folder)
    return plain, execmap.run(script, *argv)


def same_story(execmap: Execmap, source: str, *argv: str) -> list[dict[str, Any]]:
    """Runs a program both ways: it may not notice. Gives the processes of the trace."""
    plain, recorded = run_both(execmap, source, *argv)
    assert (recorded.exit_code, recorded.out, recorded.err) == (plain.exit_code, plain.out, plain.err)
    return processes(execmap)


def processes(execmap: Execmap) -> list[dict[str, Any]]:
    done = execmap.command("export", "-f", "json", execmap.trace)
    assert done.exit_code == 0, done.err
    return list(json.loads(done.out)["processes"])


def calls_of(execmap: Execmap, process: str) -> list[str]:
    return [row["function"] for row in execmap.rows() if row["process"] == process]


def creator(execmap: Execmap, process: dict[str, Any]) -> str | None:
    """The function that ran when a process was started."""
    by_handle = {row["handle"]: row["function"] for row in execmap.rows()}
    return by_handle.get(process["created_by"])


def side_files(execmap: Execmap) -> list[Path]:
    return sorted(execmap.folder.glob("*.part"))


def wait_until(holds: Any) -> None:
    """Waits for what another process does."""
    for _ in range(400):
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError("what was waited for does not come")


FORK_ONCE = """
    import os
    import sys

    def work(n):
        return n * 2

    def start():
        pid = os.fork()
        if pid == 0:
            work(2)
            sys.exit(3)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    work(1)
    print(start())
"""
