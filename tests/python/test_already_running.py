"""A recording that starts in the middle: threads, generators and tasks that are already running.

What began before is no call of the recording; what it calls from then on is.
"""

from __future__ import annotations

from typing import Any

from running import Execmap

Row = dict[str, Any]


def window(execmap: Execmap, source: str) -> list[Row]:
    """The calls of a program that records itself into `window.execmap`."""
    (execmap.folder / "program.py").write_text(source, "utf-8")
    done = execmap.command_of_python("program.py")
    assert (done.exit_code, done.err) == (0, "")
    return execmap.rows(execmap.folder / "window.execmap")


def test_calls_of_a_running_thread_are_recorded_in_its_lane(execmap: Execmap) -> None:
    rows = window(
        execmap,
        """
import queue
import threading

import execmap

jobs, results = queue.Queue(), queue.Queue()


def work():
    while (n := jobs.get()) is not None:
        results.put(double(n))


def double(n):
    return 2 * n


def ask(n):
    jobs.put(n)
    return results.get()


thread = threading.Thread(target=work, daemon=True)
thread.start()
ask(1)
with execmap.record("window.execmap"):
    ask(2)
    ask(3)
ask(4)
jobs.put(None)
thread.join()
""",
    )

    assert [(row["result"], row["parent"]) for row in rows if row["function"] == "double"] == [("4", None), ("6", None)]
    assert [row["args"]["n"] for row in rows if row["function"] == "ask"] == ["2", "3"]
    assert len({row["thread"] for row in rows}) == 2
    assert "work" not in {row["function"] for row in rows}


def test_a_generator_that_was_suspended_is_no_call_but_its_callees_are(execmap: Execmap) -> None:
    rows = window(
        execmap,
        """
import execmap


def numbers():
    for n in range(4):
        yield inside(n)


def inside(n):
    return n


def take(generator):
    return next(generator)


g = numbers()
take(g)
with execmap.record("window.execmap"):
    take(g)
    h = numbers()
    take(h)
take(g)
take(h)
""",
    )

    assert [(row["function"], row["args"].get("n")) for row in rows] == [
        ("take", None),
        ("inside", "1"),
        ("take", None),
        ("numbers", None),
        ("inside", "0"),
    ]
    take, inside, _, numbers, _ = rows
    assert inside["parent"] == take["handle"]
    assert numbers["outcome"] == "unfinished"


def test_a_task_that_was_waiting_is_no_call_but_its_callees_are(execmap: Execmap) -> None:
    rows = window(
        execmap,
        """
import asyncio

import execmap


async def worker(n):
    step(n, "before")
    await asyncio.sleep(0)
    step(n, "after")
    return n


def step(n, when):
    pass


async def main():
    tasks = [asyncio.create_task(worker(n)) for n in range(2)]
    await asyncio.sleep(0)
    with execmap.record("window.execmap"):
        await asyncio.gather(*tasks)


asyncio.run(main())
""",
    )

    assert [(row["function"], row["args"]["when"]) for row in rows] == [("step", "'after'")] * 2
    assert len({row["task"] for row in rows}) == 2
    assert None not in {row["task"] for row in rows}


def test_a_second_recording_sees_what_the_first_left_out(execmap: Execmap) -> None:
    rows = window(
        execmap,
        """
import json

import execmap


def f():
    return json.dumps({"a": [1]})


with execmap.record("first.execmap"):
    f()
with execmap.record("window.execmap", include=("*/json/*",)):
    f()
""",
    )

    assert [row["function"] for row in rows][:2] == ["f", "dumps"]
    assert [row["function"] for row in execmap.rows(execmap.folder / "first.execmap")] == ["f"]
