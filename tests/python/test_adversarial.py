"""Programs that are hard on a recorder: nothing crashes or hangs, and the program sees what it would have seen."""

from __future__ import annotations

import importlib.util
import textwrap
from pathlib import Path

import pytest
from comparing import compare
from running import Done, Execmap, python


def run_both(execmap: Execmap, source: str) -> tuple[Done, Done]:
    """A program without execmap and with it; it has to end well without."""
    script = execmap.folder / "program.py"
    script.write_text(textwrap.dedent(source), "utf-8")
    plain = python(script, cwd=execmap.folder)
    assert plain.exit_code == 0, plain.err
    return plain, execmap.run(script)


UNNOTICED = {
    "more threads alive at once than rings were made for": """
        import threading

        barrier = threading.Barrier(41, timeout=20)

        def work(n):
            barrier.wait()
            return step(n)

        def step(n):
            return n

        threads = [threading.Thread(target=work, args=(n,)) for n in range(40)]
        for thread in threads:
            thread.start()
        barrier.wait()
        for thread in threads:
            thread.join()
        print("all done")
    """,
    "daemon threads that are running at the end": """
        import threading
        import time

        seen = set()

        def work():
            while True:
                step()
                seen.add(threading.current_thread())

        def step():
            time.sleep(0.0005)

        for _ in range(20):
            threading.Thread(target=work, daemon=True).start()
        while len(seen) < 20:
            time.sleep(0.001)
        print("all seen")
    """,
    "classes, generators and tasks that the collector finds": """
        import asyncio
        import gc

        def f(x):
            return x

        def make():
            class Local:
                pass
            f(Local())

        def suspended():
            me = yield
            yield me

        async def waiting():
            await asyncio.get_running_loop().create_future()

        async def main():
            task = asyncio.create_task(waiting())
            task.itself = task
            await asyncio.sleep(0)
            task.cancel()

        for _ in range(20):
            make()
            g = suspended()
            next(g)
            g.send(g)
            del g
            gc.collect()
        asyncio.run(main())
        print(gc.collect() >= 0)
    """,
    "what the collector counts": """
        import gc
        import weakref

        class Thing:
            __slots__ = ["a", "__weakref__"]

        def f(x):
            return x

        thing = Thing()
        gc.collect()
        gc.disable()
        before = len(gc.get_objects())
        f(thing)
        print(len(gc.get_objects()) - before, weakref.getweakrefcount(thing))
    """,
    "huge and deep values": """
        def f(x):
            return x

        texts = ("é" * 20_000_000, b"x" * 20_000_000)
        for big in (*texts, list(range(1_000_000)), dict.fromkeys(range(500_000)), 1 << 1_000_000):
            for _ in range(20):
                f(big)
        nested = []
        for _ in range(100_000):
            nested = [nested]
        f(nested)
        nested = {}
        for _ in range(100_000):
            nested = {"k": nested}
        f(nested)

        class Node:
            pass

        node = Node()
        for _ in range(10_000):
            above = Node()
            above.next, node = node, above
        f(node)
        while hasattr(node, "next"):
            node = node.next
        print("done")
    """,
    "recursion to the limit": """
        import sys
        import threading

        def down(n):
            return down(n + 1)

        def finally_(n):
            try:
                return finally_(n + 1)
            finally:
                n

        def limited(function):
            try:
                function(0)
            except RecursionError as error:
                print(error)

        limited(down)
        limited(finally_)
        thread = threading.Thread(target=limited, args=(down,))
        thread.start()
        thread.join()

        def depth(n):
            return 0 if n == 0 else 1 + depth(n - 1)

        sys.setrecursionlimit(60_000)
        print(depth(50_000))
    """,
    "code objects that were made by hand": r"""
        import types

        def f(a, b=2):
            x = a + b
            return x

        for change in (
            {"co_name": "odd \0 é \ud800", "co_qualname": "<locals>.<locals>", "co_firstlineno": 0},
            {"co_firstlineno": 2**31 - 1},
            {"co_linetable": b""},
            {"co_filename": ""},
            {"co_name": ""},
        ):
            for names in (globals(), {}, {"__name__": 5}, {"__name__": "\ud800"}):
                print(types.FunctionType(f.__code__.replace(**change), names)(1, 2))

        class Names(dict):
            def __getitem__(self, name):
                print("asked for", name)
                raise KeyError(name)

        exec(compile("y = 1", __file__, "exec"), {"__builtins__": {}}, Names())
        f.__code__ = f.__code__.replace(co_varnames=("z", "w", "x"))
        print(f(z=3, w=4))
        for n in range(3000):
            names = {"__name__": "__main__"}
            exec(f"def made(a): return a + {n}\nresult = made(1)", names)
        print(names["result"])
    """,
    "other tracers": """
        import cProfile
        import pstats
        import sys
        import threading
        import tracemalloc

        events = []

        def tracing(frame, event, arg):
            if frame.f_code.co_filename == __file__:
                events.append((frame.f_code.co_name, event, frame.f_lineno))
            return tracing

        def f(n):
            return n if n == 0 else f(n - 1)

        def g():
            yield 1

        def fails():
            raise ValueError

        def everything():
            f(2)
            list(g())
            try:
                fails()
            except ValueError:
                pass

        for turn_on in (sys.settrace, sys.setprofile):
            turn_on(tracing)
            everything()
            turn_on(None)
        threading.setprofile(tracing)
        thread = threading.Thread(target=f, args=(1,))
        thread.start()
        thread.join()
        threading.setprofile(None)
        print(events, sys.gettrace(), sys.getprofile())
        tracemalloc.start()
        f(3)
        tracemalloc.stop()
        profile = cProfile.Profile()
        profile.enable()
        f(5)
        profile.disable()
        print([(key[2], value[0]) for key, value in pstats.Stats(profile).stats.items() if key[2] == "f"])
    """,
    "children of every kind": """
        import multiprocessing
        import os
        import subprocess
        import sys

        def f(n):
            return n * 2

        def answer(queue, n):
            queue.put(f(n))

        def fork(run):
            pid = os.fork()
            if pid == 0:
                f(2)
                run()
            print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)

        if __name__ == "__main__":
            f(1)
            fork(lambda: sys.exit(3))
            fork(lambda: os._exit(4))
            fork(lambda: os.execv(sys.executable, [sys.executable, "-c", "raise SystemExit(5)"]))
            for method in ("fork", "spawn", "forkserver"):
                context = multiprocessing.get_context(method)
                queue = context.Queue()
                process = context.Process(target=answer, args=(queue, 5))
                process.start()
                print(method, queue.get(timeout=20))
                process.join()
                print(process.exitcode, flush=True)
            for options in (["-I", "-S"], ["-E"], []):
                print(subprocess.run([sys.executable, *options, "-c", "print(1)"], capture_output=True).stderr)
    """,
}


@pytest.mark.parametrize("name", UNNOTICED)
def test_a_program_does_not_notice(name: str, execmap: Execmap) -> None:
    plain, recorded = run_both(execmap, UNNOTICED[name])

    assert (recorded.exit_code, recorded.out, recorded.err) == (0, plain.out, plain.err)
    assert execmap.info()["complete"]


ALIKE = {
    "very many arguments": """
        names = [f"a{n}" for n in range(250)]
        exec(f"def many({', '.join(names)}, *rest, **more): return a249")
        print(many(*range(250), "rest", more=1))
    """,
    "generators handed between threads": """
        import threading

        def numbers(n):
            for i in range(n):
                yield work(i)

        def work(i):
            return i

        def in_a_thread(function):
            thread = threading.Thread(target=function)
            thread.start()
            thread.join()

        generator = numbers(12)
        for _ in range(3):
            in_a_thread(lambda: [next(generator) for _ in range(4)])
        print(next(generator, "end"))
        started = numbers(3)
        next(started)
        in_a_thread(started.close)

        def nested(n):
            if n:
                yield from nested(n - 1)
            yield n

        print(sum(nested(100)))
    """,
    "a class that gets another name": """
        def renamed(cls):
            cls.__qualname__ = "Better"
            return cls

        @renamed
        class C:
            pass

        def f(x):
            return x

        f(C())
        f(C)
    """,
    "objects that die in odd ways": """
        import atexit
        import gc
        import sys
        import threading

        class D:
            def __init__(self, n):
                self.n = n

            def __del__(self):
                print("del", self.n)

        class Again:
            def __del__(self):
                kept.append(self)

        class Cycle:
            def __init__(self):
                self.me = self

            def __del__(self):
                f(self)

        class Meta(type):
            def __del__(cls):
                print("class deleted")

        kept = []

        def f(x):
            return x

        def made():
            class Local(metaclass=Meta):
                pass
            f(Local())

        gc.disable()
        f(D(1))
        f(Again())
        kept.clear()
        Cycle()
        made()
        gc.collect()

        def suspended():
            try:
                yield D(2)
            finally:
                print("finally")

        generator = suspended()
        next(generator)
        del generator
        late = suspended()
        next(late)
        atexit.register(lambda: f(D(3)))
        local = threading.local()
        thread = threading.Thread(target=lambda: setattr(local, "d", D(4)))
        thread.start()
        thread.join()

        class Before:
            pass

        class After:
            def hello(self):
                return f(self)

        thing = Before()
        thing.a = 1
        f(thing)
        thing.__class__ = After
        thing.hello()
        thing.__dict__ = {"z": 1}
        f(thing)
        del thing.__dict__
        f(thing)
    """,
    "objects that were never initialised": """
        import enum
        import types

        def f(x):
            return x

        def fail(error):
            raise error

        class Colour(enum.Enum):
            RED = 1

        class Unnamed(tuple):
            _fields = ("a", "b")

        class Frozen(frozenset):
            pass

        module = types.ModuleType("module")
        f(Unnamed((1,)))
        f(Frozen())
        f(types.ModuleType.__new__(types.ModuleType))
        module.__name__ = 5
        f(module)
        Colour.RED._name_ = 5
        f(Colour.RED)
        for cls in (Exception, KeyError, OSError, ImportError, StopIteration, SystemExit, UnicodeDecodeError):
            error = cls.__new__(cls)
            f(error)
            try:
                fail(error)
            except BaseException:
                pass
        function = lambda: 0
        function.__module__ = None
        f(function)
        f("\\ud800\\0")
    """,
}


@pytest.mark.parametrize("name", ALIKE)
def test_both_recorders_agree(name: str, execmap: Execmap, tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(textwrap.dedent(ALIKE[name]), "utf-8")

    assert compare(script, cwd=tmp_path) == []


def test_code_that_a_library_makes_is_not_included_with_the_module_it_is_made_for(
    execmap: Execmap, tmp_path: Path
) -> None:
    script = tmp_path / "program.py"
    script.write_text("from dataclasses import dataclass\n@dataclass\nclass P:\n    x: int\nP(1)\n", "utf-8")

    assert compare(script, include=["__main__"], cwd=tmp_path) == []


def test_greenlets_keep_their_parents(execmap: Execmap) -> None:
    if importlib.util.find_spec("greenlet") is None:
        pytest.skip("greenlet is not installed: pip install greenlet")
    _, recorded = run_both(
        execmap,
        """
        from greenlet import getcurrent, greenlet

        main = getcurrent()

        def ping(n):
            for i in range(n):
                step("ping")
                pong_.switch(i)

        def pong(i):
            while True:
                step("pong")
                i = ping_.switch(i)

        def step(who):
            return inner(who)

        def inner(who):
            return who

        def deep(n):
            return main.switch() if n == 0 else deep(n - 1)

        ping_, pong_ = greenlet(ping), greenlet(pong)
        ping_.switch(3)
        waiting = [greenlet(deep) for _ in range(3)]
        for each in waiting:
            each.switch(4)
        for each in reversed(waiting):
            each.switch("back")
        """,
    )

    assert (recorded.exit_code, recorded.err) == (0, "")
    rows = execmap.rows()
    functions = {row["handle"]: row["function"] for row in rows}
    parents = [(row["args"]["who"], functions[row["parent"]]) for row in rows if row["function"] == "step"]
    assert parents == [("'ping'", "ping"), ("'pong'", "pong")] * 3
    deep = [row for row in rows if row["function"] == "deep"]
    assert [row["outcome"] for row in deep] == ["returned"] * 15
    by_handle = {row["handle"]: row for row in deep}
    assert all(
        row["args"]["n"] == "4" or by_handle[row["parent"]]["args"]["n"] == str(int(row["args"]["n"]) + 1)
        for row in deep
    )
