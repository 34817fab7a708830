"""Very many of everything, one after another and alive at once; and code that no one would write by hand."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from comparing import compare
from running import Execmap
from running_both import MIB, assert_whole, run_both, stats

# Each makes COUNT things, and samples what the process holds as it goes on.
ONE_AFTER_ANOTHER = {
    "functions that are equal": (
        20_000,
        """
        for n in counted():
            exec("def made(a): return a\\nmade(1)", {"__name__": "__main__"})
        """,
    ),
    "functions that differ": (
        60_000,
        """
        import types

        for n in counted():
            types.FunctionType(f.__code__.replace(co_firstlineno=n + 1), globals())(n)
        """,
    ),
    "types": (
        300_000,
        """
        for n in counted():
            f(type("T", (), {"__slots__": ("a",)})())
        """,
    ),
    "names of attributes": (
        150_000,
        """
        class Thing:
            pass

        for n in counted():
            thing = Thing()
            setattr(thing, f"name_{n}", 1)
            f(thing)
        """,
    ),
    "texts": (
        150_000,
        """
        for n in counted():
            f(f"text {n} " * 20)
        """,
    ),
    "exceptions": (
        300_000,
        """
        def fails(n):
            raise ValueError(n)

        for n in counted():
            try:
                fails(n)
            except ValueError as error:
                f(error)
        """,
    ),
    "tasks": (
        300_000,
        """
        import asyncio

        async def task(n):
            return f(n)

        async def main():
            for n in counted():
                await asyncio.create_task(task(n))

        asyncio.run(main())
        """,
    ),
    "generators": (
        150_000,
        """
        def numbers(n):
            yield n

        for n in counted():
            generator = numbers(n)
            next(generator)
        """,
    ),
    "passwords": (
        20_000,
        """
        def log_in(password):
            return None

        for n in counted():
            log_in(f"password-{n:06}")
        """,
    ),
}

COUNTED = """
samples = []


def counted():
    # What fills rings and tables comes first.
    for n in range(COUNT):
        if n % (COUNT // 10) == 0:
            samples.append(own_memory())
        yield n
    samples.append(own_memory())
    keep(samples)
"""


@pytest.mark.parametrize(
    "what",
    [pytest.param(what, marks=pytest.mark.slow if what in ("tasks", "types") else ()) for what in ONE_AFTER_ANOTHER],
)
def test_one_after_another_needs_no_more_memory(what: str, execmap: Execmap) -> None:
    count, source = ONE_AFTER_ANOTHER[what]
    plain, recorded = run_both(execmap, COUNTED.replace("COUNT", str(count)) + textwrap.dedent(source))

    # From the middle on: the rings, the tables of names and values, and the writer's have their size.
    grown = recorded[-1] - recorded[5]
    assert grown <= max(plain[-1] - plain[5], 0) + 6 * MIB, (plain, recorded)
    assert recorded[-1] - plain[-1] <= 40 * MIB, (plain, recorded)
    info = execmap.info()
    assert info["complete"]
    assert set(info["left_out"]) <= {"values cut", "values hidden"}, info["left_out_detail"]


def test_equal_functions_share_a_definition(execmap: Execmap) -> None:
    run_both(
        execmap,
        """
        for n in range(500):
            exec("def made(a): return a\\nmade(1)", {"__name__": "__main__"})
            exec(f"def made(a): return a + {n}\\nmade(1)", {"__name__": "__main__"})
        """,
    )

    rows = [row for row in stats(execmap) if row["function"] == "made"]
    assert sum(row["calls"] for row in rows) == 1000
    assert len(rows) == 1


ALIVE = {
    "functions": (
        """
        import types

        kept = [types.FunctionType(f.__code__.replace(co_firstlineno=n + 1), globals()) for n in range(COUNT)]
        for each in kept:
            each(1)
        """,
        1200,
    ),
    "types": (
        """
        kept = [type(f"T{n}", (), {})() for n in range(COUNT)]
        for each in kept:
            f(each)
        """,
        800,
    ),
    "generators": (
        """
        def numbers(n):
            yield n

        kept = [numbers(n) for n in range(COUNT)]
        for each in kept:
            next(each)
        """,
        400,
    ),
    "tasks": (
        """
        import asyncio

        async def task(n, event):
            await event.wait()

        async def main():
            event = asyncio.Event()
            kept = [asyncio.create_task(task(n, event)) for n in range(COUNT)]
            await asyncio.sleep(0)
            keep([own_memory()])
            event.set()
            for each in kept:
                await each

        asyncio.run(main())
        """,
        1200,
    ),
}


@pytest.mark.parametrize("what", ALIVE)
def test_what_is_alive_costs_a_constant_each(what: str, execmap: Execmap) -> None:
    count = 30_000
    source, most = ALIVE[what]
    ending = "" if what == "tasks" else "\nkeep([own_memory()])\n"
    plain, recorded = run_both(execmap, textwrap.dedent(source).replace("COUNT", str(count)) + ending)

    assert recorded[0] - plain[0] <= 40 * MIB + most * count
    assert_whole(execmap)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_who_created_very_many_tasks_is_known_or_counted(execmap: Execmap) -> None:
    count = 300_000
    run_both(
        execmap,
        f"""
        from concurrent.futures import ThreadPoolExecutor
        import threading

        gate = threading.Event()

        def submit(pool, n):
            pool.submit(f, n)

        with ThreadPoolExecutor(1) as pool:
            pool.submit(gate.wait)
            for n in range({count}):
                submit(pool, n)
            gate.set()
        """,
    )

    functions = {row["function"]: row["calls"] for row in stats(execmap)}
    assert (functions["submit"], functions["f"]) == (count, count)
    info = execmap.info()
    detail = "who created threads, tasks and jobs that were not begun for long"
    assert info["left_out_detail"]["recorded in a poorer way"] == [detail]
    known = sum(1 for row in execmap.rows() if row["function"] == "f" and row["created_by"] is not None)
    # The job that waits, and the thread, may be among the forgotten.
    assert 0 <= info["left_out"]["recorded in a poorer way"] - (count - known) <= 2
    assert known < count


ODD_CODE = {
    "three hundred parameters": (
        """
        names = [f"a{n}" for n in range(300)]
        exec(f"def many({', '.join(names)}): return a299")
        print(many(*range(300)))
        """,
        {"parameters of many beyond the 255th"},
    ),
    "seventy thousand instructions": (
        """
        body = "".join(f"    x = f(x)\\n" for _ in range(15_000))
        exec(f"def long(x):\\n{body}    for _ in range(3):\\n        f(x)\\n    return x")
        print(long(5), len(long.__code__.co_code) > 140_000)
        """,
        set(),
    ),
    "lines beyond a million": (
        """
        source = "\\n" * (1 << 20) + "def far(x):\\n    return f(x)\\nfar(1)\\n"
        exec(compile(source, __file__, "exec"))
        exec(compile("f(2)", __file__, "exec").replace(co_firstlineno=2**31 - 1))
        """,
        set(),
    ),
    "names that are no text": (
        """
        import importlib.util
        import os
        import sys

        path = os.fsdecode(os.path.join(os.fsencode(os.getcwd()), b"odd\\xff\\xe9.py"))
        with open(path, "w") as file:
            file.write("def odd(x):\\n    return x\\nodd(1)\\n")
        with open(path) as file:
            exec(compile(file.read(), path, "exec"), {"__name__": "odd"})
        print(ascii(os.path.basename(path)))
        """,
        set(),
    ),
    "a null byte in the source": (
        """
        for source in ("x = 1\\0", b"x = 1\\0"):
            try:
                exec(source)
            except (SyntaxError, ValueError) as error:
                print(type(error).__name__, error)
        """,
        set(),
    ),
    "code that is run before the code that holds it": (
        """
        import types

        source = "def inner(run):\\n    for n in range(3):\\n        run and run()\\n    return n\\nx = 1"
        module = compile(source, "<made>", "exec")
        inner = types.FunctionType(next(c for c in module.co_consts if isinstance(c, types.CodeType)), globals())

        def run():
            exec(module, {"__name__": "__main__"})

        print(inner(run), inner(None))
        """,
        set(),
    ),
}


@pytest.mark.parametrize("name", ODD_CODE)
def test_odd_code_is_not_noticed(name: str, execmap: Execmap) -> None:
    source, lost = ODD_CODE[name]
    run_both(execmap, source)

    info = execmap.info()
    details = {detail for texts in info["left_out_detail"].values() for detail in texts}
    assert info["complete"]
    assert {detail for detail in details if "limits" not in detail} == lost
    functions = {row["function"] for row in stats(execmap)}
    if name == "names that are no text":
        assert "odd" in functions


# What a tracer sees of them is another matter: names with escapes of its own, and other owners.
NOT_COMPARED = {
    "three hundred parameters",
    "names that are no text",
    "code that is run before the code that holds it",
}


@pytest.mark.parametrize("name", sorted(ODD_CODE.keys() - NOT_COMPARED))
def test_both_recorders_agree_on_odd_code(name: str, execmap: Execmap, tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text("def f(x):\n    return x\n" + textwrap.dedent(ODD_CODE[name][0]), "utf-8")

    assert compare(script, cwd=tmp_path) == []
