"""Bad input: one clear line of what happened and what to do; the program's own behaviour unchanged; nothing lost."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from running import TIMEOUT_S, Done, Execmap, python

FIB = "def fib(n):\n    return n if n < 2 else fib(n - 1) + fib(n - 2)\n\n\nprint(fib(15))\n"
READERS = (
    ["info"],
    ["tree"],
    ["stats"],
    ["map"],
    ["export", "-f", "ndjson"],
    ["export", "-f", "json"],
    ["export", "-f", "mermaid"],
)


@pytest.fixture
def trace(execmap: Execmap) -> bytes:
    """A sound trace, as bytes."""
    execmap.record(FIB)
    return execmap.trace.read_bytes()


def assert_refused(done: Done, *words: str) -> None:
    """The command said in one line what was wrong, and to what."""
    assert done.exit_code == 2, done.err
    assert done.out == ""
    [line] = done.err.splitlines()
    assert line.startswith("error: ")
    assert [word for word in words if word not in line] == []


def assert_no_crash(done: Done) -> None:
    assert done.exit_code in (0, 1, 2), (done.exit_code, done.err)
    assert "Traceback" not in done.err
    assert "panicked" not in done.err


# --- traces ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reader", READERS, ids=" ".join)
def test_a_trace_that_is_not_there_is_refused(reader: list[str], execmap: Execmap) -> None:
    assert_refused(execmap.command(*reader, "nowhere.execmap"), "nowhere.execmap")


@pytest.mark.parametrize("reader", READERS, ids=" ".join)
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.execmap", b""),
        ("text.execmap", b"this is not a trace\n" * 100),
        ("page.execmap", b"<!doctype html><title>x</title>"),
        ("zip.execmap", b"PK\x03\x04" + bytes(200)),
        ("zeros.execmap", bytes(10_000)),
        ("report.json", b'{"a": 1}'),
    ],
)
def test_a_file_that_is_no_trace_is_refused(name: str, content: bytes, reader: list[str], execmap: Execmap) -> None:
    (execmap.folder / name).write_bytes(content)

    assert_refused(execmap.command(*reader, name), name)


def test_a_folder_in_place_of_a_trace_is_refused(execmap: Execmap) -> None:
    (execmap.folder / "folder.execmap").mkdir()

    assert_refused(execmap.command("info", "folder.execmap"), "folder.execmap")


def test_no_trace_at_all_is_said(execmap: Execmap) -> None:
    assert_refused(execmap.command("info"), "execmap run")


def test_a_trace_of_a_newer_execmap_is_refused_and_the_way_out_named(trace: bytes, execmap: Execmap) -> None:
    (execmap.folder / "newer.execmap").write_bytes(trace[:8] + struct.pack("<H", 999) + trace[10:])

    assert_refused(execmap.command("info", "newer.execmap"), "newer", "999", "upgrade")


def test_a_truncated_trace_opens_as_far_as_it_goes_and_says_so(trace: bytes, execmap: Execmap) -> None:
    cut = execmap.folder / "cut.execmap"
    for length in sorted(
        {*range(0, len(trace), max(1, len(trace) // 40)), *range(0, min(80, len(trace))), len(trace) - 1}
    ):
        cut.write_bytes(trace[:length])
        done = execmap.command("info", "--json", cut)
        assert_no_crash(done)
        if done.exit_code == 0:
            info = json.loads(done.out)
            assert info["complete"] is False
            assert info["calls"] <= 1974
        else:
            assert_refused(done, "cut.execmap")


def test_a_corrupted_trace_never_crashes_a_reader(trace: bytes, execmap: Execmap) -> None:
    bad = execmap.folder / "bad.execmap"
    for at in range(0, len(trace), max(1, len(trace) // 60)):
        bad.write_bytes(trace[:at] + bytes([trace[at] ^ 0xFF]) + trace[at + 1 :])
        for reader in (["info"], ["export", "-f", "ndjson"]):
            done = execmap.command(*reader, bad)
            assert_no_crash(done)
            if done.exit_code == 0 and reader[0] == "export":
                for line in done.out.splitlines():
                    json.loads(line)


def test_an_unknown_format_and_an_unknown_command_are_refused_with_those_there_are(
    trace: bytes, execmap: Execmap
) -> None:
    done = execmap.command("export", "-f", "hologram", execmap.trace)
    assert done.exit_code == 2
    assert "hologram" in done.err
    assert "mermaid" in done.err
    assert execmap.command("explode").exit_code == 2


# --- programs that do not run ---------------------------------------------------------------------------------------


def test_a_script_that_is_not_there_is_refused(execmap: Execmap) -> None:
    done = execmap.run("nowhere.py")

    assert_refused(done, "nowhere.py")
    assert not execmap.trace.exists()


def test_run_without_a_program_explains_itself(execmap: Execmap) -> None:
    done = execmap.command("run")

    assert done.exit_code == 2
    assert "execmap run" in done.err
    assert "Traceback" not in done.err


def test_a_syntax_error_is_shown_as_python_shows_it(execmap: Execmap) -> None:
    (execmap.folder / "program.py").write_text("def f(:\n    pass\n", "utf-8")

    assert execmap.run("program.py") == python("program.py", cwd=execmap.folder)


@pytest.mark.parametrize(("source", "code"), [("raise SystemExit(4)\n", 4), ("import os; os._exit(5)\n", 5), ("", 0)])
def test_a_program_that_ends_in_its_first_line_has_a_trace(source: str, code: int, execmap: Execmap) -> None:
    (execmap.folder / "program.py").write_text(source, "utf-8")

    assert execmap.run("program.py").exit_code == code
    [row] = execmap.rows()
    ending = {4: ("raised", "SystemExit: 4"), 5: ("unfinished", None), 0: ("returned", None)}[code]
    assert (row["function"], row["outcome"], row["exception"]) == ("<module>", *ending)


@pytest.mark.parametrize("output", ["no/such/folder/run.execmap", "folder.execmap", "/proc/run.execmap"])
def test_an_output_that_cannot_be_written_is_said(output: str, execmap: Execmap) -> None:
    (execmap.folder / "program.py").write_text(FIB, "utf-8")
    (execmap.folder / "folder.execmap").mkdir()

    done = execmap.command("run", "--quiet", "--no-html", "-o", output, "program.py")

    assert_no_crash(done)
    assert len([line for line in done.err.splitlines() if output in line]) == 1
    assert done.exit_code == 2 or done.out == "610\n"


def test_a_file_that_is_no_trace_is_never_overwritten(execmap: Execmap) -> None:
    (execmap.folder / "program.py").write_text(FIB, "utf-8")
    (execmap.folder / "notes.execmap").write_text("not a trace", "utf-8")
    (execmap.folder / "program.html").write_text("a page of somebody's own", "utf-8")

    for output in ("program.py", "notes.execmap", "program.execmap"):
        done = execmap.command("run", "--quiet", "-o", output, "program.py")
        assert_no_crash(done)
        assert done.exit_code == 2 or done.out == "610\n"

    assert (execmap.folder / "program.py").read_text("utf-8") == FIB
    assert (execmap.folder / "notes.execmap").read_text("utf-8") == "not a trace"
    assert (execmap.folder / "program.html").read_text("utf-8") == "a page of somebody's own"


# --- programs that get in the way -----------------------------------------------------------------------------------


def assert_unchanged(execmap: Execmap, source: str) -> list[dict[str, object]]:
    """The program does under execmap what it does without; the rows."""
    (execmap.folder / "program.py").write_text(source, "utf-8")
    plain = python("program.py", cwd=execmap.folder)

    recorded = execmap.run("program.py")

    assert (recorded.out, recorded.err, recorded.exit_code) == (plain.out, plain.err, plain.exit_code)
    return execmap.rows()


def functions(rows: list[dict[str, object]]) -> list[object]:
    return [row["function"] for row in rows]


def test_all_tool_ids_taken_is_said_with_their_owners(execmap: Execmap) -> None:
    (execmap.folder / "program.py").write_text(
        """
import sys

for number in range(6):
    sys.monitoring.use_tool_id(number, f"owner-{number}")

import execmap

try:
    execmap.record().start()
except execmap.TraceError as error:
    print(error)
""",
        "utf-8",
    )

    done = python("program.py", cwd=execmap.folder)

    assert done.exit_code == 0
    [line] = done.out.splitlines()
    assert all(f"owner-{number}" in line for number in (2, 3, 4, 5))


def test_tool_ids_that_are_taken_are_left_to_their_owners(execmap: Execmap) -> None:
    rows = assert_unchanged(
        execmap,
        """
import sys

seen = []
sys.monitoring.use_tool_id(1, "mine")
sys.monitoring.register_callback(1, sys.monitoring.events.PY_START, lambda code, offset: seen.append(code.co_name))
sys.monitoring.set_events(1, sys.monitoring.events.PY_START)


def f():
    pass


f()
sys.monitoring.set_events(1, 0)
f()
sys.monitoring.free_tool_id(1)
print(seen, sys.monitoring.get_tool(1))
""",
    )

    assert functions(rows).count("f") == 2


def test_a_recording_inside_a_run_is_a_window_of_it(execmap: Execmap) -> None:
    (execmap.folder / "program.py").write_text(
        """
import execmap


def before():
    pass


def inside():
    nested()


def nested():
    pass


before()
with execmap.record("outer.execmap"):
    inside()
    with execmap.record("inner.execmap"):
        nested()
before()
""",
        "utf-8",
    )

    done = execmap.run("program.py")

    assert (done.exit_code, done.err) == (0, "")
    assert functions(execmap.rows()) == ["<module>", "before", "inside", "nested", "nested", "before"]
    assert functions(execmap.rows(execmap.folder / "outer.execmap")) == ["inside", "nested", "nested"]
    assert functions(execmap.rows(execmap.folder / "inner.execmap")) == ["nested"]


def test_a_program_that_calls_os_exit_keeps_what_was_recorded(execmap: Execmap) -> None:
    rows = assert_unchanged(execmap, "import os\n\n\ndef f(n):\n    return n\n\n\nf(1)\nf(2)\nos._exit(3)\n")

    assert functions(rows) == ["<module>", "f", "f"]
    assert rows[0]["outcome"] == "unfinished"
    assert execmap.info()["complete"] is False


def test_a_program_that_is_killed_keeps_what_was_recorded(execmap: Execmap) -> None:
    rows = assert_unchanged(
        execmap,
        "import os\n\n\ndef f(n):\n    return n\n\n\nfor n in range(5000):\n    f(n)\nos.kill(os.getpid(), 9)\n",
    )

    assert len(rows) == 5001
    assert rows[-1]["args"] == {"n": "4999"}
    info = execmap.info()
    assert (info["complete"], info["recovered"], info["calls"]) == (False, True, 5001)


def test_a_program_that_forks_goes_on_in_both_processes(execmap: Execmap) -> None:
    rows = assert_unchanged(
        execmap,
        """
import os
import sys


def in_parent(n):
    return n


def in_child(n):
    return n


in_parent(1)
child = os.fork()
if child == 0:
    in_child(1)
    print("child", flush=True)
    sys.exit(7)
_, status = os.waitpid(child, 0)
print("parent", os.waitstatus_to_exitcode(status))
in_parent(2)
""",
    )

    assert [row["function"] for row in rows if row["process"] == "p-0"] == ["<module>", "in_parent", "in_parent"]
    [child] = [path for path in execmap.folder.glob("run.execmap.*") if not path.name.endswith(".part")]
    assert "in_child" in functions(execmap.rows(child))


def test_a_fork_warns_of_nothing(execmap: Execmap) -> None:
    assert_unchanged(
        execmap,
        """
import os
import warnings

warnings.simplefilter("error")


def f(n):
    return [n] * 10


for n in range(50_000):
    f(n)
for _ in range(3):
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
print("forked")
""",
    )


def test_a_program_that_replaces_the_exception_hook_gets_its_exception(execmap: Execmap) -> None:
    rows = assert_unchanged(
        execmap,
        """
import sys


def hook(kind, error, traceback):
    print("hook", error)


sys.excepthook = hook


def f():
    raise ValueError("for the hook")


f()
""",
    )

    assert functions(rows) == ["<module>", "f", "hook"]


def test_a_program_that_deletes_modules_at_its_end_keeps_its_trace(execmap: Execmap) -> None:
    rows = assert_unchanged(
        execmap,
        """
import atexit
import sys


def wreck():
    for name in list(sys.modules):
        if name not in ("sys", "builtins"):
            del sys.modules[name]
    sys.path.clear()
    sys.meta_path.clear()


def f():
    return 1


atexit.register(wreck)
f()
""",
    )

    assert functions(rows)[:2] == ["<module>", "f"]


def test_a_program_that_changes_its_folder_keeps_its_trace(execmap: Execmap) -> None:
    (execmap.folder / "elsewhere").mkdir()
    (execmap.folder / "program.py").write_text("import os\n\nos.chdir('elsewhere')\nos.environ.clear()\n", "utf-8")

    done = execmap.command("run", "--quiet", "program.py")

    assert (done.exit_code, done.err) == (0, "")
    assert sorted(path.name for path in execmap.folder.iterdir()) == [
        "elsewhere",
        "program.execmap",
        "program.html",
        "program.py",
    ]


def test_a_program_that_closes_its_files_keeps_its_trace(execmap: Execmap) -> None:
    rows = assert_unchanged(
        execmap, "import os\n\n\ndef f():\n    pass\n\n\nf()\nprint('said', flush=True)\nos.closerange(0, 256)\nf()\n"
    )

    assert functions(rows) == ["<module>", "f", "f"]


def test_a_program_with_a_trace_function_of_its_own_sees_all_of_its_events(execmap: Execmap) -> None:
    rows = assert_unchanged(
        execmap,
        """
import sys

seen = []


def tracer(frame, event, arg):
    seen.append((event, frame.f_code.co_name, frame.f_lineno))
    return tracer


def f(n):
    m = n + 1
    return m


f(1)
sys.settrace(tracer)
f(2)
sys.settrace(None)
sys.setprofile(lambda frame, event, arg: seen.append((event, frame.f_code.co_name)))
f(3)
sys.setprofile(None)
f(4)
print(seen)
""",
    )

    assert [row["args"] for row in rows if row["function"] == "f"] == [{"n": str(n)} for n in (1, 2, 3, 4)]


@pytest.mark.parametrize(
    "name", ["__repr__", "__eq__", "__hash__", "__getattribute__", "__class__", "__del__", "__str__", "__len__"]
)
def test_a_program_whose_objects_raise_is_not_disturbed(name: str, execmap: Execmap) -> None:
    made = f"property({name}_)" if name == "__class__" else f"{name}_"
    rows = assert_unchanged(
        execmap,
        f"""
import sys

sys.unraisablehook = lambda what: print("unraisable", what.exc_value)


def {name}_(*args):
    raise RuntimeError("{name}")


Thing = type("Thing", (), {{"{name}": {made}}})


def f(thing):
    return [thing]


def g(thing):
    raise ValueError(1)


f(Thing())
try:
    g(Thing())
except ValueError as error:
    print(error)
""",
    )

    [row] = [row for row in rows if row["function"] == "f"]
    assert (row["args"], row["result"]) == ({"thing": "<Thing>"}, "[<Thing>]")


def test_a_python_that_is_too_old_is_told_so(execmap: Execmap) -> None:
    old = next((path for name in ("python3.11", "python3.10", "python3.9") if (path := shutil.which(name))), None)
    if old is None or subprocess.run([old, "-c", ""], capture_output=True, check=False).returncode != 0:
        pytest.skip("there is no Python below 3.12 on this machine")
    spec = importlib.util.find_spec("execmap")
    assert spec is not None
    assert spec.submodule_search_locations
    above = str(Path(spec.submodule_search_locations[0]).parent)

    done = subprocess.run(
        [old, "-m", "execmap", "run", "program.py"],
        cwd=execmap.folder,
        env={**os.environ, "PYTHONPATH": above},
        capture_output=True,
        timeout=TIMEOUT_S,
        check=False,
    )

    assert done.returncode == 2
    [line] = done.stderr.decode().splitlines()
    assert "3.12" in line
