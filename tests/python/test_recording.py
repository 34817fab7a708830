"""Recordings from Python: nested, overlapping, kept, printed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("execmap")

OVERLAP = """
import execmap

def a(): pass
def b(): pass
def c(): pass

outer, inner = execmap.record("outer.execmap"), execmap.record("inner.execmap")
outer.start(); a()
inner.start(); b()
{first}.stop(); c()
{second}.stop()
names = lambda recording: [row["function"] for row in recording.trace.calls]
print(names(outer), names(inner))
print([row["start_ns"] < 10**9 for recording in (outer, inner) for row in recording.trace.calls])
with execmap.record() as again:
    a()
print(names(again), outer.path, inner.path)
"""


def run(source: str, folder: Path) -> str:
    (folder / "program.py").write_text(source, "utf-8")
    done = subprocess.run([sys.executable, "program.py"], cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_an_inner_recording_is_a_window(tmp_path: Path) -> None:
    out = run(OVERLAP.format(first="inner", second="outer"), tmp_path)

    assert out.splitlines() == [
        "['a', 'b', 'c'] ['b']",
        "[True, True, True, True]",
        "['a'] outer.execmap inner.execmap",
    ]


def test_a_recording_that_ends_before_one_inside_it_keeps_its_own(tmp_path: Path) -> None:
    out = run(OVERLAP.format(first="outer", second="inner"), tmp_path)

    assert out.splitlines() == [
        "['a', 'b'] ['b', 'c']",
        "[True, True, True, True]",
        "['a'] outer.execmap inner.execmap",
    ]
    assert sorted(path.name for path in tmp_path.glob("*.execmap*")) == ["inner.execmap", "outer.execmap"]


def test_a_recording_is_complete_when_its_block_raises(tmp_path: Path) -> None:
    out = run(
        """
import execmap

def fails(): raise ValueError("no")

recording = execmap.record()
try:
    with recording:
        fails()
except ValueError as error:
    print(error)
[row] = recording.trace.calls
print(row["outcome"], row["exception"], recording.trace.info["complete"])
""",
        tmp_path,
    )

    assert out.splitlines() == ["no", "raised ValueError: no True"]


def test_the_decorator_prints_the_tree(tmp_path: Path) -> None:
    out = run(
        """
import execmap

def half(n): return n // 2

@execmap.trace
def quarter(n): return half(half(n))

print(quarter(8))
""",
        tmp_path,
    )

    lines = [line.split("   ")[0] for line in out.splitlines()]
    assert lines == ["program.quarter(n=8) → 2", "├─ program.half(n=8) → 4", "└─ program.half(n=4) → 2", "2"]


def test_a_trace_can_be_kept_and_opened_again(tmp_path: Path) -> None:
    out = run(
        """
import execmap

def f(n): return n

with execmap.record() as recording:
    for n in range(3): f(n)
recording.trace.save("kept.execmap")
trace = execmap.load("kept.execmap")
print(len(trace.calls), trace.calls[-1]["args"], trace.calls["result"], [row["handle"] for row in trace.calls[1:]])
print(str(trace.stats()).split()[-2:], "sequenceDiagram" in str(trace.map()))
""",
        tmp_path,
    )

    first, second = out.splitlines()
    assert first == "3 {'n': '2'} ['0', '1', '2'] ['c-1', 'c-2']"
    assert second.endswith("True")
