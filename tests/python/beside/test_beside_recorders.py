"""Two recorders, and what happens to the id of `sys.monitoring` that a recorder holds."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from pairs import load, lost
from running import Done, Execmap, python


def run(execmap: Execmap, source: str, *argv: str) -> Done:
    """Runs a program that uses execmap itself; it has to end well and say nothing on the error stream."""
    (execmap.folder / "program.py").write_text(source, "utf-8")
    done = python("program.py", *argv, cwd=execmap.folder)
    assert (done.exit_code, done.err) == (0, "")
    return done


def arguments(trace: Path, function: str = "f") -> list[str]:
    return [row["args"]["n"] for row in load(trace).calls if row["function"] == function]


def test_a_program_that_records_itself_under_execmap_run(execmap: Execmap) -> None:
    (execmap.folder / "program.py").write_text(
        """
import execmap


def f(n):
    return n


f(0)
with execmap.record("outer.execmap"):
    f(1)
    with execmap.record("inner.execmap"):
        f(2)
    f(3)
f(4)
""",
        "utf-8",
    )
    done = execmap.run("program.py")

    assert (done.exit_code, done.err) == (0, "")
    found = [arguments(execmap.folder / name) for name in ("run.execmap", "outer.execmap", "inner.execmap")]
    assert found == [["0", "1", "2", "3", "4"], ["1", "2", "3"], ["2"]]
    assert lost(execmap) == []


def test_execmap_run_of_execmap_run(execmap: Execmap) -> None:
    (execmap.folder / "program.py").write_text("def f(n):\n    return n\n\n\nprint(f(1))\n", "utf-8")

    done = execmap.run("-m", "execmap", "run", "--quiet", "--no-html", "-o", "inner.execmap", "program.py")

    assert (done.exit_code, done.out) == (0, "1\n")
    assert done.err == f"execmap: {execmap.trace} ends here: the program is recorded into inner.execmap\n"
    assert arguments(execmap.folder / "inner.execmap") == ["1"]
    assert load(execmap.trace).info["complete"]
    assert not list(execmap.folder.glob("*.part"))


@pytest.mark.parametrize(
    "words", [("-m", "cProfile"), ("-m", "trace", "--trace", "--module"), ("-m", "coverage", "run")], ids="-".join
)
def test_a_tool_around_the_command_is_told_that_it_will_see_nothing(execmap: Execmap, words: tuple[str, ...]) -> None:
    if "coverage" in words:
        pytest.importorskip("coverage")
    (execmap.folder / "program.py").write_text("def f(n):\n    return n\n\n\nprint(f(1))\n", "utf-8")
    module = [] if "--module" in words else ["-m"]

    done = python(*words, *module, "execmap", "run", "--quiet", "--no-html", "program.py", cwd=execmap.folder)

    assert done.exit_code == 0
    assert done.out.endswith("1\n")
    assert "in this process sees nothing of the program, which runs in its place: start it inside" in done.err
    assert arguments(execmap.folder / "program.execmap") == ["1"]


COPIES = """
import os
import pathlib
import shutil
import sys

import execmap._core
import execmap._recording

one = execmap._recording
shutil.copytree(pathlib.Path(one.__file__).parent, "copy/execmap")
for name in [name for name in sys.modules if name.partition(".")[0] == "execmap"]:
    del sys.modules[name]
sys.path.insert(0, os.path.abspath("copy"))
import execmap._recording

two = execmap._recording
assert one.__file__ != two.__file__
assert one._core is not two._core


def f(n):
    return [g(n) for _ in range(2)]


def g(n):
    if n == 2:
        raise ValueError(n)
    yield n


def names():
    found = [sys.monitoring.get_tool(number) for number in range(6)]
    return "".join("e" if name == "execmap" else "." for name in found)


first = one.record("one.execmap", exclude=["copy/*"])
second = two.record("two.execmap", exclude=["copy/*"])
f(0)
first.start()
f(1)
second.start()
f(2)
print(names())
first.stop()
f(3)
second.stop()
f(4)
second = two.record("three.execmap", exclude=["copy/*"])
with second:
    with one.record("four.execmap", exclude=["copy/*"]):
        f(5)
    f(6)
print(names())
"""


def test_two_copies_of_execmap_in_one_process(execmap: Execmap) -> None:
    done = run(execmap, COPIES)

    assert done.out.split() == ["...ee.", "......"]
    found = [arguments(execmap.folder / f"{name}.execmap") for name in ("one", "two", "three", "four")]
    assert found == [["1", "2"], ["2", "3"], ["5", "6"], ["5"]]
    for name in ("one", "two", "three", "four"):
        assert lost(execmap, execmap.folder / f"{name}.execmap") == []


def test_the_same_files_loaded_twice_share_one_recorder(execmap: Execmap) -> None:
    source = """
import sys

import execmap._recording

one = execmap._recording
for name in [name for name in sys.modules if name.partition(".")[0] == "execmap"]:
    del sys.modules[name]
import execmap._recording

two = execmap._recording
assert one is not two


def f(n):
    return n


with one.record("one.execmap"):
    f(1)
    with two.record("two.execmap"):
        f(2)
    f(3)
print([sys.monitoring.get_tool(number) for number in range(6)])
first = one.record("three.execmap")
second = two.record("four.execmap")
first.start()
f(4)
second.start()
f(5)
first.stop()
try:
    second.stop()
except execmap.TraceError as error:
    print(error)
"""
    done = run(execmap, source)

    assert done.out.splitlines() == [
        "[None, None, None, None, None, None]",
        "the recording around this one has ended before it",
    ]
    found = [arguments(execmap.folder / f"{name}.execmap") for name in ("one", "two", "three")]
    assert found == [["1", "2", "3"], ["2"], ["4", "5"]]


TAKEN = """
import sys

for number in range(6):
    sys.monitoring.use_tool_id(number, f"tool{number}")
"""

REFUSAL = (
    "no id of sys.monitoring is free for execmap (2 to 5 will do; taken are 0: tool0, 1: tool1, 2: tool2, "
    "3: tool3, 4: tool4, 5: tool5); end one of these tools and run again"
)


def test_without_a_free_id_the_owners_are_named(execmap: Execmap) -> None:
    source = """
import execmap

try:
    with execmap.record("run.execmap"):
        print("not reached")
except execmap.TraceError as error:
    print(error)
sys.monitoring.free_tool_id(2)
with execmap.record("run.execmap"):
    (lambda n: n)(1)
print([sys.monitoring.get_tool(number) for number in range(6)])
"""
    done = run(execmap, TAKEN + source)

    assert done.out.splitlines() == [REFUSAL, "['tool0', 'tool1', None, 'tool3', 'tool4', 'tool5']"]
    assert arguments(execmap.trace, "<lambda>") == ["1"]


def test_without_a_free_id_a_program_under_execmap_run_goes_on_unrecorded(execmap: Execmap) -> None:
    # As `execmap.pth` starts the recorder, after other packages' files of that kind.
    source = """
import os

from execmap import _options

fields = {"path": ["run.execmap"], "run_id": ["00" * 16], "working_dir": [os.getcwd()], "roots": [os.getcwd()],
          "include": [], "exclude": [], "redact": [], "command": ["program.py"], "name": ["run"]}
os.environ[_options.VARIABLE] = _options.encode(fields)
import execmap._child

print("goes on")
"""
    (execmap.folder / "program.py").write_text(TAKEN + source, "utf-8")
    done = python("program.py", cwd=execmap.folder)

    assert (done.exit_code, done.out) == (0, "goes on\n")
    assert done.err == f"execmap: not recorded: {REFUSAL}\n"
    assert not execmap.trace.exists()


MEDDLING = """
import sys

import execmap

monitoring = sys.monitoring
events = monitoring.events


def f(n):
    return inner(n)


def inner(n):
    return n


def other(n):
    return n


def mine():
    return [number for number in range(6) if monitoring.get_tool(number) == "execmap"][0]


def seen(*event):
    got.append(event)


def meddle():
    {meddling}


got = []
with execmap.record("run.execmap") as recording:
    f(1)
    number = mine()
    meddle()
    f(2)
    other(2)
f(3)
print(monitoring.get_tool(number), monitoring.get_events(number) if monitoring.get_tool(number) else "")
"""

MEDDLERS = {
    "the id is freed": ("monitoring.free_tool_id(number)", "freed execmap's id 4"),
    "the events are off": ("monitoring.set_events(number, 0)", "switched events of execmap's id 4 off"),
    "a callback is gone": (
        "monitoring.register_callback(number, events.PY_START, None)",
        "replaced callbacks of execmap's id 4",
    ),
    "a callback is another": (
        "monitoring.register_callback(number, events.RAISE, seen)",
        "replaced callbacks of execmap's id 4",
    ),
    "the id is stolen": (
        "monitoring.free_tool_id(number); monitoring.use_tool_id(number, 'thief'); "
        "monitoring.register_callback(number, events.LINE, seen); monitoring.set_events(number, events.LINE)",
        "took execmap's id 4; it is thief's now",
    ),
    "the id is stolen under our name": (
        "monitoring.free_tool_id(number); monitoring.use_tool_id(number, 'exec' + 'map'[:3]); "
        "monitoring.register_callback(number, events.LINE, seen); monitoring.set_events(number, events.LINE)",
        "took execmap's id 4; it is execmap's now",
    ),
}


@pytest.mark.parametrize(("meddling", "said"), MEDDLERS.values(), ids=MEDDLERS)
@pytest.mark.parametrize("is_run", [False, True], ids=["record", "run"])
def test_another_tool_that_meddles_is_noticed(execmap: Execmap, meddling: str, said: str, is_run: bool) -> None:
    script = execmap.folder / "program.py"
    script.write_text(MEDDLING.replace("{meddling}", meddling), "utf-8")
    if is_run:
        script.write_text(script.read_text().replace('execmap.record("run.execmap")', "open(__file__)"), "utf-8")

    done = execmap.run(script) if is_run else python(script, cwd=execmap.folder)

    assert done.exit_code == 0, done.err
    [line] = lost(execmap)
    assert line.startswith(f"recorded in a poorer way: another tool {said}: from some call before c-")
    assert done.err == ("execmap: " + line.partition(": ")[2] + "\n" if is_run else "")
    assert arguments(execmap.trace)[0] == "1"
    if "use_tool_id" in meddling:
        owner, number = done.out.split()
        assert (owner in ("thief", "execmap"), int(number)) == (True, sys.monitoring.events.LINE)
    elif not is_run:
        assert done.out.split() == ["None"]


def test_with_four_and_three_taken_a_profiler_finds_its_own_id_taken(execmap: Execmap) -> None:
    source = """
import cProfile
import sys

import execmap

for number in (3, 4):
    sys.monitoring.use_tool_id(number, "other")
with execmap.record("run.execmap"):
    print([sys.monitoring.get_tool(number) for number in range(6)])
    try:
        cProfile.Profile().enable()
    except ValueError as error:
        print("already" in str(error))
profile = cProfile.Profile()
profile.enable()
profile.disable()
"""
    done = run(execmap, source)

    assert done.out.splitlines() == ["[None, None, 'execmap', 'other', 'other', None]", "True"]


def test_a_callback_that_raises_when_a_function_returns(execmap: Execmap) -> None:
    """Callbacks run from the highest id down: execmap has recorded the return before the lower one raises."""
    source = """
import sys

import execmap

monitoring = sys.monitoring


def f(n):
    return n


def outer():
    try:
        return f(1)
    except RuntimeError as error:
        return str(error)


def complains(code, *event):
    if code is f.__code__:
        raise RuntimeError("of a callback")


for number in (5, 1):
    monitoring.use_tool_id(number, "complains")
    monitoring.register_callback(number, monitoring.events.PY_RETURN, complains)
    monitoring.set_events(number, monitoring.events.PY_RETURN)
    with execmap.record(f"run{number}.execmap"):
        print(outer(), outer())
    monitoring.set_events(number, 0)
    monitoring.free_tool_id(number)
"""
    done = run(execmap, source)

    assert done.out == 2 * "of a callback of a callback\n"
    for name, outcome in (("run5", "raised"), ("run1", "returned")):
        trace = execmap.folder / f"{name}.execmap"
        found = [(row["function"], row["outcome"]) for row in load(trace).calls]
        assert found == 2 * [("outer", "returned"), ("f", outcome)]
        assert lost(execmap, trace) == []


def test_local_events_of_one_function_taken_away_are_noticed(execmap: Execmap) -> None:
    meddling = "monitoring.set_local_events(number, inner.__code__, 0)"
    run(execmap, MEDDLING.replace("{meddling}", meddling))

    assert lost(execmap) == ["recorded in a poorer way: calls whose end CPython did not report"]
    outcomes = {(row["function"], row["args"].get("n")): row["outcome"] for row in load(execmap.trace).calls}
    assert outcomes["f", "2"] == outcomes["other", "2"] == "returned"
    assert outcomes["inner", "2"] == "unfinished"


def test_whoever_has_the_id_next_is_sent_nothing_that_it_did_not_ask_for(execmap: Execmap) -> None:
    source = """
import sys

import execmap


def f(n):
    for number in range(n):
        f(0)
    return n


with execmap.record("run.execmap"):
    f(2)
got = []
for number in (4, 3):
    sys.monitoring.use_tool_id(number, "next")
    for event in ("PY_START", "PY_RETURN", "PY_YIELD", "PY_RESUME", "JUMP", "RAISE"):
        event = getattr(sys.monitoring.events, event)
        sys.monitoring.register_callback(number, event, lambda *event: got.append(event))
f(2)
print(got)
"""
    assert run(execmap, source).out == "[]\n"


def test_others_enable_all_places_again_and_again(execmap: Execmap) -> None:
    source = """
import json
import sys
import threading

import execmap


def f(n):
    json.dumps([n])
    return g(n)


def g(n):
    total = 0
    for number in range(3):
        total += number
    return total


def often():
    while not done:
        sys.monitoring.restart_events()


done = []
with execmap.record("run.execmap"):
    thread = threading.Thread(target=often)
    thread.start()
    for n in range(200):
        f(n)
        sys.monitoring.restart_events()
    done.append(True)
    thread.join()
"""
    run(execmap, source)

    assert lost(execmap) == []
    assert arguments(execmap.trace) == arguments(execmap.trace, "g") == [str(n) for n in range(200)]
    assert {row["function"] for row in load(execmap.trace).calls} == {"f", "g", "often"}


def test_another_tool_with_data_on_code_objects(execmap: Execmap) -> None:
    """Debuggers and compilers keep data in places of their own on code objects, as execmap does."""
    source = """
import ctypes

import execmap

api = ctypes.pythonapi


def place():
    # Some function that may be called with data that ends.
    return api.PyUnstable_Eval_RequestCodeExtraIndex(api.Py_IsInitialized)


def fresh(n):
    namespace = {}
    exec(f"def f(n): return n + {n}", namespace)
    return namespace["f"]


def put(function, place, data):
    code = ctypes.py_object(function.__code__)
    api.PyUnstable_Code_SetExtra(code, ctypes.c_ssize_t(place), ctypes.c_void_p(data))


def got(function, place):
    data = ctypes.c_void_p()
    api.PyUnstable_Code_GetExtra(ctypes.py_object(function.__code__), ctypes.c_ssize_t(place), ctypes.byref(data))
    return data.value


places = [place()]
with execmap.record("run.execmap"):
    fresh(1)(1)
places.append(place())
for index in places:
    function = fresh(2)
    put(function, index, 7)
    print(got(function, index))
    del function
with execmap.record("run.execmap"):
    for index in places:
        function = fresh(3)
        put(function, index, 8)
        function(3)
        print(got(function, index))
        del function
"""
    assert run(execmap, source).out.split() == ["7", "7", "8", "8"]
    assert arguments(execmap.trace) == ["3", "3"]


def test_no_place_left_for_data_on_code_objects(execmap: Execmap) -> None:
    source = """
import ctypes

import execmap

free = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda data: None)
while ctypes.pythonapi.PyUnstable_Eval_RequestCodeExtraIndex(free) >= 0:
    pass
try:
    with execmap.record("run.execmap"):
        print("not reached")
except execmap.TraceError as error:
    print(error)
"""
    done = run(execmap, source)

    assert done.out == "other tools keep data on code objects in all 255 places; end one of them and run again\n"
    assert not execmap.trace.exists()
