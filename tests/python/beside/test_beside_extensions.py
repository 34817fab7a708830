"""Compiled code between Python frames: Cython, callbacks from C, extensions with their own ideas of a call."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
from functools import cache
from pathlib import Path

import pytest
from pairs import load, lost, need
from running import Done, Execmap, python

CYTHON = """
# cython: language_level=3
def doubled(n):
    return 2 * n


def calls_back(function, n):
    return [function(each) for each in range(n)]


def fails(function):
    try:
        function(None)
    except TypeError as error:
        raise ValueError("from Cython") from error


def numbers(n, function):
    for number in range(n):
        yield function(number)


async def awaits(awaitable):
    return await awaitable


class Plain:
    def __init__(self, n):
        self.n = n

    def method(self, function):
        return function(self.n)


cdef class Fast:
    cdef public int n

    def __init__(self, n):
        self.n = n

    cpdef method(self, function):
        return function(self.n)
"""

DRIVER = """
import sys

import fast


def back(n):
    return n + 1


def driven(coroutine):
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value


async def waited():
    return back(41)


def failing():
    try:
        fast.fails(back)
    except ValueError as error:
        return [type(error).__name__, type(error.__cause__).__name__]


class Derived(fast.Plain):
    def method(self, function):
        return super().method(function) * 10


def work():
    return [
        fast.doubled(4),
        fast.calls_back(back, 3),
        fast.calls_back(lambda n: fast.doubled(back(n)), 2),
        failing(),
        list(fast.numbers(2, back)),
        driven(fast.awaits(waited())),
        fast.Plain(5).method(back),
        Derived(6).method(back),
        fast.Fast(7).method(back),
        sorted([3, 1, 2], key=back),
    ]


print(work())
"""


def needs_a_compiler() -> None:
    if shutil.which("cc") is None and shutil.which("gcc") is None:
        pytest.skip("there is no C compiler here")
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        pytest.skip("Python's headers are not here")


def compile_c(source: Path, name: str, folder: Path, *options: str, compiler: str = "") -> None:
    """Makes an extension module of a file in C or C++."""
    target = folder / f"{name}{sysconfig.get_config_var('EXT_SUFFIX')}"
    include = f"-I{sysconfig.get_path('include')}"
    compiler = compiler or shutil.which("cc") or "gcc"
    words = [compiler, "-shared", "-fPIC", "-O1", "-w", include, *options, str(source), "-o", str(target)]
    subprocess.run(words, check=True, capture_output=True, timeout=300)


@cache
def compiled_cython(directives: tuple[str, ...], place: Path) -> Path:
    """A folder with the module `fast`, compiled with these directives; made once a session."""
    folder = place / ("cython-" + "-".join(directives or ("plain",)).replace("=", "-"))
    folder.mkdir()
    source = folder / "fast.pyx"
    source.write_text(CYTHON, "utf-8")
    words = [sys.executable, "-m", "cython", "-3", *(f"-X{each}" for each in directives), str(source)]
    subprocess.run(words, check=True, capture_output=True, timeout=300)
    macros = []
    if "linetrace=True" in directives:
        macros = ["-DCYTHON_TRACE=1", "-DCYTHON_TRACE_NOGIL=1"]
    elif directives:
        macros = ["-DCYTHON_PROFILE=1"]
    if "sysmon" in directives:
        macros.append("-DCYTHON_USE_SYS_MONITORING=1")
    compile_c(folder / "fast.c", "fast", folder, *macros)
    return folder


def both(execmap: Execmap, source: str, path: Path | None = None) -> Done:
    """Runs a program without execmap and under it; both have to say the same."""
    (execmap.folder / "program.py").write_text(source, "utf-8")
    env = {"PYTHONPATH": str(path)} if path else None
    plain = python("program.py", cwd=execmap.folder, env=env)
    done = execmap.run("program.py", env=env)
    assert (done.exit_code, done.out, done.err) == (plain.exit_code, plain.out, plain.err)
    assert (plain.exit_code, plain.err) == (0, "")
    return done


@pytest.mark.timeout(400)
@pytest.mark.parametrize("directives", [(), ("profile=True",), ("profile=True", "linetrace=True")], ids="-".join)
def test_cython_between_python_calls(
    execmap: Execmap, directives: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory
) -> None:
    need("Cython")
    needs_a_compiler()
    folder = compiled_cython(directives, tmp_path_factory.getbasetemp())
    both(execmap, DRIVER, folder)

    rows = list(load(execmap.trace).calls)
    functions = {row["handle"]: row["function"] for row in rows}
    mine = [row for row in rows if row["file"].endswith("program.py")]
    found = [row["function"] for row in mine]
    assert found.count("back") == 3 + 2 + 1 + 2 + 1 + 1 + 1 + 1 + 3
    assert found.count("work.<locals>.<lambda>") == 2
    assert {row["outcome"] for row in mine} == {"returned", "raised"}
    assert [row["exception"] for row in mine if row["outcome"] == "raised"] == [
        "TypeError: unsupported operand type(s) for +: 'NoneType' and 'int'"
    ]
    parents = {functions.get(row["parent"]) for row in mine if row["function"] == "back"}
    assert parents <= {"work", "work.<locals>.<lambda>", "failing", "waited", "Derived.method"}
    assert all(row["file"].endswith("program.py") for row in rows), "Cython's functions have no frame to read"
    said = r"not followed: (\d+ calls of \w+, which is compiled(; )?)+"
    assert [each for each in lost(execmap) if not re.fullmatch(said, each)] == []


@pytest.mark.timeout(400)
def test_cython_with_another_tool_that_profiles_it(execmap: Execmap, tmp_path_factory: pytest.TempPathFactory) -> None:
    need("Cython")
    needs_a_compiler()
    folder = compiled_cython(("profile=True",), tmp_path_factory.getbasetemp())
    source = DRIVER.replace(
        "print(work())",
        """
import cProfile, pstats

profile = cProfile.Profile()
print(profile.runcall(work))
stats = pstats.Stats(profile).stats
print(sorted((name, figures[:2]) for (file, line, name), figures in stats.items() if "profiler" not in name))
""",
    )
    both(execmap, source, folder)

    assert {row["outcome"] for row in load(execmap.trace).calls} == {"returned", "raised"}


PYBIND11 = r"""
#include <pybind11/functional.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

namespace py = pybind11;

PYBIND11_MODULE(bound, module)
{
    module.def("each", [](const std::vector<int> &numbers, const std::function<int(int)> &function) {
        std::vector<int> found;
        for (int number : numbers)
            found.push_back(function(number));
        return found;
    });
    module.def("caught", [](const py::function &function) -> std::string {
        try {
            function("text");
        } catch (py::error_already_set &error) {
            return py::str(error.type().attr("__name__"));
        }
        return "nothing";
    });
}
"""


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_callbacks_through_pybind11(execmap: Execmap) -> None:
    need("pybind11")
    needs_a_compiler()
    if shutil.which("c++") is None:
        pytest.skip("there is no C++ compiler here")
    import pybind11

    (execmap.folder / "bound.cpp").write_text(PYBIND11, "utf-8")
    include = f"-I{pybind11.get_include()}"
    compile_c(execmap.folder / "bound.cpp", "bound", execmap.folder, "-std=c++17", include, compiler="c++")
    source = """
import bound


def twice(n):
    return plus(n, n)


def plus(a, b):
    return a + b + 0 * len([])


def failing(text):
    return int(text)


def work():
    return bound.each([1, 2, 3], twice), bound.caught(failing)


print(work())
"""
    both(execmap, source)

    rows = list(load(execmap.trace).calls)
    functions = {row["handle"]: row["function"] for row in rows}
    found = [(row["function"], functions.get(row["parent"]), row["outcome"]) for row in rows]
    assert found == [
        ("<module>", None, "returned"),
        ("work", "<module>", "returned"),
        *3 * [("twice", "work", "returned"), ("plus", "twice", "returned")],
        ("failing", "work", "raised"),
    ]
    assert lost(execmap) == []


def test_callbacks_through_ctypes(execmap: Execmap) -> None:
    source = """
import ctypes

libc = ctypes.CDLL(None)
Compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))


@Compare
def compare(a, b):
    return sign(a[0] - b[0])


def sign(n):
    return (n > 0) - (n < 0)


def ordered(numbers):
    array = (ctypes.c_int * len(numbers))(*numbers)
    libc.qsort(array, len(array), ctypes.sizeof(ctypes.c_int), compare)
    return list(array)


print(ordered([5, 3, 9, 1, 7]))
"""
    both(execmap, source)

    rows = list(load(execmap.trace).calls)
    functions = {row["handle"]: row["function"] for row in rows}
    assert {functions.get(row["parent"]) for row in rows if row["function"] == "compare"} == {"ordered"}
    assert {functions.get(row["parent"]) for row in rows if row["function"] == "sign"} == {"compare"}
    assert {row["outcome"] for row in rows} == {"returned"}
    assert lost(execmap) == []


def test_callbacks_through_cffi(execmap: Execmap) -> None:
    need("cffi")
    source = """
import cffi

ffi = cffi.FFI()
ffi.cdef("void qsort(void *base, size_t count, size_t width, int (*compare)(const void *, const void *));")
libc = ffi.dlopen(None)


@ffi.callback("int(const void *, const void *)")
def compare(a, b):
    return sign(ffi.cast("int *", a)[0] - ffi.cast("int *", b)[0])


def sign(n):
    return (n > 0) - (n < 0)


def ordered(numbers):
    array = ffi.new("int[]", numbers)
    libc.qsort(array, len(array), ffi.sizeof("int"), compare)
    return list(array)


print(ordered([5, 3, 9, 1, 7]))
"""
    both(execmap, source)

    rows = list(load(execmap.trace).calls)
    functions = {row["handle"]: row["function"] for row in rows}
    assert {functions.get(row["parent"]) for row in rows if row["function"] == "sign"} == {"compare"}
    assert {row["outcome"] for row in rows} == {"returned"}


LIBRARIES = {
    "numpy": """
import numpy


def half(n):
    return n / 2


def by_row(row):
    return half(row.sum())


print(numpy.vectorize(half)(numpy.arange(4)).tolist())
print(numpy.frompyfunc(half, 1, 1)(numpy.arange(4)).tolist())
print(numpy.apply_along_axis(by_row, 1, numpy.ones((2, 3))).tolist())
""",
    "lxml": """
from lxml import etree


def half(context, n):
    return n / 2


class Target:
    def start(self, tag, attributes):
        half(None, len(tag))

    def end(self, tag):
        pass

    def data(self, text):
        pass

    def close(self):
        return "closed"


functions = etree.FunctionNamespace(None)
functions["half"] = half
print(etree.XML("<a><b n='4'/></a>").xpath("half(number(//@n))"))
print(etree.XML("<a><b/></a>", etree.XMLParser(target=Target())))
""",
    "regex": """
import re

import regex


def half(match):
    return str(int(match[0]) // 2)


print(regex.sub(r"\\d+", half, "10 20"), re.sub(r"\\d+", half, "10 20"))
""",
}


@pytest.mark.parametrize("package", LIBRARIES)
def test_callbacks_from_libraries(execmap: Execmap, package: str) -> None:
    need(package)
    both(execmap, LIBRARIES[package])

    rows = [row for row in load(execmap.trace).calls if row["function"] == "half"]
    assert len(rows) >= 2
    assert {row["outcome"] for row in rows} == {"returned"}
    assert lost(execmap) == []


def test_a_program_compiled_by_mypyc(execmap: Execmap) -> None:
    need("black")
    source = """
import black


def formatted(text):
    return black.format_str(text, mode=black.Mode())


print(black.__file__.endswith(".so"), formatted("x = {  'a':1 }"))
"""
    both(execmap, source)

    assert [row["function"] for row in load(execmap.trace).calls] == ["<module>", "formatted"]
    assert lost(execmap) == []


EVALUATOR = r"""
#define Py_BUILD_CORE
#include <Python.h>
#include <internal/pycore_frame.h>

static long count;

static PyObject *evaluate(PyThreadState *state, struct _PyInterpreterFrame *frame, int throwing)
{
    count++;
    return _PyEval_EvalFrameDefault(state, frame, throwing);
}

static PyObject *set(PyObject *self, PyObject *on)
{
    _PyInterpreterState_SetEvalFrameFunc(
        PyInterpreterState_Get(), PyObject_IsTrue(on) ? evaluate : _PyEval_EvalFrameDefault);
    return PyLong_FromLong(count);
}

static PyMethodDef methods[] = {{"set", set, METH_O, NULL}, {NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "evaluator", NULL, -1, methods};

PyMODINIT_FUNC PyInit_evaluator(void)
{
    return PyModule_Create(&module);
}
"""


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="CPython's own headers do not compile outside it from 3.14 on")
def test_an_evaluator_of_frames_in_place_of_cpythons(execmap: Execmap) -> None:
    """As PyTorch's compiler has one (PEP 523)."""
    needs_a_compiler()
    (execmap.folder / "evaluator.c").write_text(EVALUATOR, "utf-8")
    compile_c(execmap.folder / "evaluator.c", "evaluator", execmap.folder)
    source = """
import evaluator


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def numbers(n):
    for number in range(n):
        yield fib(number)


def failing():
    try:
        return fib(None)
    except TypeError as error:
        return type(error).__name__


evaluator.set(True)
print(fib(5), sum(numbers(4)), failing())
evaluated = evaluator.set(False)
print(fib(5), evaluated)
"""
    both(execmap, source)

    rows = list(load(execmap.trace).calls)
    functions = {row["handle"]: row["function"] for row in rows}
    assert sum(row["function"] == "fib" for row in rows) == 15 + (1 + 1 + 3 + 5) + 1 + 15
    assert [functions.get(row["parent"]) for row in rows if row["function"] == "numbers"] == ["<module>"]
    assert {row["outcome"] for row in rows} == {"returned", "raised"}
    assert lost(execmap) == []
