"""execmap beside what traces and profiles: `sys.settrace`, `sys.setprofile`, profilers, memory tracers."""

from __future__ import annotations

import re

import pytest
from pairs import SUBJECT, Tool, check, every_order, load, lost, run_beside, story
from running import Done, Execmap, python

SETTRACE = Tool(
    imports="""
        def trace(frame, event, value):
            if frame.f_code.co_filename != SUBJECT:
                return None
            main = threading.current_thread() is threading.main_thread()
            result.append([main, frame.f_code.co_name, event, frame.f_lineno])
            return trace
    """,
    start="threading.settrace(trace)\nsys.settrace(trace)",
    # Threads run in any order.
    stop="sys.settrace(None)\nthreading.settrace(None)\nresult.sort(key=lambda each: each[0])",
)

OPCODES = Tool(
    imports="""
        def trace(frame, event, value):
            if frame.f_code.co_filename != SUBJECT:
                return None
            frame.f_trace_opcodes = True
            result.append([frame.f_code.co_name, event, frame.f_lineno, frame.f_lasti])
            return trace
    """,
    start="sys.settrace(trace)",
    stop="sys.settrace(None)",
)

SETPROFILE = Tool(
    imports="""
        def profile(frame, event, value):
            if frame.f_code.co_filename == SUBJECT:
                main = threading.current_thread() is threading.main_thread()
                result.append([main, frame.f_code.co_name, event, getattr(value, "__name__", "")])
    """,
    start="threading.setprofile(profile)\nsys.setprofile(profile)",
    stop="sys.setprofile(None)\nthreading.setprofile(None)\nresult.sort(key=lambda each: each[0])",
)

CPROFILE = Tool(
    imports="import cProfile, pstats",
    start="profiler = cProfile.Profile()\nprofiler.enable()",
    stop="""
        profiler.disable()
        stats = pstats.Stats(profiler).stats
        result.append(sorted([*place[1:], *figures[:2]] for place, figures in stats.items() if place[0] == SUBJECT))
    """,
)

PROFILE = Tool(
    # 3.15 says that it will be gone one day.
    imports="import warnings; warnings.simplefilter('ignore'); import profile, pstats",
    start="profiler = profile.Profile()\nsys.setprofile(profiler.dispatcher)",
    stop="""
        sys.setprofile(None)
        profiler.create_stats()
        stats = profiler.stats
        result.append(sorted([*place[1:], *figures[:2]] for place, figures in stats.items() if place[0] == SUBJECT))
    """,
)

BDB = Tool(
    imports="""
        import bdb


        class Debugger(bdb.Bdb):
            def user_line(self, frame):
                if frame.f_code.co_filename == SUBJECT:
                    result.append([frame.f_code.co_name, frame.f_lineno])
                self.set_continue()

            def user_exception(self, frame, info):
                result.append([frame.f_code.co_name, info[0].__name__])
    """,
    start="""
        debugger = Debugger()
        debugger.set_break(SUBJECT, subject.caught.__code__.co_firstlineno + 2)
        debugger.set_break(SUBJECT, subject.fib.__code__.co_firstlineno + 2, cond="n == 1")
        debugger.set_trace()
    """,
    stop="debugger.set_quit()\nsys.settrace(None)\ndebugger.clear_all_breaks()",
)

# What CPython needs to instrument code is memory too, and is seen: the large blocks are the program's.
TRACEMALLOC = Tool(
    imports="import tracemalloc",
    start="tracemalloc.start(5)\nkept = [bytes(7_000_000 + n) for n in range(5)]",
    stop="""
        traces = [each for each in tracemalloc.take_snapshot().traces if 7_000_000 < each.size < 7_001_000]
        result.append(sorted([each.size, each.traceback.total_nframe] for each in traces))
        tracemalloc.stop()
    """,
)

VIZTRACER = Tool(
    package="viztracer",
    imports="import viztracer",
    start="tracer = viztracer.VizTracer(verbose=0, log_async=True)\ntracer.start()",
    stop="""
        tracer.stop()
        tracer.parse()
        names = [event["name"] for event in tracer.data["traceEvents"] if SUBJECT in event["name"]]
        result.append(names)
        tracer.terminate()
    """,
)

# It samples, so that which functions it meets differs from run to run.
PYINSTRUMENT = Tool(
    package="pyinstrument",
    env=(("PYINSTRUMENT_IGNORE_OVERHEAD_WARNING", "1"),),
    imports="import pyinstrument",
    start="profiler = pyinstrument.Profiler(interval=0.00001)\nprofiler.start()",
    stop="session = profiler.stop()\nresult.append(session.sample_count > 0)",
)

YAPPI = Tool(
    package="yappi",
    imports="import yappi",
    start="yappi.clear_stats()\nyappi.start()",
    stop="""
        yappi.stop()
        stats = yappi.get_func_stats()
        result.append(sorted([each.name, each.lineno, each.ncall] for each in stats if each.module == SUBJECT))
    """,
)

LINE_PROFILER = Tool(
    package="line_profiler",
    imports="import line_profiler",
    start="""
        profiler = line_profiler.LineProfiler(subject.fib, subject.caught)
        profiler.enable_by_count()
    """,
    stop="""
        profiler.disable_by_count()
        timings = profiler.get_stats().timings
        result.append(sorted([place[1:], [line[:2] for line in lines]] for place, lines in timings.items()))
    """,
)

MEMRAY = Tool(
    package="memray",
    # Of an interpreter that is linked into one file it warns that it corrects addresses.
    imports="import logging, memray, tempfile\nmemray.set_log_level(logging.ERROR)",
    start="""
        file = tempfile.mktemp()
        tracker = memray.Tracker(file)
        tracker.__enter__()
        kept = [bytes(7_000_000 + n) for n in range(5)]
    """,
    stop="""
        tracker.__exit__(None, None, None)
        records = list(memray.FileReader(file).get_leaked_allocation_records())
        result.append(sorted(each.size for each in records if 7_000_000 < each.size < 7_001_000))
        os.unlink(file)
    """,
)

TOOLS = {
    "sys.settrace": SETTRACE,
    "sys.settrace with opcodes": OPCODES,
    "sys.setprofile": SETPROFILE,
    "cProfile": CPROFILE,
    "profile": PROFILE,
    "bdb": BDB,
    "tracemalloc": TRACEMALLOC,
    "VizTracer": VIZTRACER,
    "pyinstrument": PYINSTRUMENT,
    "yappi": YAPPI,
    "line_profiler": LINE_PROFILER,
    "memray": MEMRAY,
}


@every_order
@pytest.mark.parametrize("tool", TOOLS.values(), ids=TOOLS)
def test_a_tool_in_the_same_process(execmap: Execmap, tool: Tool, order: str) -> None:
    check(execmap, tool, order)


@pytest.mark.parametrize("words", [["-m", "cProfile", "-s", "name"], ["-m", "profile"], ["-m", "trace", "--count"]])
def test_a_tool_of_the_standard_library_under_execmap(execmap: Execmap, words: list[str]) -> None:
    (execmap.folder / "program.py").write_text(f"{SUBJECT}\n\nprint(work(6))\n", "utf-8")

    plain = python(*words, "program.py", cwd=execmap.folder)
    alone = counts(execmap, plain)
    done = execmap.run(*words, "program.py")

    assert (done.exit_code, done.err) == (plain.exit_code, plain.err) == (0, "")
    assert counts(execmap, done) == alone != {}
    assert done.out.splitlines()[0] == plain.out.splitlines()[0]
    assert lost(execmap) == []
    rows = story(load(execmap.trace).calls, "program.py")
    execmap.run("program.py")
    alone = story(load(execmap.trace).calls, "program.py")
    assert rows == alone


def counts(execmap: Execmap, done: Done) -> dict[str, str]:
    """How often each function or line of the program ran, as the tool says it."""
    profiled = re.findall(r"^ +([\d/]+) .*?program\.py:(\d+\([\w<>]+\))$", done.out, re.MULTILINE)
    listing = execmap.folder / "program.cover"
    counted = re.findall(r"^ +(\d+): (.*)$", listing.read_text(), re.MULTILINE) if listing.exists() else []
    return {place: count for count, place in [*profiled, *counted]}


def test_a_trace_function_that_raises_is_taken_off_as_without_execmap(execmap: Execmap) -> None:
    (execmap.folder / "program.py").write_text(
        """
import sys


def trace(frame, event, value):
    if frame.f_code.co_name == "inner" and event == "line":
        raise LookupError("of the trace function")
    return trace


def outer():
    try:
        return inner()
    except LookupError as error:
        return repr(error)


def inner():
    return deeper()


def deeper():
    return 1


sys.settrace(trace)
print(outer(), sys.gettrace())
print(outer(), sys.gettrace())
""",
        "utf-8",
    )
    plain, done = run_beside(execmap, "program.py")

    assert (done.exit_code, done.out, done.err) == (0, plain.out, "")
    found = [(row["function"], row["result"], row["exception"]) for row in load(execmap.trace).calls]
    error = "LookupError: of the trace function"
    assert found[1:] == [
        ("outer", "\"LookupError('of the trace function')\"", None),
        ("inner", None, error),
        ("outer", "1", None),
        ("inner", "1", None),
        ("deeper", "1", None),
    ]


def test_a_trace_function_that_jumps(execmap: Execmap) -> None:
    (execmap.folder / "program.py").write_text(
        """
import sys


def trace(frame, event, value):
    if frame.f_code is not jumping.__code__:
        return None if event == "call" else trace
    line = frame.f_lineno - frame.f_code.co_firstlineno
    if event == "line" and line == 2 and not jumped:
        jumped.append(line)
        frame.f_lineno += 2
    if event == "line" and line == 5 and len(jumped) == 1:
        jumped.append(line)
        frame.f_lineno -= 4
    return trace


def jumping():
    step(1)
    step(2)
    step(3)
    step(4)
    step(5)
    return "end"


def step(number):
    print(number)


jumped = []
sys.settrace(trace)
jumping()
sys.settrace(None)
print(jumped)
""",
        "utf-8",
    )
    plain, done = run_beside(execmap, "program.py")

    assert (done.exit_code, done.out, done.err) == (0, plain.out, "")
    rows = list(load(execmap.trace).calls)
    assert [row["args"]["number"] for row in rows if row["function"] == "step"] == done.out.split()[:-2]
    assert [row["result"] for row in rows if row["function"] == "jumping"] == ["'end'"]


def test_a_fault_is_reported_by_faulthandler(execmap: Execmap) -> None:
    (execmap.folder / "program.py").write_text(
        """
import faulthandler
import signal


def outer():
    faulthandler.register(signal.SIGUSR1)
    signal.raise_signal(signal.SIGUSR1)
    inner(7)


def inner(number):
    faulthandler._sigsegv()


faulthandler.enable()
outer()
""",
        "utf-8",
    )
    plain, done = run_beside(execmap, "program.py")

    assert done.exit_code == plain.exit_code == -11
    assert re.sub("0x[0-9a-f]+", "", done.err.split("Extension modules")[0].rstrip()) == re.sub(
        "0x[0-9a-f]+", "", plain.err.split("Extension modules")[0].rstrip()
    )
    assert done.err.count("in outer") == 2
    found = [(row["function"], row["outcome"]) for row in load(execmap.trace).calls]
    assert found[1:] == [("outer", "unfinished"), ("inner", "unfinished")]


def test_a_trace_function_set_by_a_thread_for_all_threads(execmap: Execmap) -> None:
    (execmap.folder / "program.py").write_text(
        """
import threading

seen = []


def trace(frame, event, value):
    if frame.f_code.co_name == "fib" and event == "return":
        seen.append(value)


def profile(frame, event, value):
    if frame.f_code.co_name == "fib" and event == "return":
        seen.append(-value)


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def work():
    ready.wait()
    fib(4)
    done.wait()


ready, done = threading.Event(), threading.Event()
thread = threading.Thread(target=work)
thread.start()
threading.settrace_all_threads(lambda *event: trace(*event) or trace)
threading.setprofile_all_threads(profile)
ready.set()
fib(3)
threading.settrace_all_threads(None)
threading.setprofile_all_threads(None)
done.set()
thread.join()
print(len(seen) > 5)
""",
        "utf-8",
    )
    plain, done = run_beside(execmap, "program.py")

    assert (done.exit_code, done.out, done.err) == (0, plain.out, "") == (0, "True\n", "")
    rows = list(load(execmap.trace).calls)
    assert sum(row["function"] == "fib" for row in rows) == 9 + 5
    assert {row["outcome"] for row in rows} == {"returned"}
