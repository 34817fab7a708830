"""Recording that begins and ends in the middle of everything that can be running, and begins again.

What began before is no call of the recording, what it calls is; what goes on after the end is unfinished, never wrong.
"""

from __future__ import annotations

from typing import Any

from pairs import load, lost
from running import Execmap, python

Row = dict[str, Any]


def windows(execmap: Execmap, source: str) -> dict[str, list[Row]]:
    """The calls of each of a program's traces, by the trace's name."""
    (execmap.folder / "program.py").write_text(source, "utf-8")
    done = python("program.py", cwd=execmap.folder)
    assert (done.exit_code, done.err) == (0, "")
    traces = {trace.stem: trace for trace in sorted(execmap.folder.glob("*.execmap"))}
    for trace in traces.values():
        assert lost(execmap, trace) == []
    return {name: list(load(trace).calls) for name, trace in traces.items()}


def shown(rows: list[Row]) -> list[tuple[str, ...]]:
    functions = {row["handle"]: row["function"] for row in rows}
    return [(row["function"], *row["args"].values(), functions.get(row["parent"]), row["outcome"]) for row in rows]


def test_asynchronous_generators_that_are_suspended(execmap: Execmap) -> None:
    found = windows(
        execmap,
        """
import asyncio

import execmap


async def numbers(name):
    for n in range(4):
        await asyncio.sleep(0)
        yield step(name, n)


def step(name, n):
    return n


async def main():
    before = numbers("before")
    await anext(before)
    with execmap.record("one.execmap"):
        await anext(before)
        inside = numbers("inside")
        await anext(inside)
    await anext(before)
    await anext(inside)
    with execmap.record("two.execmap"):
        assert [n async for n in before] == [3]
        assert [n async for n in inside] == [2, 3]
    await before.aclose()


asyncio.run(main())
""",
    )

    assert shown(found["one"]) == [
        ("step", "'before'", "1", None, "returned"),
        ("numbers", "'inside'", None, "unfinished"),
        ("step", "'inside'", "0", "numbers", "returned"),
    ]
    assert shown(found["two"]) == [
        ("step", "'before'", "3", None, "returned"),
        ("step", "'inside'", "2", None, "returned"),
        ("step", "'inside'", "3", None, "returned"),
    ]


def test_context_managers_that_are_open(execmap: Execmap) -> None:
    found = windows(
        execmap,
        """
import contextlib

import execmap


@contextlib.contextmanager
def opened(name):
    step(name, "in")
    try:
        yield name
    except ValueError:
        step(name, "failed")
    else:
        step(name, "out")


def step(name, what):
    return name


recording = execmap.record("one.execmap")
with opened("outer"):
    recording.start()
    with opened("inner"):
        with opened("failing"):
            raise ValueError
recording.stop()
recording = execmap.record("two.execmap")
recording.start()
with opened("first"):
    step("last", "seen")
    recording.stop()
""",
    )

    assert [row for row in shown(found["one"]) if row[0] == "step"] == [
        ("step", "'inner'", "'in'", "opened", "returned"),
        ("step", "'failing'", "'in'", "opened", "returned"),
        ("step", "'failing'", "'failed'", "opened", "returned"),
        ("step", "'inner'", "'out'", "opened", "returned"),
        ("step", "'outer'", "'out'", None, "returned"),
    ]
    assert shown(found["two"]) == [
        ("opened", "'first'", None, "unfinished"),
        ("step", "'first'", "'in'", "opened", "returned"),
        ("step", "'last'", "'seen'", None, "returned"),
    ]


def test_deep_stacks_begin_and_end_anywhere(execmap: Execmap) -> None:
    found = windows(
        execmap,
        """
import execmap


def down(n):
    if n == 150:
        recordings[0].start()
    if n == 100:
        recordings[0].stop()
        recordings[1].start()
    result = down(n - 1) + 1 if n else 0
    if n == 50:
        recordings[1].stop()
        recordings[2].start()
    if n == 120:
        other(n)
    if n == 160:
        recordings[2].stop()
    return result


def other(n):
    return n


recordings = [execmap.record(name) for name in ("one", "two", "three")]
assert down(200) == 200
""",
    )

    assert shown(found["one"]) == [
        ("down", str(n), "down" if n < 149 else None, "unfinished") for n in range(149, 99, -1)
    ]
    assert shown(found["two"]) == [
        ("down", str(n), "down" if n < 99 else None, "returned" if n < 50 else "unfinished") for n in range(99, -1, -1)
    ]
    assert shown(found["three"]) == [("other", "120", None, "returned")]


def test_code_that_runs_inside_frames_that_are_left_out(execmap: Execmap) -> None:
    found = windows(
        execmap,
        """
import functools
import json

import execmap


class Encoder(json.JSONEncoder):
    def default(self, thing):
        if thing == 2:
            recording.start()
        if thing == {5}:
            recording.stop()
        return told(thing)


def told(thing):
    return str(thing)


class Thing:
    def __init__(self, n):
        self.n = n

    def __eq__(self, other):
        return self.n == other


recording = execmap.record("one.execmap")
print(json.dumps([Thing(1), Thing(2), Thing(3), {4: Thing(4)}, {5}, Thing(6)], cls=Encoder, indent=1)[:0])
recording = execmap.record("two.execmap")


def less(a, b):
    if (a, b) == (2, 3):
        recording.start()
    return compared(a, b)


def compared(a, b):
    return a - b


print(sorted([3, 2, 4, 1], key=functools.cmp_to_key(less)))
recording.stop()
""",
    )

    first = [row for row in shown(found["one"]) if row[0] != "Thing.__eq__"]
    assert first == [
        ("told", "<Thing n=2>", None, "returned"),
        ("Encoder.default", *first[1][1:3], None, "returned"),
        ("told", "<Thing n=3>", "Encoder.default", "returned"),
        ("Encoder.default", *first[3][1:3], None, "returned"),
        ("told", "<Thing n=4>", "Encoder.default", "returned"),
        ("Encoder.default", *first[5][1:3], None, "unfinished"),
    ]
    assert {row[-1] for row in shown(found["two"])} == {"returned"}
    assert shown(found["two"])[0] == ("compared", "2", "3", None, "returned")
    assert all(row[-2] == "less" for row in shown(found["two"])[1:] if row[0] == "compared")


def test_exceptions_on_their_way_when_recording_begins_and_ends(execmap: Execmap) -> None:
    found = windows(
        execmap,
        """
import execmap


def outer():
    try:
        middle()
    except ValueError as error:
        handled(error)
        raise KeyError from error


def middle():
    try:
        inner()
    finally:
        recording.start()
        cleaned()


def inner():
    raise ValueError("inner")


def cleaned():
    try:
        raise OSError("cleaned")
    except OSError:
        pass


def handled(error):
    return type(error).__name__


def ends():
    try:
        starts()
    finally:
        recording.stop()


def starts():
    inner()


recording = execmap.record("one.execmap")
try:
    outer()
except KeyError:
    recording.stop()
recording = execmap.record("two.execmap")
recording.start()
try:
    ends()
except ValueError as error:
    handled(error)
""",
    )

    assert shown(found["one"]) == [
        ("cleaned", None, "returned"),
        ("handled", "ValueError('inner')", None, "returned"),
    ]
    assert shown(found["two"]) == [
        ("ends", None, "unfinished"),
        ("starts", "ends", "raised"),
        ("inner", "starts", "raised"),
    ]


def test_recordings_of_many_threads_in_the_middle_of_their_work(execmap: Execmap) -> None:
    found = windows(
        execmap,
        """
import threading

import execmap


def work(name):
    n = 0
    while not done.is_set():
        n += 1
        assert chain(name, n) == n
    return n


def chain(name, n):
    return sum(numbers(name, n)) // 2


def numbers(name, n):
    yield n
    yield twice(name, n) // 2


def twice(name, n):
    return 2 * n


done = threading.Event()
threads = [threading.Thread(target=work, args=(name,)) for name in "abc"]
for thread in threads:
    thread.start()
for number in range(5):
    with execmap.record(f"run{number}.execmap"):
        seen = threading.Event()
        seen.wait(0.02)
done.set()
for thread in threads:
    thread.join()
""",
    )

    assert len(found) == 5
    assert sum(map(len, found.values())) > 50
    for rows in found.values():
        by_handle = {row["handle"]: row for row in rows}
        for row in rows:
            parent = by_handle.get(row["parent"])
            if parent is not None:
                assert parent["args"] == row["args"], (parent, row)
                assert parent["thread"] == row["thread"]
                assert (parent["function"], row["function"]) in {("chain", "numbers"), ("numbers", "twice")}
            assert row["outcome"] in {"returned", "unfinished"}
        unfinished = [row for row in rows if row["outcome"] == "unfinished"]
        assert len(unfinished) <= 3 * 3
