"""`execmap info` says how a recording ended, what is missing from it, why, and what to do about it."""

from __future__ import annotations

import shutil
from pathlib import Path

from running import Execmap

GOLDEN = Path(__file__).parents[1] / "golden" / "v1"
PROGRAM = """
def check(user, password):
    return user

def keep(value):
    return len(value)

check("ann", "hunter2")
for _ in range(20):
    keep("long " * 2000)
"""


def said(execmap: Execmap) -> str:
    """The text of `execmap info`, wrapped lines put together again."""
    done = execmap.command("info", execmap.trace)
    assert done.exit_code == 0, done.err
    sentences = done.out.split("\nfiles ")[0].splitlines()
    assert [line for line in sentences if len(line) > 80] == []
    return " ".join(done.out.split())


def test_a_whole_trace_says_so_first(execmap: Execmap) -> None:
    execmap.record("def f():\n    pass\n\nf()\n")

    assert said(execmap).startswith("state whole, nothing left out calls ")
    info = execmap.info()
    assert (info["state"], info["left_out"], info["part_bytes"]) == ("whole", {}, 0)


def test_hidden_and_cut_values_are_counted_and_explained(execmap: Execmap) -> None:
    execmap.record(PROGRAM)

    text = said(execmap)

    assert "1 value hidden: password" in text
    assert "`--no-redact` records them" in text
    assert "20 values cut: " in text
    info = execmap.info()
    assert info["left_out"]["values hidden"] == 1
    assert set(info["left_out_advice"]) == set(info["left_out"])


def test_a_limit_says_that_and_where_it_stopped(execmap: Execmap) -> None:
    execmap.run("-c", "def f():\n    pass\n\nfor _ in range(100):\n    f()\n", options=["--max-calls", "10"])

    text = said(execmap)

    assert text.startswith("state stopped before the program ended; everything up to ")
    assert "early stop: limit reached: " in text
    assert "--max-calls" in text
    assert execmap.info()["state"] == "stopped"


def test_a_killed_run_says_up_to_when_it_is_there(execmap: Execmap) -> None:
    for ending in ("", ".part"):
        shutil.copy(GOLDEN / f"killed.execmap{ending}", f"{execmap.trace}{ending}")

    text = said(execmap)

    assert text.startswith("state recovered: the program was killed, or runs still; everything up to ")
    assert " had not returned" in text
    assert f"{execmap.trace.name}.part" in text
    assert execmap.info()["state"] == "recovered"


def test_a_cut_file_and_a_damaged_one_say_what_is_lost(execmap: Execmap) -> None:
    whole = (GOLDEN / "calls.execmap").read_bytes()
    execmap.trace.write_bytes(whole[:-40])
    text = said(execmap)
    assert text.startswith("state cut short: ")
    assert "cut off at the end" in text

    damaged = bytearray(whole)
    damaged[60] ^= 0xFF
    execmap.trace.write_bytes(damaged)
    text = said(execmap)
    assert "1 block damaged: at byte 32" in text
    assert "another copy may be whole" in text


def test_the_page_says_the_same(execmap: Execmap) -> None:
    execmap.record(PROGRAM)

    page = execmap.command("export", "-f", "html", "-o", "-", execmap.trace)

    assert page.exit_code == 0
    assert '"line":"1 value hidden: password"' in page.out
    assert '"state":"whole"' in page.out
    assert "whole, 21 things left out" in page.out
