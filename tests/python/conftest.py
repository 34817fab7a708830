"""What every test here can use: a folder to work in, and execmap where it is installed."""

from __future__ import annotations

import importlib.util
import signal
from pathlib import Path

import pytest
from running import Execmap

# A job in the background ignores some signals, and so would every program it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)
for number in (signal.SIGQUIT, signal.SIGHUP):
    signal.signal(number, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test works in an empty folder, as a user would in a project."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EXECMAP_CHILD", raising=False)


@pytest.fixture
def execmap(tmp_path: Path) -> Execmap:
    """execmap's commands, run in the test's folder."""
    if importlib.util.find_spec("execmap") is None:
        pytest.skip("execmap is not installed in this Python: build it with `make build`, or `pip install .`")
    return Execmap(tmp_path)
