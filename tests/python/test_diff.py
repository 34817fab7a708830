"""What two real runs did differently: the first divergence, the way to it, and nothing that is no difference."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import execmap as package
import pytest
from running import Execmap

SHOP = """
import sys

def tier(qty):
    return "small" if qty < 10 else "large"

def price(qty):
    return qty * 2 if tier(qty) == "small" else qty

def total(prices):
    return sum(prices)

def main():
    prices = []
    for number in range(int(sys.argv[1])):
        prices.append(price(int(sys.argv[2]) if number == 16 else 3))

main()
"""


def record(execmap: Execmap, name: str, source: str, *argv: str, options: tuple[str, ...] = ()) -> Path:
    """Records a script into a trace of its own."""
    script = execmap.folder / "shop.py"
    script.write_text(source, "utf-8")
    trace = execmap.folder / f"{name}.execmap"
    execmap.command("run", "--quiet", "--no-html", "-o", trace, *options, script, *argv)
    assert trace.exists()
    return trace


def compare(execmap: Execmap, old: Path, new: Path, *options: str) -> dict[str, Any]:
    done = execmap.command("diff", old, new, "--json", *options)
    data: dict[str, Any] = json.loads(done.out)
    assert done.exit_code == (0 if data["equal"] else 1), done.err
    assert data["equal"] == (not data["changes"])
    return data


def told(data: dict[str, Any]) -> list[tuple[str, ...]]:
    """Kind, function and first values of each change."""
    rows = []
    for change in data["changes"]:
        values = change["values"][0]
        name = change.get("argument") or change["function"].rpartition(".")[2]
        rows.append((change["kind"], name, values["old"], values["new"]))
    return rows


def test_equal_runs(execmap: Execmap) -> None:
    old, new = (record(execmap, name, SHOP, "40", "3") for name in ("old", "new"))
    done = execmap.command("diff", old, new)
    assert done.exit_code == 0
    assert done.out.startswith("equal: 82 calls in the same order, with the same arguments, results and outcomes\n")
    assert done.err == ""


def test_one_value_deep_inside(execmap: Execmap) -> None:
    old = record(execmap, "old", SHOP, "40", "3")
    new = record(execmap, "new", SHOP, "40", "4")
    data = compare(execmap, old, new)
    assert told(data) == [
        ("argument", "qty", "3", "4"),
        ("argument", "qty", "3", "4"),
        ("result", "price", "6", "8"),
    ]
    assert [(change["times"], change["of"]) for change in data["changes"]] == [(1, 40)] * 3
    way = data["first"]["way"]
    assert [step.get("function") for step in way] == ["shop.<module>", "shop.main", None, "shop.price"]
    assert (way[2]["line"], way[2]["old"], way[2]["new"]) == (15, 17, 17)
    assert execmap.rows(old)[int(way[3]["old"][2:])]["args"] == {"qty": "3"}


def test_one_more_iteration_says_just_that(execmap: Execmap) -> None:
    old, new = (record(execmap, count, SHOP, count, "3") for count in ("40", "41"))
    done = execmap.command("diff", old, new)
    assert done.exit_code == 1
    lines = done.out.splitlines()
    assert lines[0] == "different: 1 difference, 82 → 84 calls"
    assert [line.strip() for line in lines[-2:]] == [
        "~ loop at shop.py:15: 40 → 41 iterations",
        "+ shop.price(qty=3) → 6   1 call inside",
    ]


def test_moved_lines_are_no_difference(execmap: Execmap) -> None:
    old = record(execmap, "old", SHOP, "40", "3")
    edited = SHOP.replace("    prices = []", "    # Prices, one by one.\n    prices = []\n    unused = 1 + len(prices)")
    new = record(execmap, "new", "# A shop.\n\n\n" + edited, "40", "3")
    assert compare(execmap, old, new)["equal"]


def test_a_renamed_function_is_one_difference(execmap: Execmap) -> None:
    old = record(execmap, "old", SHOP, "40", "3")
    new = record(execmap, "new", SHOP.replace("tier(", "size("), "40", "3")
    assert told(compare(execmap, old, new)) == [("function", "size", "shop.tier", "shop.size")]


def test_an_exception_in_place_of_a_result(execmap: Execmap) -> None:
    source = """
import sys
def charge(card):
    if sys.argv[1] == "new":
        raise ValueError(f"no money on {card}")
    return True
def pay():
    try:
        return charge("visa")
    except ValueError:
        return False
pay()
"""
    old, new = (record(execmap, name, source, name) for name in ("old", "new"))
    assert told(compare(execmap, old, new)) == [
        ("outcome", "charge", "returned True", "raised ValueError: no money on visa"),
        ("result", "pay", "True", "False"),
    ]


def test_what_differs_in_every_run_is_proposed(execmap: Execmap) -> None:
    source = """
import time, uuid, tempfile
class Widget: pass
def log(started, key, folder, number): return None
def now(): return time.time()
log(time.time(), uuid.uuid4(), tempfile.mkdtemp(), id(Widget()))
now()
"""
    old, new = (record(execmap, name, source) for name in ("old", "new"))
    data = compare(execmap, old, new)
    kinds = [change["looks_like"] for change in data["changes"]]
    assert all(kinds), data["changes"]
    proposal = data["proposal"]
    assert proposal["text"].endswith("repeat with --ignore " + ",".join(proposal["ignore"]))
    assert compare(execmap, old, new, "--ignore", ",".join(proposal["ignore"]))["equal"]


def test_threads_tasks_and_processes_are_matched_by_what_they_do(execmap: Execmap) -> None:
    source = """
import asyncio, concurrent.futures, multiprocessing, sys, threading, time

def job(number):
    return step(number, sys.argv[1] if number == 3 else "same")

def step(number, word):
    time.sleep(0.001 * (7 - number if sys.argv[2] == "slow" else number))
    return number

async def task(number):
    await asyncio.sleep(0.002 * (number if sys.argv[2] == "slow" else 4 - number))
    return step(number, "task")

async def all_tasks():
    await asyncio.gather(*(task(number) for number in range(3)))

if __name__ == "__main__":
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        list(pool.map(job, range(6)))
    threads = [threading.Thread(target=job, args=(number,)) for number in (4, 5)]
    for thread in threads if sys.argv[2] == "slow" else reversed(threads):
        thread.start()
    for thread in threads:
        thread.join()
    asyncio.run(all_tasks())
    child = multiprocessing.get_context("fork").Process(target=job, args=(1,))
    child.start()
    child.join()
"""
    one = record(execmap, "one", source, "a", "slow")
    same = record(execmap, "same", source, "a", "fast")
    other = record(execmap, "other", source, "b", "fast")
    assert told(compare(execmap, one, same)) == []
    assert told(compare(execmap, one, other)) == [("argument", "word", "'a'", "'b'")]


def test_a_run_that_was_killed_is_compared_up_to_its_end(execmap: Execmap) -> None:
    source = """
import os, signal, sys
def work(number):
    if sys.argv[1] == "killed" and number == 20:
        os.kill(os.getpid(), signal.SIGKILL)
    return number
def main():
    for number in range(40):
        work(number)
main()
"""
    whole, killed = (record(execmap, name, source, name) for name in ("whole", "killed"))
    for old, new in ((whole, killed), (killed, whole)):
        data = compare(execmap, old, new)
        assert data["equal"]
        assert any("recovered" in note and "lie behind it" in note for note in data["notes"])
        assert data["verdict"].startswith("equal: as far as both were recorded")
    changed = record(execmap, "changed", source.replace("return number", "return number + (number == 7)"), "killed")
    assert told(compare(execmap, whole, changed)) == [("result", "work", "7", "8")]


def test_a_tenth_of_many_iterations(execmap: Execmap) -> None:
    source = """
import sys
def work(number, extra): return number
def main(every):
    for number in range(5000):
        work(number, number % 10 == 3 and every)
main(int(sys.argv[1]))
"""
    old, new = (record(execmap, name, source, name) for name in ("1", "2"))
    data = compare(execmap, old, new)
    assert told(data) == [("argument", "every", "1", "2"), ("argument", "extra", "1", "2")]
    assert (data["changes"][1]["times"], data["changes"][1]["of"]) == (500, 5000)


HOSTILE = ["end", "a;b", "# %% <br/>", "'\"`", "x\ny\tz\x1b[31m", "<b>&amp;", "\u202eab\u2066", "😀" * 20, "x" * 9000]


def test_hostile_values_stay_on_their_lines(execmap: Execmap) -> None:
    source = f"""
import sys
VALUES = {HOSTILE!r}
def show(value): return value
for value in VALUES:
    show(value + sys.argv[1])
    if sys.argv[1] == "2":
        globals().setdefault("more", show)(value * 2)
"""
    old, new = (record(execmap, name, source, name) for name in ("1", "2"))
    done = execmap.command("diff", old, new)
    assert done.exit_code == 1
    assert not any(c in done.out for c in "\x1b\t\u202e\u2066")
    assert all(len(line) < 400 for line in done.out.splitlines())
    diagram = execmap.command("diff", old, new, "-f", "mermaid").out
    assert diagram.startswith("sequenceDiagram\n    %% different: ")
    body = diagram.splitlines()[1:]
    assert not any(c in diagram for c in "\x1b\t\u202e\u2066#;")
    known = ("%% ", "actor p", "participant p", "p", "rect rgba(", "loop ", "end", "Note over p")
    assert all(line.strip().startswith(known) for line in body)
    opened = sum(line.strip().startswith(("rect", "loop")) for line in body)
    assert opened == sum(line.strip() == "end" for line in body)


def test_both_directions_and_the_door_in_python(execmap: Execmap) -> None:
    old = record(execmap, "old", SHOP, "40", "3")
    new = record(execmap, "new", SHOP, "50", "3")
    one, other = package.load(old), package.load(new)
    assert not one.diff(one)
    there, back = one.diff(other), other.diff(one)
    assert there
    assert not there.equal
    assert [change["kind"] for change in there.changes] == [change["kind"] for change in back.changes]
    assert str(there) == execmap.command("diff", old, new).out
    assert there.mermaid == execmap.command("diff", old, new, "-f", "mermaid").out
    with pytest.raises(package.TraceError, match="cannot ignore weather"):
        one.diff(other, ignore=["weather"])


def test_wrong_use(execmap: Execmap) -> None:
    old = record(execmap, "old", SHOP, "4", "3")
    assert execmap.command("diff", old).exit_code == 2
    missing = execmap.command("diff", old, "missing.execmap")
    assert missing.exit_code == 2
    assert "missing.execmap" in missing.err
    over = execmap.command("diff", old, old, "-o", old)
    assert over.exit_code == 2
    assert "the trace itself" in over.err
    written = execmap.command("diff", old, old, "-o", "difference.md")
    assert written.exit_code == 0
    assert (execmap.folder / "difference.md").read_text("utf-8").startswith("```mermaid\nsequenceDiagram\n")


def test_colours_are_for_eyes(execmap: Execmap) -> None:
    old = record(execmap, "old", SHOP, "4", "3")
    new = record(execmap, "new", SHOP, "5", "3")
    assert "\x1b" not in execmap.command("diff", old, new).out
    assert "\x1b[31mdifferent\x1b[0m:" in execmap.command("--color", "always", "diff", old, new).out
    never = subprocess.run(
        [sys.executable, "-m", "execmap", "diff", old, new],
        env={**os.environ, "NO_COLOR": "1", "CLICOLOR_FORCE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert never.returncode == 1
    assert "\x1b" not in never.stdout
