"""Traces that somebody made or damaged on purpose, read by real processes: one clear line, or what is whole."""

from __future__ import annotations

import os
import random
import shutil
import signal
from pathlib import Path

import pytest
from running import Done, Execmap

GOLDEN = Path(__file__).parents[1] / "golden" / "v1"
READERS = (
    ["info"],
    ["info", "--json"],
    ["tree", "--all"],
    ["stats"],
    ["map"],
    ["export", "-f", "ndjson"],
    ["export", "-f", "json"],
    ["export", "-f", "html", "-o", "-"],
)


def assert_borne(done: Done) -> None:
    assert done.exit_code in (0, 1, 2), (done.exit_code, done.err)
    if done.exit_code == 2:
        [line] = done.err.splitlines()
        assert line.startswith("error: ")


def assert_refused(done: Done, *words: str) -> None:
    assert_borne(done)
    assert done.exit_code == 2
    assert [word for word in words if word not in done.err] == []


@pytest.fixture
def whole(execmap: Execmap) -> Path:
    shutil.copy(GOLDEN / "calls.execmap", execmap.trace)
    return execmap.trace


# --- what is no file ------------------------------------------------------------------------------------------------


def test_a_pipe_is_refused_and_not_waited_for(execmap: Execmap) -> None:
    os.mkfifo(execmap.trace)

    for reader in READERS:
        assert_refused(execmap.command(*reader, execmap.trace), "not a file", execmap.trace.name)


def test_a_pipe_in_place_of_a_side_file_is_left_alone(execmap: Execmap, whole: Path) -> None:
    os.mkfifo(f"{whole}.part")

    assert execmap.command("info", whole).exit_code == 0


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null", "/dev/full", "/dev/tty"])
def test_a_device_is_refused(device: str, execmap: Execmap) -> None:
    if not Path(device).exists():
        pytest.skip(f"no {device} here")

    assert_refused(execmap.command("info", device), device)


def test_a_link_that_leads_nowhere_or_to_itself_is_refused(execmap: Execmap) -> None:
    execmap.trace.symlink_to("nowhere")
    assert_refused(execmap.command("info", execmap.trace), "no such file")
    execmap.trace.unlink()
    execmap.trace.symlink_to(execmap.trace)
    assert_refused(execmap.command("info", execmap.trace), execmap.trace.name)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_named(execmap: Execmap, whole: Path) -> None:
    whole.chmod(0)

    assert_refused(execmap.command("info", whole), "cannot read", whole.name)


# --- what is too large ----------------------------------------------------------------------------------------------


def test_a_file_of_a_terabyte_of_nothing_is_borne(execmap: Execmap, whole: Path) -> None:
    before = execmap.command("tree", whole)
    os.truncate(whole, 1 << 40)

    info = execmap.command("info", whole)

    assert info.exit_code == 0
    assert "bytes cut off at the end" in info.out
    assert before.out.splitlines()[0] == execmap.command("tree", whole).out.splitlines()[0]


def test_a_side_file_of_a_terabyte_is_borne(execmap: Execmap) -> None:
    for name in ("killed.execmap", "killed.execmap.part"):
        shutil.copy(GOLDEN / name, execmap.folder / name)
    part = execmap.folder / "killed.execmap.part"
    os.truncate(part, 1 << 40)

    info = execmap.command("info", "killed.execmap")

    assert info.exit_code == 0
    assert "recovered" in info.out


def test_a_side_file_without_its_trace_is_named(execmap: Execmap) -> None:
    shutil.copy(GOLDEN / "killed.execmap.part", execmap.folder / "killed.execmap.part")

    assert_refused(execmap.command("info", "killed.execmap.part"), "killed.execmap")


# --- what is damaged ------------------------------------------------------------------------------------------------


def test_lost_bytes_are_told_with_their_place(execmap: Execmap, whole: Path) -> None:
    content = bytearray(whole.read_bytes())
    content[len(content) // 2] ^= 0xFF
    whole.write_bytes(content)

    info = execmap.command("info", whole)

    assert "1 block damaged: at byte " in info.out


def test_a_text_in_a_trace_never_reaches_a_terminal_as_a_command(execmap: Execmap) -> None:
    execmap.record(
        "def f(x):\n    return x\n"
        "f.__code__ = f.__code__.replace(co_name='f\\x1b[2J', co_qualname='f\\x1b]0;title\\x07')\n"
        "f('\\x1b[31m\\r')\n"
    )

    # The page is none for terminals, and holds the viewer's own code.
    for reader in READERS[:-1]:
        done = execmap.command("--color", "never", *reader, execmap.trace)
        assert done.exit_code == 0, done.err
        assert not any(c < " " and c != "\n" for c in done.out)


def test_damaged_traces_are_borne_by_every_command(execmap: Execmap) -> None:
    chance = random.Random(7)
    traces = sorted(GOLDEN.glob("*.execmap"))
    for number in range(24):
        source = chance.choice(traces)
        execmap.trace.write_bytes(damaged(chance, source.read_bytes()))
        side = Path(f"{source}.part")
        if side.exists():
            Path(f"{execmap.trace}.part").write_bytes(damaged(chance, side.read_bytes()))
        else:
            Path(f"{execmap.trace}.part").unlink(missing_ok=True)
        done = execmap.command(*READERS[number % len(READERS)], execmap.trace)
        assert_borne(done)
        assert done.exit_code != -signal.SIGABRT


def damaged(chance: random.Random, content: bytes) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.randint(0, 4)):
        at = chance.randrange(len(changed) + 1)
        if chance.random() < 0.3:
            del changed[at:]
        elif chance.random() < 0.5:
            changed[at:at] = bytes(chance.randrange(256) for _ in range(chance.randint(1, 40)))
        elif at < len(changed):
            changed[at] = chance.randrange(256)
    return bytes(changed)
