"""The slower way, on which nothing is read by offset: the same stories, and it is said."""

from __future__ import annotations

from pathlib import Path

import programs
import pytest
from comparing import compare
from running import Execmap

VARIABLE = "EXECMAP_PUBLIC_FRAMES"


@pytest.fixture(autouse=True)
def _on_the_slower_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "1")


@pytest.mark.parametrize("program", programs.load_all(), ids=lambda program: program.name)
def test_the_story_is_the_same(program: programs.Program, execmap: Execmap) -> None:
    rows = execmap.record(program.source)

    assert program.tells(rows) == program.expected_here


@pytest.mark.slow
@pytest.mark.parametrize("program", programs.load_all(), ids=lambda program: program.name)
def test_both_recorders_agree(program: programs.Program, execmap: Execmap, tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(program.source, "utf-8")

    assert compare(script, cwd=tmp_path) == []


def test_info_says_that_frames_are_read_the_slower_way_and_why(execmap: Execmap) -> None:
    execmap.record("print(1)\n")

    info = execmap.info()
    details = info["left_out_detail"]["recorded in a poorer way"]
    assert details == [f"frames are read through the public API, which takes longer: {VARIABLE} is set"]
    assert details[0] in " ".join(execmap.command("info", execmap.trace).out.split())


def test_without_the_variable_frames_are_read_in_place(execmap: Execmap, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE)
    execmap.record("print(1)\n")

    assert "recorded in a poorer way" not in execmap.info()["left_out"]


def test_both_recorders_agree_on_cells_that_hold_cells(execmap: Execmap, tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(
        "import types\n"
        "def f(plain, shared):\n"
        "    return lambda: shared\n"
        "f(types.CellType(1), types.CellType(2))\n"
        "f(types.CellType(), [types.CellType()])\n",
        "utf-8",
    )

    assert compare(script, cwd=tmp_path) == []
