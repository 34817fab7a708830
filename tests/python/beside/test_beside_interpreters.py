"""Interpreters inside the process: not recorded, which is said; the main one is recorded as ever."""

from __future__ import annotations

import sys

import pytest
from pairs import load, lost
from running import Execmap, python

NOT_FOLLOWED = "not followed: subinterpreters: only the main interpreter is recorded"

MODULE = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"

INSIDE = """
def g(n):
    return n

g(1)
try:
    import execmap
    with execmap.record("inside.execmap"):
        g(2)
except ImportError as error:
    print(error)
"""

SOURCE = f"""
import {MODULE} as interpreters


def f(n):
    return n


f(0)
for n in range(3):
    inner = interpreters.create()
    interpreters.run_string(inner, {INSIDE!r})
    f(n + 1)
    interpreters.destroy(inner)
f(4)
"""

REFUSED = "module execmap._core does not support loading in subinterpreters"


def calls(execmap: Execmap, name: str = "run") -> list[str]:
    rows = load(execmap.folder / f"{name}.execmap").calls
    return [row["args"]["n"] for row in rows if row["function"] == "f"]


def test_interpreters_inside_a_recorded_program(execmap: Execmap) -> None:
    (execmap.folder / "program.py").write_text(SOURCE, "utf-8")
    plain = python("program.py", cwd=execmap.folder)

    done = execmap.run("program.py")

    assert (
        (done.exit_code, done.out, done.err) == (plain.exit_code, plain.out, plain.err) == (0, 3 * f"{REFUSED}\n", "")
    )
    assert calls(execmap) == ["0", "1", "2", "3", "4"]
    assert lost(execmap) == [NOT_FOLLOWED]
    assert load(execmap.trace).info["left_out"] == {"not followed": 3}
    assert not (execmap.folder / "inside.execmap").exists()


def test_an_interpreter_that_is_there_when_recording_begins(execmap: Execmap) -> None:
    source = f"""
import {MODULE} as interpreters
import execmap


def f(n):
    return n


gone, stays = interpreters.create(), interpreters.create()
interpreters.destroy(gone)
with execmap.record("one.execmap"):
    f(1)
interpreters.destroy(stays)
with execmap.record("two.execmap"):
    f(2)
    with execmap.record("three.execmap"):
        inner = interpreters.create()
        f(3)
    f(4)
interpreters.destroy(inner)
"""
    (execmap.folder / "program.py").write_text(source, "utf-8")
    done = python("program.py", cwd=execmap.folder)

    assert (done.exit_code, done.err) == (0, "")
    assert calls(execmap, "one") == ["1"]
    assert calls(execmap, "two") == ["2", "3", "4"]
    assert calls(execmap, "three") == ["3"]
    for name in ("one", "two", "three"):
        trace = execmap.folder / f"{name}.execmap"
        assert lost(execmap, trace) == [NOT_FOLLOWED]
        assert load(trace).info["left_out"] == {"not followed": 1}


def test_interpreters_on_threads_of_their_own(execmap: Execmap) -> None:
    source = f"""
import threading
import {MODULE} as interpreters


def run(n):
    inner = interpreters.create()
    interpreters.run_string(inner, "def g(n): return n if n < 2 else g(n - 1) + g(n - 2)\\nassert g(12) == 144")
    interpreters.destroy(inner)
    f(n)


def f(n):
    return n


threads = [threading.Thread(target=run, args=(n,)) for n in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("done")
"""
    (execmap.folder / "program.py").write_text(source, "utf-8")
    done = execmap.run("program.py")

    assert (done.exit_code, done.out, done.err) == (0, "done\n", "")
    assert sorted(calls(execmap)) == ["0", "1", "2", "3", "4", "5"]
    assert {row["outcome"] for row in load(execmap.trace).calls} == {"returned"}
    assert load(execmap.trace).info["left_out"] == {"not followed": 6}


@pytest.mark.skipif(sys.version_info < (3, 14), reason="concurrent.interpreters is new in Python 3.14")
def test_a_pool_of_interpreters(execmap: Execmap) -> None:
    (execmap.folder / "jobs.py").write_text("def double(n):\n    return 2 * n\n", "utf-8")
    source = """
from concurrent.futures import InterpreterPoolExecutor

import jobs


def main():
    with InterpreterPoolExecutor(2) as pool:
        return list(pool.map(jobs.double, range(4)))


if __name__ == "__main__":
    print(main())
"""
    (execmap.folder / "program.py").write_text(source, "utf-8")
    done = execmap.run("program.py")

    assert (done.exit_code, done.out, done.err) == (0, "[0, 2, 4, 6]\n", "")
    assert {row["function"] for row in load(execmap.trace).calls} >= {"main"}
    assert lost(execmap) == [NOT_FOLLOWED]
