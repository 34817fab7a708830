"""No user code runs because of recording: special methods that count themselves stay at what the program itself did."""

from __future__ import annotations

import pytest
from running import Execmap, python, without_addresses

COUNTING = '''
import sys

NAMES = """
    repr str bytes format lt le eq ne gt ge hash bool getattribute getattr setattr delattr dir get set delete
    instancecheck subclasscheck class_getitem call len length_hint getitem setitem delitem missing iter
    reversed contains add radd iadd sub mul matmul truediv floordiv mod divmod pow lshift and or xor neg pos
    abs invert complex int float index round trunc floor ceil enter exit await aiter anext aenter aexit copy
    deepcopy reduce reduce_ex getstate getnewargs sizeof fspath buffer array array_interface array_struct
    array_priority dataframe dlpack next
""".split()
COUNTS = dict.fromkeys([*NAMES, "class", "dict", "doc", "name", "qualname", "module", "args", "property", "fields"], 0)


def counting(name):
    def method(*args, **kwargs):
        COUNTS[name] += 1
        raise RuntimeError(f"{name} was run")

    return method


class Meta(type):
    """Counts what is asked of the class itself."""

    __getattribute__ = counting("getattribute")
    __repr__ = counting("repr")
    __eq__ = counting("eq")
    __hash__ = counting("hash")
    __instancecheck__ = counting("instancecheck")
    __subclasscheck__ = counting("subclasscheck")
    __name__ = property(counting("name"))
    __mro__ = property(counting("property"))


def body(**more):
    namespace = {f"__{name}__": counting(name) for name in NAMES}
    namespace["__class__"] = property(counting("class"))
    namespace["prop"] = property(counting("property"))
    namespace["_fields"] = property(counting("fields"))
    return {**namespace, **more}


def made(name, *bases, **more):
    return Meta(name, bases, body(**more))


def set_slot(thing, name, value):
    object.__setattr__(thing, name, value)


def passed(thing, *things, key=None, **named):
    return thing


def stored(thing):
    return [thing, (thing,), {"key": thing}, {"deep": [{"deeper": thing}]}]


def collected(make):
    thing = make()
    thing = None
    return thing


def yielded(thing):
    got = yield thing
    return got


def raised(error):
    raise error
'''


def run_both(execmap: Execmap, source: str) -> list[dict[str, object]]:
    """Run a program with and without execmap, demand the same output and no count above zero; the rows."""
    script = execmap.folder / "program.py"
    script.write_text(
        COUNTING + source + "\nprint({name: count for name, count in COUNTS.items() if count})\n", "utf-8"
    )
    plain = python(script, cwd=execmap.folder)
    assert (plain.out.splitlines()[-1], plain.err) == ("{}", ""), "the program itself runs special methods"

    recorded = execmap.run(script)

    assert (recorded.exit_code, recorded.out, recorded.err) == (plain.exit_code, plain.out, plain.err)
    rows = execmap.rows()
    assert not [row for row in rows if row["function"] == "counting.<locals>.method"]
    return rows


def args_of(rows: list[dict[str, object]], function: str) -> list[object]:
    return [row["args"] for row in rows if row["function"] == function]


def test_an_object_that_is_passed_returned_yielded_and_stored_is_left_alone(execmap: Execmap) -> None:
    rows = run_both(
        execmap,
        """
Thing = made("Thing", object, __slots__=("slot", "__dict__"))
thing = object.__new__(Thing)
set_slot(thing, "slot", 1)
set_slot(thing, "own", "text")
passed(thing, thing, key=thing, other=thing)
stored(thing)
collected(lambda: object.__new__(Thing))
for _ in yielded(thing):
    pass
""",
    )

    assert args_of(rows, "stored") == [{"thing": "<Thing slot=1 own='text'>"}]
    assert args_of(rows, "yielded") == [{"thing": "<Thing slot=1 own='text'>"}]
    [stored] = [row for row in rows if row["function"] == "stored"]
    shown = "<Thing slot=1 own='text'>"
    assert stored["result"] == f"[{shown}, ({shown},), {{'key': {shown}}}, {{'deep': [{{… (1 items)}}]}}]"


def test_an_exception_that_is_raised_caught_and_chained_is_left_alone(execmap: Execmap) -> None:
    rows = run_both(
        execmap,
        """
Error = type("Error", (Exception,), body())
error = Exception.__new__(Error, "told")
object.__setattr__(error, "code", 402)
try:
    raised(error)
except Exception:
    pass
try:
    try:
        raised(error)
    except Exception as first:
        raise ValueError("second") from first
except ValueError:
    pass
""",
    )

    assert args_of(rows, "raised") == [{"error": "<Error 'told' code=402>"}] * 2
    assert [row["exception"] for row in rows if row["function"] == "raised"] == ["Error: told"] * 2


@pytest.mark.parametrize(
    ("base", "value", "shown"),
    [
        ("int", "5", "<Sub 5 own=1>"),
        ("float", "1.5", "<Sub 1.5 own=1>"),
        ("str", "'text'", "<Sub 'text' own=1>"),
        ("bytes", "b'raw'", "<Sub b'raw' own=1>"),
        ("list", "", "<Sub [] own=1>"),
        ("tuple", "(1, 2)", "<Sub (1, 2) own=1>"),
        ("dict", "", "<Sub {} own=1>"),
        ("set", "", "<Sub set() own=1>"),
    ],
)
def test_an_object_of_a_subclass_of_a_builtin_type_is_left_alone(
    base: str, value: str, shown: str, execmap: Execmap
) -> None:
    rows = run_both(
        execmap,
        f"""
Sub = made("Sub", {base})
thing = {base}.__new__(Sub{", " + value if value else ""})
object.__setattr__(thing, "own", 1)
passed(thing, key=thing)
stored(thing)
""",
    )

    assert args_of(rows, "stored") == [{"thing": shown}]


def test_a_class_with_a_hostile_metaclass_is_left_alone(execmap: Execmap) -> None:
    rows = run_both(execmap, 'Thing = made("Thing", object)\npassed(Thing, key=Thing)\nstored(Thing)\n')

    assert args_of(rows, "stored") == [{"thing": "<class '__main__.Thing'>"}]


def test_a_property_in_place_of_the_dictionary_is_left_alone(execmap: Execmap) -> None:
    rows = run_both(
        execmap,
        """
Thing = made("Thing", object, __dict__=property(counting("dict")))
thing = object.__new__(Thing)
object.__setattr__(thing, "own", 1)
stored(thing)
""",
    )

    assert args_of(rows, "stored") == [{"thing": "<Thing own=1>"}]


def test_objects_in_tasks_threads_and_generators_are_left_alone(execmap: Execmap) -> None:
    run_both(
        execmap,
        """
import asyncio
import threading

Thing = made("Thing", object)
thing = object.__new__(Thing)


async def awaits(thing):
    await asyncio.sleep(0)
    return [thing]


async def main():
    await asyncio.gather(awaits(thing), awaits(thing))


asyncio.run(main())
thread = threading.Thread(target=passed, args=(thing,))
thread.start()
thread.join()
sum(1 for each in [thing, thing] if passed(each) is thing)
""",
    )


def test_objects_die_when_they_would_have_died(execmap: Execmap) -> None:
    script = execmap.folder / "program.py"
    script.write_text(
        """
import gc
import weakref

gc.collect()
gc.disable()


class Mortal:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        print("died", self.name)


def passes(thing):
    return thing


def fails(thing):
    raise ValueError(thing)


def yields(thing):
    yield thing


passes(Mortal("temporary"))
print("1")
first = passes(Mortal("kept"))
del first
print("2")
try:
    fails(Mortal("raised"))
except ValueError:
    print("handled")
print("3")
generator = yields(Mortal("in a generator"))
next(generator)
del generator
print("4")
reference = weakref.ref(passes(Mortal("weak")))
print("5", reference())
cycle = Mortal("cycle")
cycle.itself = cycle
del cycle
print("6", gc.collect())
at_exit = Mortal("at exit")
""",
        "utf-8",
    )

    recorded, plain = execmap.run(script), python(script, cwd=execmap.folder)

    assert (recorded.out, recorded.err, recorded.exit_code) == (plain.out, plain.err, plain.exit_code)


def test_the_interpreter_looks_as_it_did(execmap: Execmap) -> None:
    script = execmap.folder / "program.py"
    script.write_text(
        """
import gc
import signal
import sys
import threading
import warnings

print(sys.gettrace(), sys.getprofile(), threading.gettrace(), threading.getprofile())
print(threading.active_count(), [thread.name for thread in threading.enumerate()])
print(sys.getrecursionlimit(), sys.getswitchinterval(), gc.isenabled(), gc.get_threshold(), gc.callbacks)
print([signal.getsignal(number) for number in sorted(signal.valid_signals())])
print(signal.pthread_sigmask(signal.SIG_BLOCK, []))
print(sys.excepthook is sys.__excepthook__, sys.unraisablehook is sys.__unraisablehook__, threading.excepthook)
print(sys.displayhook is sys.__displayhook__, sys.stdout is sys.__stdout__, sys.stderr is sys.__stderr__)
print([str(each) for each in warnings.filters])
print(type(sys.stdout), sys.stdout.line_buffering, sys.stdout.encoding, sys.stderr.errors)
print(sys.meta_path, [hook.__name__ for hook in sys.path_hooks])
print(sorted(name for name in vars() if name.startswith("__")))
print(sys.exception(), sys.exc_info())
""",
        "utf-8",
    )

    recorded, plain = execmap.run(script), python(script, cwd=execmap.folder)

    assert (without_addresses(recorded.out), recorded.err) == (without_addresses(plain.out), plain.err)


def test_audit_hooks_hear_nothing_of_the_end(execmap: Execmap) -> None:
    script = execmap.folder / "program.py"
    script.write_text(
        """
import sys

sys.addaudithook(lambda event, args: event.startswith("sys.") and print(event, args, flush=True))


def f(n):
    return n


f(1)
""",
        "utf-8",
    )

    recorded, plain = execmap.run(script), python(script, cwd=execmap.folder)

    assert (recorded.out, recorded.err, recorded.exit_code) == (plain.out, plain.err, plain.exit_code)


def test_who_keeps_something_with_code_objects_is_called_for_what_it_kept(execmap: Execmap) -> None:
    """CPython makes room for every user where one keeps something, and calls each when the code object dies."""
    script = execmap.folder / "program.py"
    script.write_text(
        """
import ctypes
import gc

api = ctypes.pythonapi
api.PyUnstable_Code_SetExtra.argtypes = [ctypes.py_object, ctypes.c_ssize_t, ctypes.c_void_p]
freed = []
free = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(freed.append)
index = api.PyUnstable_Eval_RequestCodeExtraIndex(free)


def lives(kept, is_run):
    code = compile("def f(): return 1\\nf()", __file__, "exec")
    if kept is not None:
        api.PyUnstable_Code_SetExtra(code, index, kept)
    if is_run:
        exec(code, {})


for kept, is_run in ((None, True), (5, True), (6, False), (None, False)):
    lives(kept, is_run)
    gc.collect()
    print(freed)
""",
        "utf-8",
    )

    recorded, plain = execmap.run(script), python(script, cwd=execmap.folder)

    assert (recorded.out, recorded.err, recorded.exit_code) == (plain.out, plain.err, plain.exit_code)
    assert plain.out.splitlines()[-1] == "[5, 6]"
    assert "f" in {row["function"] for row in execmap.rows()}
