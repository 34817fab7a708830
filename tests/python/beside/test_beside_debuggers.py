"""execmap beside debuggers: `pdb`, `breakpoint()` and debugpy, with breakpoints, steps and jumps."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from adapter_client import Client, free_port
from pairs import load, lost, need, story
from running import Execmap, python, without_addresses

SCRIPT = """
def inner(n):
    m = n + 1
    return m


def outer(n):
    a = inner(n)
    b = inner(a)
    if b > 100:
        raise ValueError(b)
    return a + b


print(outer(1))
print([outer(number) for number in range(3)])
"""

SESSIONS = {
    "breakpoints": "b inner\nc\np n\nn\np m\nu\np a if 'a' in locals() else None\nc\np n\ncl 1\nc\n",
    "conditional": "b inner, n == 2\nc\nw\nc\nr\nc\n",
    "steps": "s\nn\nn\nn\ns\ns\ns\ns\nr\nu\nd\nunt\nc\n",
    "jump": "b inner\nc\ntbreak 10\nj 4\nc\ncl 1\nc\n",
    "changed": "b inner\nc\n!n = 500\ncl 1\nc\n",
    "quit": "b outer\nc\nq\n",
}


def words_of(text: str, folder: Path) -> str:
    """Of a session, what does not depend on how long it took."""
    return re.sub(r"line \d+ in <stdin>", "", without_addresses(text)).replace(str(folder), "")


@pytest.mark.parametrize("session", SESSIONS.values(), ids=SESSIONS)
def test_pdb_under_execmap(execmap: Execmap, session: str) -> None:
    (execmap.folder / "program.py").write_text(SCRIPT, "utf-8")
    words = ["-m", "pdb", "program.py"]
    plain = python(*words, cwd=execmap.folder, stdin=session.encode())

    done = execmap.run(*words, stdin=session.encode())

    assert (done.exit_code, words_of(done.out, execmap.folder)) == (
        plain.exit_code,
        words_of(plain.out, execmap.folder),
    )
    assert words_of(done.err, execmap.folder) == words_of(plain.err, execmap.folder)
    assert lost(execmap) == []
    rows = story(load(execmap.trace).calls, "program.py")
    assert {row["outcome"] for row in rows} <= {"returned", "raised"}
    assert [row["function"] for row in rows][:2] == ["<module>", "outer"]


def test_a_breakpoint_in_the_program(execmap: Execmap) -> None:
    """Through `sys.settrace` before Python 3.14, through `sys.monitoring` from then on."""
    source = SCRIPT.replace("    m = n + 1\n", "    if n == 1:\n        breakpoint()\n    m = n + 1\n")
    (execmap.folder / "program.py").write_text(source, "utf-8")
    session = b"p n\nn\nn\nu\np n\nc\nc\nc\nc\n"
    plain = python("program.py", cwd=execmap.folder, stdin=session)

    done = execmap.run("program.py", stdin=session)

    assert (done.exit_code, done.out, done.err) == (plain.exit_code, plain.out, plain.err)
    assert plain.out.count("(Pdb)") > 5
    assert lost(execmap) == []
    rows = list(load(execmap.trace).calls)
    of_program = [row for row in rows if row["file"].endswith("program.py") and row["function"] != "<module>"]
    expected = ["outer", "inner", "inner"]
    found = [row["function"] for row in of_program if row["function"] != "<listcomp>"]
    assert found == 4 * expected
    assert {row["outcome"] for row in of_program} == {"returned"}


def test_a_breakpoint_inside_a_recording_and_around_one(execmap: Execmap) -> None:
    source = (
        SCRIPT.partition("\n\nprint")[0]
        + """

import pdb

import execmap

with execmap.record("run.execmap"):
    pdb.set_trace()
    outer(1)
pdb.set_trace()
with execmap.record("around.execmap"):
    outer(2)
"""
    )
    (execmap.folder / "program.py").write_text(source, "utf-8")
    session = b"b inner\nc\nc\nw\np n\nc\nc\nc\nc\nc\n"

    done = python("program.py", cwd=execmap.folder, stdin=session)

    assert done.exit_code == 0, done.err
    assert done.out.count("inner()") >= 4
    for name, argument in (("run", "1"), ("around", "2")):
        trace = execmap.folder / f"{name}.execmap"
        rows = list(load(trace).calls)
        assert [row["function"] for row in rows] == ["outer", "inner", "inner"]
        assert rows[0]["args"]["n"] == argument
        assert {row["outcome"] for row in rows} == {"returned"}
        assert lost(execmap, trace) == []


def debugged(words: list[str], folder: Path, mode: str) -> tuple[list[Any], str, str]:
    """A session with breakpoints: where it stopped with which variables, and what the program wrote."""
    port = free_port()
    listening = ["-m", "debugpy", "--listen", str(port), "--wait-for-client", "program.py"]
    env = {**os.environ, "PYDEVD_USE_SYS_MONITORING": mode, "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    process = subprocess.Popen(
        [sys.executable, *words, *listening], cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        client = Client(port)
        client.ask("initialize", adapterID="test", pathFormat="path", linesStartAt1=True)
        attached = client.send("attach", justMyCode=True)
        client.event("initialized")
        program = {"path": str(folder / "program.py")}
        lines = [{"line": 3}, {"line": 12, "condition": "a > 1"}]
        client.ask("setBreakpoints", source=program, breakpoints=lines)
        client.ask("setExceptionBreakpoints", filters=[])
        client.ask("configurationDone")
        client.answer_to(attached)
        stops: list[Any] = []
        while (event := client.event("stopped", "terminated"))["event"] == "stopped":
            thread = event["body"]["threadId"]
            frames = client.ask("stackTrace", threadId=thread)["stackFrames"]
            scopes = client.ask("scopes", frameId=frames[0]["id"])["scopes"]
            values = client.ask("variables", variablesReference=scopes[0]["variablesReference"])["variables"]
            shown = {each["name"]: each["value"] for each in values if each["name"] in "nmab"}
            where = [(frame["name"], frame["line"]) for frame in frames if "program.py" in str(frame["source"])]
            stops.append([event["body"]["reason"], where, shown])
            client.ask(["continue", "next"][len(stops) % 3 == 1], threadId=thread)
        client.close()
        output, errors = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, errors.decode()
    return stops, output.decode(), errors.decode()


@pytest.mark.parametrize("mode", ["1", "0"], ids=["monitoring", "settrace"])
def test_debugpy_under_execmap(execmap: Execmap, mode: str) -> None:
    need("debugpy")
    (execmap.folder / "program.py").write_text(SCRIPT, "utf-8")
    plain = debugged([], execmap.folder, mode)

    options = ["--quiet", "--no-html", "-o", str(execmap.trace)]
    done = debugged(["-m", "execmap", "run", *options], execmap.folder, mode)

    assert done == plain
    assert len(plain[0]) > 5
    # It starts programs of its own, `uname` for one.
    assert [each for each in lost(execmap) if not each.startswith("programs not followed")] == []
    rows = [row for row in load(execmap.trace).calls if row["function"] in ("inner", "outer")]
    assert [row["function"] for row in rows] == 4 * ["outer", "inner", "inner"]
    assert {row["outcome"] for row in rows} == {"returned"}


@pytest.mark.parametrize("mode", ["1", "0"], ids=["monitoring", "settrace"])
def test_recording_while_debugpy_is_attached(execmap: Execmap, mode: str) -> None:
    need("debugpy")
    recording = "\nimport execmap\n\nwith execmap.record('run.execmap'):\n    "
    (execmap.folder / "program.py").write_text(
        SCRIPT.replace("\nprint(outer(1))", f"{recording}print(outer(1))"), "utf-8"
    )

    stops, output, _ = debugged([], execmap.folder, mode)

    assert output == "5\n[3, 5, 7]\n"
    assert [stop[2] for stop in stops if stop[0] == "breakpoint"][:2] == [{"n": "1"}, {"n": "2"}]
    assert lost(execmap) == []
    rows = list(load(execmap.trace).calls)
    assert [(row["function"], row["outcome"]) for row in rows] == [
        ("outer", "returned"),
        ("inner", "returned"),
        ("inner", "returned"),
    ]
