"""Maps of real programs: what repeats is folded, and nothing is lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from running import Execmap

FUNCTIONS = """
def a(i): return i
def b(i): return i
def c(i): return i
def d(i): return i
def e(i): return i
def f(i): return i
def risky(i):
    if i == 417:
        raise ValueError(f"bad {i}")
    return i
def handle(error): return str(error)
def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)
"""

PROGRAMS = {
    "identical": ("for i in range(1000): a(i); b(i); c(i)", 3_001, 5, ["1,000×"]),
    "extra call": (
        "for i in range(1000):\n  a(i); b(i)\n  if i % 10 == 3: d(i)\n  c(i)",
        3_101,
        9,
        ["1,000×", "100 of 1,000: with d"],
    ),
    "branches": (
        "for i in range(1000):\n  a(i)\n  if i % 2: b(i)\n  else: c(i)",
        2_001,
        6,
        ["1,000×", "500 of 1,000: with c", "500 of 1,000: with b"],
    ),
    "six calls": ("for i in range(1000): a(i); b(i); c(i); d(i); e(i); f(i)", 6_001, 8, ["1,000×"]),
    "inner loop": (
        "for i in range(1000):\n  a(i)\n  for j in range(1 + i % 5): b(j)\n  c(i)",
        5_001,
        10,
        ["1,000×", "3,000× in 1,000 rounds, 1 to 5 each"],
    ),
    "nested in one frame": (
        "for i in range(10):\n  a(i)\n  for j in range(20):\n    b(j)\n    for k in range(3): c(k)\n  d(i)",
        821,
        10,
        ["10×", "200× in 10 rounds, 20 each", "600× in 200 rounds, 3 each"],
    ),
    "two loops in a row": (
        "for i in range(7): a(i)\nb(0)\nfor i in range(9): a(i)",
        18,
        6,
        ["7×", "9×"],
    ),
    "while and else": (
        "n = 0\nwhile n < 5:\n  a(n)\n  n += 1\nelse:\n  b(n)",
        7,
        4,
        ["5×"],
    ),
    "a comprehension": ("[a(i) for i in range(30) if b(i) % 3]", 51, 5, ["30×", "20 of 30: with a"]),
    "calls from C": ("sorted(range(40), key=a)", 41, 3, ["40×"]),
    "a handled failure": (
        "for i in range(1000):\n  try:\n    risky(i)\n  except ValueError as error:\n    handle(error)\na(0)",
        1_003,
        8,
        ["1,000×", "999 of 1,000: with risky", "1 of 1,000: with risky fails"],
    ),
    "recursion": ("fib(15)", 1_974, 6, ["1,973 calls of fib, 15 deep, as one", "986 of 1,973: with fib"]),
}


def data(execmap: Execmap, *options: str) -> dict[str, Any]:
    done = execmap.command("map", "--json", *options)
    assert done.exit_code == 0, done.err
    return json.loads(done.out)


def without_line(text: str) -> str:
    return text.partition(", line")[0]


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_repeats_is_folded(execmap: Execmap, name: str) -> None:
    body, calls, most, blocks = PROGRAMS[name]
    indented = body.replace("\n", "\n    ")
    source = f"{FUNCTIONS}\ndef main():\n    {indented}\nmain()\n"
    execmap.record(source)
    rows = data(execmap)["rows"]
    assert rows[0]["calls_inside"] == calls, "the module called main"
    nodes = [row for row in rows[1:] if row["kind"] in ("call", "block")]
    assert len(nodes) <= most, rows
    assert [without_line(row["text"]) for row in rows if "text" in row] == blocks


def test_a_recursion_that_fits_is_drawn_whole(execmap: Execmap) -> None:
    execmap.record(f"{FUNCTIONS}\nfib(5)\n")
    assert sum(row["kind"] == "call" for row in data(execmap)["rows"]) == 16


def test_the_same_calls_give_the_same_map(execmap: Execmap) -> None:
    source = f"{FUNCTIONS}\nfor i in range(50):\n    fib(i % 6)\n    a({{'x': i}})\n"
    maps = []
    for _ in range(2):
        execmap.record(source)
        maps.append([execmap.command("map", "-f", form).out for form in ("mermaid", "plantuml", "text")])
    assert maps[0] == maps[1]


@pytest.mark.parametrize("messages", [2, 3, 6, 20, 500])
def test_a_budget_is_kept_with_every_call_counted(execmap: Execmap, messages: int) -> None:
    source = f"{FUNCTIONS}\nfor i in range(50):\n    fib(i % 6)\n    a(i)\nfib(9)\nrisky(2)\n"
    calls = len(execmap.record(source))
    diagram = execmap.command("map", "--max-messages", str(messages)).out
    arrows = [line for line in diagram.splitlines() if ">>" in line or "--x" in line]
    assert 0 < len(arrows) <= messages
    told = 0
    for row in data(execmap, "--max-messages", str(messages))["rows"]:
        if row["kind"] == "call":
            told += row["times"] + (row["calls_inside"] if row["closed"] else 0)
        elif row["kind"] == "more":
            told += row["calls"] + row["calls_inside"]
    assert told == calls


def test_a_budget_that_is_too_small_names_the_smallest(execmap: Execmap) -> None:
    execmap.record("print()")
    done = execmap.command("map", "--max-messages", "1")
    assert done.exit_code == 2
    assert "need 2" in done.err
    done = execmap.command("map", "--max-chars", "20")
    assert done.exit_code == 2
    least = int("".join(c for c in done.err.rpartition("needs")[2] if c.isdigit()))
    assert execmap.command("map", "--max-chars", str(least)).exit_code == 0
    assert execmap.command("map", "--max-chars", str(least - 1)).exit_code == 2


def test_a_map_fits_its_characters_and_tokens(execmap: Execmap) -> None:
    source = f"{FUNCTIONS}\nfib(3); a(1); b('x' * 50); c({{'k': list(range(50))}}); risky(1)\n"
    execmap.record(source)
    for most in (600, 900):
        assert len(execmap.command("map", "--max-chars", str(most)).out) <= most
    assert len(execmap.command("map", "-f", "text", "--max-tokens", "100").out.encode()) <= 300


def names(rows: list[dict[str, Any]]) -> list[str]:
    return [row["name"] for row in rows if row["kind"] == "call"]


def test_focus_and_filters(execmap: Execmap) -> None:
    source = f"{FUNCTIONS}\ndef inner(i):\n    a(i)\n    b(i)\ndef outer():\n    for i in range(8): inner(i)\nouter()\n"
    execmap.record(source)
    assert names(data(execmap, "--focus", "inner")["rows"]) == ["inner", "a", "b"]
    without = data(execmap, "--exclude", "inner")["rows"]
    assert names(without) == ["<module>", "outer", "a", "b"]
    assert [row["text"].partition(",")[0] for row in without if row["kind"] == "block"] == ["8×"]
    assert names(data(execmap, "--include", "b")["rows"]) == ["b"]
    assert execmap.command("map", "--focus", "nothing").exit_code == 2


def test_threads_and_tasks_are_side_by_side(execmap: Execmap) -> None:
    source = """
import asyncio, threading
def work(n): return n
async def fetch(n):
    await asyncio.sleep(0)
    return work(n)
async def main():
    return await asyncio.gather(fetch(1), fetch(2))
asyncio.run(main())
thread = threading.Thread(target=work, args=(1,), name="helper")
thread.start()
thread.join()
"""
    execmap.record(source)
    diagram = execmap.command("map").out
    assert "par thread MainThread" in diagram
    assert "and thread helper" in diagram
    assert "par task" in diagram


def test_python_gives_the_same_map(execmap: Execmap, tmp_path: Path) -> None:
    import execmap as library

    execmap.record(f"{FUNCTIONS}\nfor i in range(50): a(i)\n")
    trace = library.load(execmap.trace)
    shown = trace.map(max_messages=8)
    assert shown.mermaid == execmap.command("map", "--max-messages", "8").out
    assert shown.plantuml.startswith("@startuml")
    assert trace.map(focus="a", group_by="package").data["rows"][0]["name"] == "a"
    with pytest.raises(library.TraceError, match="class, module or package"):
        trace.map(group_by="colour")
