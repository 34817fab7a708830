"""A program to which CPython refuses memory: nothing of execmap's shows, and what is missing is said."""

from __future__ import annotations

import pytest
from running import Execmap

pytest.importorskip("_testcapi", reason="this Python has no module that refuses memory")

PROGRAM = """
import sys
import _testcapi

made = {}
exec(
    "def shallow(a, b=(1,)):\\n"
    "    for each in b:\\n"
    "        deep(a)\\n"
    "    return {'k': a}\\n"
    "def deep(a):\\n"
    "    return [a, {1: a}]\\n"
    "def each(a):\\n"
    "    yield a\\n",
    made,
)
try:
    _testcapi.set_nomemory(int(sys.argv[1]), int(sys.argv[2]))
    made["shallow"](made)
    for _ in made["each"](made):
        pass
except MemoryError:
    pass
finally:
    _testcapi.remove_mem_hooks()
print("done")
"""


@pytest.mark.parametrize("first", range(0, 60, 6))
def test_a_program_without_memory_sees_nothing_of_execmap(execmap: Execmap, first: int) -> None:
    program = execmap.folder / "program.py"
    program.write_text(PROGRAM)
    for start in range(first, first + 6):
        done = execmap.run(program, str(start), str(start + 3))
        assert "panicked" not in done.out + done.err, start
        assert "execmap" not in done.err, start
        assert execmap.info()["calls"] > 0


def test_functions_first_called_without_memory_are_counted(execmap: Execmap) -> None:
    program = execmap.folder / "program.py"
    program.write_text(PROGRAM)
    said = []
    for start in range(30):
        execmap.run(program, str(start), str(start + 3))
        said.extend(execmap.info()["left_out_detail"].get("values not recorded", []))
    assert "functions first called when there was no memory" in said


def test_the_end_of_a_program_that_has_no_memory_left(execmap: Execmap) -> None:
    program = execmap.folder / "program.py"
    for last in range(1, 20):
        program.write_text(f"import _testcapi\nclass C: pass\n_testcapi.set_nomemory(0, {last})\nC()\n")
        done = execmap.run(program)
        assert done.exit_code in (1, 120), (last, done.err)
        assert "panicked" not in done.err, last
