"""execmap beside whatever else watches an interpreter: hooks of `sys`, of the collector, of imports, of C."""

from __future__ import annotations

import pytest
from pairs import SUBJECT, load, lost, story
from running import Execmap, python

WATCHERS = {
    "gc.callbacks": (
        """
import gc

gc.disable()
seen = []
gc.callbacks.append(lambda phase, info: seen.append([phase, info["generation"]]))
gc.collect(1)
""",
        "gc.collect(0)\nprint(seen)",
    ),
    "sys.addaudithook": (
        """
import sys

seen = []
sys.addaudithook(lambda event, args: seen.append(event) if event.startswith("mine.") else None)
sys.audit("mine.first")
""",
        "sys.audit('mine.last')\nprint(seen)",
    ),
    "sys.set_asyncgen_hooks": (
        """
import sys

seen = []
sys.set_asyncgen_hooks(lambda each: seen.append("first " + each.__name__), lambda each: seen.append(each.__name__))


async def several():
    yield subject.passed(1)
    yield subject.passed(2)


each = several()
subject.driven(each.__anext__())
""",
        "del each\nprint(seen)",
    ),
    "sys.unraisablehook": (
        """
import sys

seen = []
sys.unraisablehook = lambda failed: seen.append([failed.exc_type.__name__, str(failed.err_msg).partition(" at 0x")[0]])


class Fragile:
    def __del__(self):
        raise OSError("fragile")


Fragile()
""",
        "Fragile()\nprint(seen)",
    ),
    "import hooks": (
        """
import importlib.abc
import importlib.util
import sys

seen = []


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path, target=None):
        seen.append(name)
        return importlib.util.spec_from_loader(name, self) if name.startswith("made") else None

    def exec_module(self, module):
        exec("def f(n):\\n    return n", module.__dict__)


sys.meta_path.insert(0, Finder())
import made_first
""",
        "import made_last\nprint(made_last.f(1), seen)",
    ),
    "sys.setswitchinterval": (
        "import sys\n\nsys.setswitchinterval(0.000001)\nsubject.in_a_thread(12)\n",
        "print(sys.getswitchinterval())",
    ),
    "sys.excepthook and threading.excepthook": (
        """
import sys
import threading

seen = []
threading.excepthook = lambda failed: seen.append([failed.exc_type.__name__, str(failed.exc_value)])
sys.excepthook = lambda kind, error, traceback: print(seen, kind.__name__, traceback.tb_lineno > 0)
thread = threading.Thread(target=subject.fib, args=(None,))
thread.start()
thread.join()
""",
        "thread = threading.Thread(target=subject.fib, args=('',))\nthread.start()\nthread.join()\nraise LookupError",
    ),
    "watchers of dictionaries, types and code": (
        """
import ctypes

seen = [0, 0, 0]
api = ctypes.pythonapi
Watch = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_int, *3 * [ctypes.c_void_p])
OfType = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
OfCode = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_void_p)


def count(number):
    seen[number] += 1
    return 0


# Kept as long as the process: CPython goes on calling them.
kept = [
    Watch(lambda event, *rest: count(0)),
    OfType(lambda type: count(1)),
]
watched = {}
dictionaries = api.PyDict_AddWatcher(kept[0])
types = api.PyType_AddWatcher(kept[1])
api.PyDict_Watch(dictionaries, ctypes.py_object(watched))
api.PyType_Watch(types, ctypes.py_object(subject.Account))
watched["key"] = subject.passed(1)
subject.Account.extra = 1
""",
        """
watched["key"] = subject.passed(2)
subject.caught(subject.Account("bob"), 1)
subject.Account.extra = 2
subject.caught(subject.Account("bob"), 2)
print(seen)
api.PyDict_ClearWatcher(dictionaries)
api.PyType_ClearWatcher(types)
""",
    ),
    "sys.monitoring callbacks that raise": (
        """
import sys

monitoring = sys.monitoring


def complains(code, offset, *rest):
    if code is subject.passed.__code__:
        raise RuntimeError("of a callback")


def tried(n):
    try:
        return subject.passed(n)
    except RuntimeError as error:
        return str(error)


monitoring.use_tool_id(5, "complains")
monitoring.register_callback(5, monitoring.events.PY_START, complains)
monitoring.set_events(5, monitoring.events.PY_START)
print(tried(1))
monitoring.set_events(5, 0)
""",
        "print(tried(2))",
    ),
    "the recursion limit": (
        """
import sys

sys.setrecursionlimit(150)


def deep(n):
    try:
        return deep(n + 1)
    except RecursionError:
        return n


print(deep(0))
""",
        "print(deep(0))",
    ),
}


@pytest.mark.parametrize(("before", "after"), WATCHERS.values(), ids=WATCHERS)
def test_a_watcher_sees_what_it_sees_without_execmap(execmap: Execmap, before: str, after: str) -> None:
    (execmap.folder / "subject.py").write_text(SUBJECT, "utf-8")
    source = f"import subject\n{before}\nprint(subject.work(5))\n{after}\n"
    (execmap.folder / "program.py").write_text(source, "utf-8")
    plain = python("program.py", cwd=execmap.folder)

    done = execmap.run("program.py")

    assert (done.exit_code, done.out, done.err) == (plain.exit_code, plain.out, plain.err)
    assert plain.out.count("\n") >= 2
    assert plain.err == ""
    assert lost(execmap) == []
    rows = story(load(execmap.trace).calls)
    assert {row["outcome"] for row in rows} == {"returned", "raised"}
    assert sum(row["function"] == "work" for row in rows) == 1


INSIDE = """
import sys

import execmap
import subject

{before}
recording = execmap.record("one.execmap")
recording.start()
print(subject.work(5))
{after}
"""


@pytest.mark.parametrize("name", [name for name in WATCHERS if "excepthook" not in name])
def test_a_watcher_that_is_there_before_the_recording(execmap: Execmap, name: str) -> None:
    before, after = WATCHERS[name]
    (execmap.folder / "subject.py").write_text(SUBJECT, "utf-8")
    source = INSIDE.replace("{before}", before).replace("{after}", after)
    told = []
    for text in (source, source.replace("recording.start()", "pass")):
        # The next line ends the recording, where it began.
        (execmap.folder / "program.py").write_text(f"{text}\nrecording.stop()\n", "utf-8")
        told.append(python("program.py", cwd=execmap.folder))
    with_recording, plain = told

    assert with_recording.exit_code == 0, with_recording.err
    assert (with_recording.out, with_recording.err) == (plain.out, plain.err)
    rows = story(load(execmap.folder / "one.execmap").calls)
    assert {row["outcome"] for row in rows} == {"returned", "raised"}
    assert lost(execmap, execmap.folder / "one.execmap") == []
