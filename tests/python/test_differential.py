"""execmap and the reference recorder agree in every field but times."""

from __future__ import annotations

from pathlib import Path

import programs
import pytest
import reference
from comparing import compare, differences_of_rows
from running import Execmap

SHOP = Path(__file__).resolve().parents[2] / "examples" / "shop" / "shop.py"


@pytest.mark.parametrize("program", programs.load_all(), ids=lambda program: program.name)
def test_both_recorders_agree_on_the_programs(program: programs.Program, execmap: Execmap, tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(program.source, "utf-8")

    assert compare(script, cwd=tmp_path) == []


@pytest.mark.parametrize("number", ["1042", "1043", "7"])
def test_both_recorders_agree_on_the_shop(number: str, execmap: Execmap) -> None:
    assert compare(SHOP, [number]) == []


def test_both_recorders_agree_on_a_long_recursion(execmap: Execmap, tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text("def fib(n):\n    return n if n < 2 else fib(n - 1) + fib(n - 2)\n\n\nprint(fib(18))\n", "utf-8")

    assert compare(script, cwd=tmp_path) == []


def test_a_comparison_names_the_call_and_the_field(tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text("def f(a):\n    return a\n\n\nf(1)\nf(2)\n", "utf-8")
    rows = reference.record(script, cwd=tmp_path)
    wrong = [*rows[:1], {**rows[1], "result": "3", "start_ns": 17}]

    assert differences_of_rows(rows, rows) == []
    assert differences_of_rows(wrong, rows) == [
        "calls: 2 found, 3 expected",
        "c-1 f(a=1): result '3' found, '1' expected",
        "c-2 f(a=2): expected but not found",
    ]


def test_a_comparison_skips_what_the_reference_cannot_tell(tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text("def f():\n    raise ValueError(1)\n\n\nf()\n", "utf-8")
    rows = reference.record(script, cwd=tmp_path)
    unsure = [rows[0], {**rows[1], "exception": reference.UNKNOWN}]

    assert differences_of_rows(rows, unsure) == []


@pytest.mark.parametrize("name", ["threads", "threads-pool", "tasks-to-thread", "threads-in-turn", "tasks-group"])
def test_the_reference_agrees_with_itself_whatever_the_order_of_threads(name: str, tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(programs.load(programs.FOLDER / f"{name}.md").source, "utf-8")

    assert differences_of_rows(reference.record(script, cwd=tmp_path), reference.record(script, cwd=tmp_path)) == []


def test_the_reference_agrees_with_itself_on_the_shop() -> None:
    assert differences_of_rows(reference.record(SHOP, ["1042"]), reference.record(SHOP, ["1042"])) == []
