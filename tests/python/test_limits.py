"""Limits of a recording: where it stops, that the program goes on, and that the trace says so."""

from __future__ import annotations

from pathlib import Path

import pytest
from running import Execmap

pytest.importorskip("execmap")


@pytest.fixture
def execmap(tmp_path: Path) -> Execmap:
    return Execmap(tmp_path)


LOOP = """
import sys
def work(n): return n + 1
def main(count):
    for n in range(count): work(n)
    return count
print(main(int(sys.argv[1])), sys.monitoring.get_tool(4))
"""


def script(execmap: Execmap, source: str) -> Path:
    path = execmap.folder / "program.py"
    path.write_text(source, "utf-8")
    return path


def test_recording_stops_after_exactly_so_many_calls(execmap: Execmap) -> None:
    done = execmap.run(script(execmap, LOOP), "1000", options=["--max-calls", "100"])

    # The tool id was given back: nothing of the recorder is left in the program's way.
    assert (done.exit_code, done.out) == (0, "1000 None\n")
    assert "recording stopped at 100 calls (--max-calls)" in done.err
    rows = execmap.rows()
    assert len(rows) == 100
    assert [row["outcome"] for row in rows[:2]] == ["unfinished", "unfinished"]
    assert {row["outcome"] for row in rows[2:]} == {"returned"}
    info = execmap.info()
    assert (info["calls"], info["unfinished"], info["complete"]) == (100, 2, True)
    assert info["left_out_detail"] == {
        "early stop: limit reached": ["recording stopped at 100 calls (--max-calls)"],
    }
    assert "stop" in execmap.command("tree", execmap.trace).out


def test_a_program_that_makes_exactly_so_many_calls_is_whole(execmap: Execmap) -> None:
    done = execmap.run(script(execmap, LOOP), "10", options=["--max-calls", "12"])

    assert (done.exit_code, done.err) == (0, "")
    info = execmap.info()
    assert (info["calls"], info["left_out"], info["unfinished"]) == (12, {}, 0)


def test_recording_stops_before_the_trace_is_too_large(execmap: Execmap) -> None:
    done = execmap.run(script(execmap, LOOP), "400000", options=["--max-size", "200kB"])

    assert (done.exit_code, done.out) == (0, "400000 None\n")
    assert "recording stopped at 200000 bytes (--max-size)" in done.err
    assert execmap.trace.stat().st_size <= 200_000
    info = execmap.info()
    assert info["complete"]
    assert 1000 < info["calls"] < 400_000
    [told] = info["left_out_detail"]["early stop: limit reached"]
    assert told.startswith("recording stopped at 200000 bytes (--max-size)")
    assert len(execmap.rows()) == info["calls"]


THREADS = """
import threading, sys, asyncio
def work(n): return n
def many():
    for n in range(2000): work(n)
async def later(n):
    await asyncio.sleep(0)
    return work(n)
async def tasks(): return sum(await asyncio.gather(*(later(n) for n in range(50))))
threads = [threading.Thread(target=many) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
def fails(): raise ValueError(7)
try: fails()
except ValueError as error: print(error)
print(asyncio.run(tasks()))
def numbers():
    yield 1
    yield 2
print(list(numbers()))
"""


@pytest.mark.parametrize("limit", [1, 2, 3, 500, 5000, 16_011])
def test_threads_tasks_and_generators_go_on_behind_a_limit(limit: int, execmap: Execmap) -> None:
    path = script(execmap, THREADS)
    plain = execmap.command_of_python(path)
    done = execmap.run(path, options=["--max-calls", str(limit)])

    assert (done.exit_code, done.stdout) == (plain.exit_code, plain.stdout), done.err
    assert len(execmap.rows()) == execmap.info()["calls"] == limit


FORKS = """
import os, sys
def work(n): return n
for n in range(20): work(n)
if (child := os.fork()) == 0:
    for n in range(5): work(n)
    sys.exit(0)
os.waitpid(child, 0)
"""


def test_each_process_has_its_own_limit(execmap: Execmap) -> None:
    forks = FORKS.replace("for n in range(20): work(n)", "work(0)")
    execmap.run(script(execmap, forks), options=["--max-calls", "3"])

    [child] = execmap.folder.glob("run.execmap.*-1")
    assert execmap.info(child)["calls"] == 3
    assert execmap.info(child)["left_out"] == {"early stop: limit reached": 1}


def test_a_child_forked_behind_the_limit_is_counted(execmap: Execmap) -> None:
    done = execmap.run(script(execmap, FORKS), options=["--max-calls", "10"])

    assert done.exit_code == 0
    assert not list(execmap.folder.glob("run.execmap.*"))
    assert execmap.info()["left_out_detail"]["not followed"] == ["children forked after the recording had stopped"]


RECORD = """
import execmap, json
def work(n): return n
with execmap.record("limited.execmap", {option}) as recording:
    for n in range({count}): work(n)
work(0)
print(json.dumps(recording.trace.info["left_out_detail"]), len(recording.trace.calls))
with execmap.record() as again:
    work(1)
print(len(again.trace.calls))
"""


@pytest.mark.parametrize(
    ("option", "count", "told"),
    [
        ("max_calls=7", 100, "recording stopped at 7 calls (--max-calls)"),
        ("max_size=100_000", 200_000, "recording stopped at 100000 bytes (--max-size)"),
    ],
)
def test_limits_from_python_and_a_recording_after(option: str, count: int, told: str, execmap: Execmap) -> None:
    done = execmap.command_of_python(script(execmap, RECORD.format(option=option, count=count)))

    assert (done.exit_code, done.err) == (0, "")
    first, second = done.out.splitlines()
    assert first.count(told) == 1
    assert second == "1"


RING = """
import sys, threading, time
def work(n): return {"n": n, "text": f"number {n}"}
def quiet(event):
    event.wait()
    work(-1)
event = threading.Event()
thread = threading.Thread(target=quiet, args=(event,), name="quiet")
thread.start()
def main(count):
    for n in range(count): work(n)
main(int(sys.argv[1]))
event.set()
thread.join()
print("done")
"""


def test_a_ring_keeps_the_latest_and_counts_the_rest(execmap: Execmap) -> None:
    count = 300_000
    done = execmap.run(script(execmap, RING), str(count), options=["--ring", "1MB"])

    assert (done.exit_code, done.out) == (0, "done\n"), done.err
    assert execmap.trace.stat().st_size < 2_000_000
    info = execmap.info()
    dropped = info["left_out"]["calls dropped at the beginning"]
    # The module, main, quiet, and what they call.
    assert info["calls"] + dropped == count + 4
    assert info["complete"]
    assert dropped > 0
    rows = execmap.rows()
    assert len(rows) == info["calls"] > 1000
    assert [row["handle"] for row in rows[:2]] == ["c-0", "c-1"]
    first = count - (len(rows) - 1)
    results = [row["result"] for row in rows]
    assert results[:-1] == [f"{{'n': {n}, 'text': 'number {n}'}}" for n in range(first, count)]
    assert results[-1] == "{'n': -1, 'text': 'number -1'}"
    assert {row["outcome"] for row in rows} == {"returned"}
    assert "dropped at the beginning" in execmap.command("tree", execmap.trace).out


def test_a_ring_that_never_fills_is_whole(execmap: Execmap) -> None:
    execmap.run(script(execmap, RING), "10", options=["--ring", "1MB"])

    info = execmap.info()
    assert (info["calls"], info["left_out"], info["complete"]) == (14, {}, True)


KILLED = """
import os, signal
def work(n): return f"number {n}"
def main():
    for n in range(200_000): work(n)
    os.kill(os.getpid(), signal.SIGKILL)
main()
"""


def test_a_ring_of_a_killed_program_holds_the_last_call(execmap: Execmap) -> None:
    execmap.run(script(execmap, KILLED), options=["--ring", "1MB"])

    rows = execmap.rows()
    assert [row["result"] for row in rows[-2:]] == ["'number 199998'", "'number 199999'"]
    info = execmap.info()
    assert info["recovered"]
    assert info["calls"] + info["left_out"]["calls dropped at the beginning"] == 200_002


def test_a_ring_and_a_limit_of_size_exclude_each_other(execmap: Execmap) -> None:
    path = script(execmap, LOOP)
    done = execmap.run(path, "1", options=["--ring", "1MB", "--max-size", "1MB"])
    assert done.exit_code == 2
    assert "--max-size" in done.err
    assert execmap.run(path, "1", options=["--ring", "10kB"]).exit_code == 2


WINDOW = """
import execmap
def work(n): return f"number {n}"
with execmap.record("outer.execmap", ring=1_000_000) as outer:
    with execmap.record("inner.execmap") as inner:
        for n in range(200_000): work(n)
        with execmap.record("last.execmap") as last:
            work("last")
for recording in (outer, inner, last):
    calls = recording.trace.calls
    dropped = recording.trace.info["left_out"].get("calls dropped at the beginning", 0)
    print(len(calls) + dropped, dropped > 0, calls[-1]["result"])
"""


def test_windows_on_a_ring_say_what_they_lost(execmap: Execmap) -> None:
    done = execmap.command_of_python(script(execmap, WINDOW))

    assert (done.exit_code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "200001 True 'number last'",
        "200001 True 'number last'",
        "1 False 'number last'",
    ]


SLEEP = """
import time
def nap(seconds): time.sleep(seconds)
def main():
    nap(0); nap(3); nap(0); nap(6)
main()
"""


@pytest.mark.slow
def test_time_is_right_where_half_a_counter_comes_round(execmap: Execmap) -> None:
    """Three seconds are more than 2³² ticks of every counter above 1.5 GHz."""
    execmap.run(script(execmap, SLEEP))

    took = [(row["function"], (row["end_ns"] - row["start_ns"]) / 1e9) for row in execmap.rows()]
    assert [round(seconds) for function, seconds in took if function == "nap"] == [0, 3, 0, 6]
    assert all(seconds >= 9 for function, seconds in took if function == "main")
