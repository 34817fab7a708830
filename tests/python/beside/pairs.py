"""Two tools in one process: execmap and another one, started and stopped in every order.

A tool is a few lines of Python: what starts it, what stops it, and what its result is. The same program is run
three times in each order: with both, with the tool alone and with execmap alone. Each has to say with both what it says
alone.
"""

from __future__ import annotations

import importlib.util
import json
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from running import Done, Execmap, python

Row = dict[str, Any]

SUBJECT = """
import contextlib
import threading


class Account:
    def __init__(self, owner):
        self.owner = owner
        self.entries = []

    @property
    def total(self):
        return sum(amount for amount in self.entries)

    def book(self, amount):
        if amount < 0:
            raise ValueError(amount)
        self.entries.append(amount)
        return len(self.entries)


def fib(n):
    if n < 2:
        return n
    return fib(n - 1) + fib(n - 2)


def numbers(n):
    for number in range(n):
        try:
            yield number
        finally:
            passed(number)


def passed(number):
    return number


def caught(account, amount):
    try:
        return account.book(amount)
    except ValueError as error:
        return str(error)


@contextlib.contextmanager
def opened(name):
    yield Account(name)


async def later(number):
    return await sooner(number) + 1


async def sooner(number):
    return number


def driven(coroutine):
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value


def in_a_thread(number):
    thread = threading.Thread(target=fib, args=(number,))
    thread.start()
    thread.join()


def work(n):
    with opened("ada") as account:
        for number in numbers(n):
            caught(account, number if number % 2 else -number - 1)
        squares = [number * number for number in range(n) if number]
        driven(later(n))
        in_a_thread(3)
        return fib(n), account.total, len(squares), [passed(each) for each in numbers(2)]
"""

ORDERS = {
    "tool around execmap": "T R w r t",
    "execmap around tool": "R T w t r",
    "tool first and ended first": "T R w t w r",
    "execmap first and ended first": "R T w r w t",
    "tool in the middle": "R w T w t w r",
    "execmap in the middle": "T w R w r w t",
    "tool twice": "R T w t w T w t r",
    "execmap twice": "T R w r w R w r t",
}
"""What happens one after the other: the tool starts (T) and stops (t), recording starts (R) and stops (r), work (w)."""

every_order = pytest.mark.parametrize(
    "order",
    [
        pytest.param(steps, id=name, marks=[] if "around" in name else pytest.mark.slow)
        for name, steps in ORDERS.items()
    ],
)
"""The two plain orders every time, the others when slow tests are asked for."""


@dataclass(frozen=True, slots=True)
class Tool:
    """Another tool, in lines of a program; `result` is the list that it adds what it has seen to."""

    start: str
    stop: str
    imports: str = ""
    package: str | None = None
    """What has to be installed for it."""
    env: tuple[tuple[str, str], ...] = ()

    def skip_if_missing(self) -> None:
        if self.package is not None:
            need(self.package)


def need(package: str) -> None:
    """Skips the test where a package is not installed, which is where it has no wheel."""
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed: it has no wheel for this Python")


def program(tool: Tool | None, order: str) -> str:
    """The program of one order; without the tool or without execmap when the order names neither."""
    steps = {
        "T": tool.start if tool else "",
        "t": tool.stop if tool else "",
        "R": """
            recording = execmap.record(f"window{len(recordings)}.execmap")
            recordings.append(recording)
            recording.start()
        """,
        "r": "recording.stop()",
        "w": "outputs.append(subject.work(6))",
    }
    head = "import execmap\n" if "R" in order else ""
    lines = [
        "import json, os, sys, threading",
        "import subject",
        "SUBJECT = os.path.abspath(subject.__file__)",
        head + (textwrap.dedent(tool.imports) if tool else ""),
        "result, outputs, recordings = [], [], []",
        *(textwrap.dedent(steps[step]) for step in order.split()),
        'print(json.dumps({"result": result, "outputs": outputs}))',
    ]
    return "\n".join(lines) + "\n"


def without(order: str, letters: str) -> str:
    return " ".join(step for step in order.split() if step not in letters)


def told(execmap: Execmap, tool: Tool | None, order: str) -> tuple[Any, list[list[Row]]]:
    """What the program prints, and the rows of the subject in each of its traces."""
    folder = execmap.folder
    (folder / "subject.py").write_text(SUBJECT, "utf-8")
    for old in folder.glob("window*"):
        old.unlink()
    script = folder / "program.py"
    script.write_text(program(tool, order), "utf-8")
    done = python(script, cwd=folder, env=dict(tool.env) if tool else None)
    assert (done.exit_code, done.err) == (0, ""), done.err
    traces = sorted(folder.glob("window*.execmap"))
    return json.loads(done.out), [story(load(trace).calls) for trace in traces]


def story(rows: Iterable[Row], file: str = "subject.py") -> list[Row]:
    """The calls of one file without what no two runs have in common; parents by their place among these calls."""
    mine = [row for row in rows if Path(row["file"] or "").name == file]
    places = {row["handle"]: place for place, row in enumerate(mine)}
    kept = ("function", "line", "call_line", "args", "result", "outcome", "exception")
    return [
        {key: row[key] for key in kept}
        | {"parent": places.get(row["parent"]), "created_by": places.get(row["created_by"])}
        | {"main": row["thread"] == "t-0"}
        for row in mine
    ]


def check(execmap: Execmap, tool: Tool, order: str) -> None:
    """Both tools say together what each says alone."""
    tool.skip_if_missing()
    of_both, rows_of_both = told(execmap, tool, order)
    of_tool, _ = told(execmap, tool, without(order, "Rr"))
    of_execmap, rows_of_execmap = told(execmap, None, without(order, "Tt"))

    assert of_tool["result"], "the tool alone saw nothing"
    assert of_both["outputs"] == of_tool["outputs"] == of_execmap["outputs"]
    assert of_both["result"] == of_tool["result"]
    assert len(rows_of_execmap) == order.count("R")
    assert all(rows_of_execmap)
    assert rows_of_both == rows_of_execmap
    for trace in execmap.folder.glob("window*.execmap"):
        assert lost(execmap, trace) == []


def lost(execmap: Execmap, trace: Path | None = None) -> list[str]:
    """What a trace says is missing from it, but for values that are too large."""
    left_out = load(trace or execmap.trace).info["left_out_detail"]
    return [f"{reason}: {'; '.join(details)}" for reason, details in left_out.items() if reason != "values cut"]


def load(trace: Path) -> Any:
    """A trace, read in this process, which is faster than a command."""
    import execmap

    return execmap.load(trace)


def run_beside(execmap: Execmap, *words: str, env: dict[str, str] | None = None) -> tuple[Done, Done]:
    """`python WORDS` without execmap, and the same under `execmap run`."""
    plain = python(*words, cwd=execmap.folder, env=env)
    return plain, execmap.run(*words, env=env)
