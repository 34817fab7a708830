"""Other people's programs: the same story as the reference recorder tells, and their output as without execmap.

Slow, and so run only when asked for: `pytest -m slow`.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import textwrap
from collections import Counter
from pathlib import Path

import pytest
from comparing import compare
from running import Execmap

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

LOADING = """
import importlib.util
import pyperf

# What a benchmark measures is also what it returns, and would differ from run to run.
pyperf.perf_counter = lambda: 0.0
spec = importlib.util.spec_from_file_location("bm_{name}", {path!r})
bm = importlib.util.module_from_spec(spec)
spec.loader.exec_module(bm)
"""

BENCHMARKS = {
    "richards": """
        # `Richards.run` with an idle task that ends after 150 rounds, not after 10,000.
        class ShortIdle(bm.IdleTask):
            def __init__(self, ident, priority, work, state, record):
                super().__init__(ident, priority, work, state, record)
                record.count = 150

        bm.IdleTask = ShortIdle
        print(bm.Richards().run(1), bm.taskWorkArea.holdCount, bm.taskWorkArea.qpktCount)
    """,
    "deltablue": "print(bm.delta_blue(25))",
    "generators": "print(sum(bm.tree(range(900))))",
    "async_tree": """
        import asyncio

        bm.NUM_RECURSE_LEVELS, bm.NUM_RECURSE_BRANCHES, bm.IO_SLEEP_TIME = 3, 5, 0.01
        for kind in ("none", "eager", "io", "memoization", "cpu_io_mixed"):
            for groups in (False, True):
                print(kind, groups, asyncio.run(bm.BENCHMARKS[kind](use_task_groups=groups).run()))
    """,
    "raytrace": """
        bm.bench_raytrace(1, 12, 12, "picture.ppm")
        with open("picture.ppm", "rb") as picture:
            print(picture.read().hex())
    """,
    "hexiom": "print(bm.main(1, 2))",
}

LIBRARIES = {
    "sqlglot": '''
        import sqlglot
        from sqlglot.optimizer import optimize

        QUERY = """
        SELECT l_orderkey, SUM(l_extendedprice * (1 - l_discount)) AS revenue, o_orderdate
        FROM customer, orders, lineitem
        WHERE c_mktsegment = 'BUILDING' AND c_custkey = o_custkey AND l_orderkey = o_orderkey
          AND o_orderdate < CAST('1995-03-15' AS DATE) AND l_shipdate > CAST('1995-03-15' AS DATE)
        GROUP BY l_orderkey, o_orderdate
        ORDER BY revenue DESC, o_orderdate
        LIMIT 10
        """
        SCHEMA = {
            "customer": {"c_custkey": "int", "c_mktsegment": "text"},
            "orders": {"o_orderkey": "int", "o_custkey": "int", "o_orderdate": "date"},
            "lineitem": {
                "l_orderkey": "int",
                "l_extendedprice": "decimal",
                "l_discount": "decimal",
                "l_shipdate": "date",
            },
        }
        print(optimize(sqlglot.parse_one(QUERY), schema=SCHEMA).sql(dialect="duckdb", pretty=True))
    ''',
    "docutils": '''
        from docutils.core import publish_string

        SOURCE = """
        A document
        ==========

        With *emphasis*, ``literals``, a `link <https://example.org/>`_ and a list:

        * one [#note]_
        * two

        .. [#note] A footnote.

        .. note:: And a directive.

        ===== =====
        a     table
        ===== =====
        1     2
        ===== =====

        A wrong |substitution|.
        """
        import textwrap
        settings = {"embed_stylesheet": False, "stylesheet_path": "", "report_level": 5, "datestamp": None}
        html = publish_string(textwrap.dedent(SOURCE), writer="html5", settings_overrides=settings)
        print(html.decode())
    ''',
    "black": '''
        import black

        SOURCE = """
        class  A( object ):
            def method(self, one, *, two = 2, **rest):
                return { 'a':1, "b" : [ x for x in rest if x is not None and len(x)>one*two or self.method(one) ] }
        @decorator
        async def f(a,b):
            async with a as c , b as d: await c(d)
            match a:
                case [1, *_]: pass
        """
        import textwrap
        print(black.format_str(textwrap.dedent(SOURCE), mode=black.Mode(line_length=60)))
    ''',
}


@pytest.mark.parametrize("name", BENCHMARKS)
def test_both_recorders_agree_on_a_benchmark(name: str, execmap: Execmap, tmp_path: Path) -> None:
    package = package_folder("pyperformance")
    path = package / "data-files" / "benchmarks" / f"bm_{name}" / "run_benchmark.py"
    script = tmp_path / "driver.py"
    loading = LOADING.format(name=name, path=str(path))
    script.write_text(loading + textwrap.dedent(BENCHMARKS[name]), "utf-8")

    assert compare(script, include=[f"bm_{name}"], cwd=tmp_path) == []


def until_the_end(differences: list[str]) -> list[str]:
    """Differences, but for generators that are suspended when the program ends.

    The interpreter closes them on its way out, before or after the recorder has stopped, as the collector likes.
    """
    return [text for text in differences if not text.endswith("outcome 'unfinished' found, 'closed' expected")]


@pytest.mark.parametrize("name", LIBRARIES)
def test_both_recorders_agree_on_a_library(name: str, execmap: Execmap, tmp_path: Path) -> None:
    script = tmp_path / "driver.py"
    script.write_text(textwrap.dedent(LIBRARIES[name]), "utf-8")
    if name == "black":
        # It comes compiled where a wheel of that kind exists; what it was compiled from lies beside it.
        for package in ("black", "blib2to3", "pytokens"):
            without_compiled = shutil.ignore_patterns("*.so", "__pycache__")
            shutil.copytree(package_folder(package), tmp_path / package, ignore=without_compiled)
    else:
        package_folder(name)

    assert until_the_end(compare(script, include=[name, "blib2to3"], cwd=tmp_path)) == []


def test_every_call_of_a_long_recursion_is_there(execmap: Execmap, tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text("def fib(n):\n    return n if n < 2 else fib(n - 1) + fib(n - 2)\n\n\nprint(fib(24))\n", "utf-8")

    assert execmap.run(script).out == "46368\n"
    exported = execmap.command("export", "-f", "ndjson", execmap.trace).out
    counts = Counter(json.loads(line)["function"] for line in exported.splitlines())
    assert counts == {"fib": 150_049, "<module>": 1}


def package_folder(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        pytest.skip(f"{name} is not installed: pip install -r tests/requirements.txt")
    return Path(spec.origin).parent
