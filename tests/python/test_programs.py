"""execmap tells the story that each program file expects."""

from __future__ import annotations

import programs
import pytest
from running import Execmap


@pytest.mark.parametrize("program", programs.load_all(), ids=lambda program: program.name)
def test_execmap_tells_the_expected_story(program: programs.Program, execmap: Execmap) -> None:
    rows = execmap.record(program.source)

    assert program.tells(rows) == program.expected_here
