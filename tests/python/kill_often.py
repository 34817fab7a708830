"""Kills recorded programs at random moments, and demands that every trace holds all that had been done by then.

The program counts each call that it has finished in a mapped file, which
outlives it. What is counted there must be in the trace, with its values, when
the trace is read after the death, and also while the program still runs.

    python kill_often.py --kills 200 --threads 4
"""

from __future__ import annotations

import argparse
import mmap
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import execmap

PROGRAM = """
import mmap
import sys
import threading
import time

counted, threads, limit = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
with open(counted, "r+b") as file:
    COUNTS = memoryview(mmap.mmap(file.fileno(), 4096)).cast("Q")


def inner(number):
    if number % 5 == 0:
        raise ValueError(f"no {number}")
    return {"number": number}


def step(thread, number, text):
    try:
        return inner(number)["number"] + thread
    except ValueError:
        return text[:7]


def texts(count):
    for number in range(count):
        yield f"{number:07} " + "abcdefgh" * (number % 24)


def work(thread):
    for number, text in enumerate(texts(limit)):
        step(thread, number, text)
        COUNTS[thread] = number + 1


others = [threading.Thread(target=work, args=(thread,)) for thread in range(1, threads)]
for other in others:
    other.start()
work(0)
for other in others:
    other.join()
COUNTS[511] = 1
if "stays" in sys.argv:
    time.sleep(3600)
"""

MOST_STEPS = 12_000
"""Steps of a program that is killed in the middle of them: several segments full."""


class Torn(Exception):
    """A trace that does not hold what had been done."""


class Victim:
    """A recorded program, and what it says it has done."""

    def __init__(self, folder: Path, threads: int, limit: int, *, stays: bool) -> None:
        script = folder / "victim.py"
        script.write_text(PROGRAM, "utf-8")
        counts = folder / "counts"
        counts.write_bytes(bytes(4096))
        self.threads = threads
        self.trace = folder / "run.execmap"
        with counts.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 4096)
        self._counts = memoryview(self._map).cast("Q")
        run = ["run", "--quiet", "--no-html", "-o", str(self.trace)]
        program = [str(script), str(counts), str(threads), str(limit), *(["stays"] if stays else [])]
        environment = {name: value for name, value in os.environ.items() if name != "EXECMAP_CHILD"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "execmap", *run, *program],
            env=environment,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def counts(self) -> list[int]:
        """How many steps each thread has finished."""
        return [self._counts[thread] for thread in range(self.threads)]

    def is_over(self) -> bool:
        return bool(self._counts[511]) or self.process.poll() is not None

    def size(self) -> int:
        try:
            return self.trace.stat().st_size
        except FileNotFoundError:
            return 0

    def wait_for_steps(self) -> None:
        while not any(self.counts()) and not self.is_over():
            time.sleep(0.001)

    def kill(self) -> None:
        self.process.kill()
        _, said = self.process.communicate()
        # The death of a process is reported before its last store may be seen only if it had ended before.
        if self.process.returncode not in (-signal.SIGKILL, 0) or said:
            raise Torn(f"the program ended with {self.process.returncode} and said {said!r}")

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
        self._counts.release()
        self._map.close()


def expected_row(function: str, thread: int, number: int) -> tuple[object, object, object]:
    """Arguments, result and exception of a call."""
    if function == "inner":
        failed = f"ValueError: no {number}" if number % 5 == 0 else None
        return {"number": str(number)}, None if failed else f"{{'number': {number}}}", failed
    text = f"{number:07} " + "abcdefgh" * (number % 24)
    result = repr(text[:7]) if number % 5 == 0 else str(number + thread)
    return {"thread": str(thread), "number": str(number)}, result, None


def check(path: Path, finished: list[int]) -> dict[str, Any]:
    """Demands that a trace holds the steps that were finished, and nothing that was not."""
    trace = execmap.load(path)
    rows = list(trace.calls)
    by_handle = {row["handle"]: row for row in rows}
    next_step: Counter[int] = Counter()
    inner_of: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row["function"] == "inner":
            inner_of[row["parent"]] = row
    for row in rows:
        if row["function"] != "step":
            continue
        thread = int(row["args"]["thread"])
        number = next_step[thread]
        next_step[thread] += 1
        is_finished = number < finished[thread]
        parent = by_handle.get(row["parent"])
        if parent is None or parent["function"] != "work" or parent["args"] != {"thread": str(thread)}:
            raise Torn(f"step {number} of thread {thread} was called by {parent}")
        compare(row, "step", thread, number, is_finished)
        if row["handle"] in inner_of:
            compare(inner_of[row["handle"]], "inner", thread, number, is_finished)
        elif is_finished:
            raise Torn(f"step {number} of thread {thread} called nothing")
    for thread, count in enumerate(finished):
        if next_step[thread] < count:
            raise Torn(f"thread {thread} had finished {count} steps, {next_step[thread]} are in the trace")
    info = trace.info
    if "records damaged" in dict(info["left_out"]) or info["left_out"]:
        raise Torn(f"the trace says that something was left out: {info['left_out']}")
    return info


def compare(row: dict[str, Any], function: str, thread: int, number: int, is_finished: bool) -> None:
    args, result, failed = expected_row(function, thread, number)
    known = {name: value for name, value in row["args"].items() if name != "text"}
    if known != args:
        raise Torn(f"{function} {number} of thread {thread} was called with {row['args']}")
    if function == "step" and not row["args"]["text"].startswith(f"'{number:07} "):
        raise Torn(f"{function} {number} of thread {thread} was called with {row['args']}")
    if (row["result"], row["exception"]) == (result, failed):
        return
    # The last one of a thread may be on its way.
    if is_finished or (row["result"], row["exception"]) != (None, None):
        raise Torn(f"{function} {number} of thread {thread} gave {row['result']!r}, {row['exception']!r}")


MOMENTS = ("start", "run", "block", "finish", "live")
"""When the program is killed: as it starts, at any time, as a block is written, as it ends, under a reader's eyes."""


@dataclass
class Tally:
    """What became of the traces."""

    by_moment: Counter[str] = field(default_factory=Counter)
    recovered: int = 0
    whole: int = 0
    not_begun: int = 0
    read_alive: int = 0
    steps: int = 0

    def __str__(self) -> str:
        kills = sum(self.by_moment.values())
        moments = ", ".join(f"{count} at {moment}" for moment, count in sorted(self.by_moment.items()))
        return (
            f"{kills} kills ({moments}): {self.recovered} traces recovered, {self.whole} whole, "
            f"{self.not_begun} killed before the trace was begun; {self.read_alive} read while the program ran; "
            f"{self.steps:,} finished steps, none missing"
        )


def kill_once(random_: random.Random, moment: str, threads: int, tally: Tally) -> None:
    """One program, one death, one trace."""
    with tempfile.TemporaryDirectory(prefix="kill-") as name:
        ends = moment == "finish"
        steps = random_.randrange(10, 3000) if ends else MOST_STEPS
        victim = Victim(Path(name), threads, steps // threads, stays=not ends)
        try:
            wait(random_, moment, victim, tally)
            victim.kill()
            judge(victim, tally)
        finally:
            victim.close()
    tally.by_moment[moment] += 1


def wait(random_: random.Random, moment: str, victim: Victim, tally: Tally) -> None:
    if moment == "start":
        deadline = time.monotonic() + 5
        if random_.random() < 0.5:
            # From the moment at which the side file appears.
            while not victim.trace.with_suffix(".execmap.part").exists() and time.monotonic() < deadline:
                pass
            time.sleep(random_.uniform(0, 0.02))
        else:
            time.sleep(random_.uniform(0, 0.4))
        return
    victim.wait_for_steps()
    if moment == "finish":
        while not victim.is_over():
            time.sleep(0.0002)
        time.sleep(random_.uniform(0, 0.02))
        return
    time.sleep(random_.uniform(0, 0.4))
    if moment == "block":
        before = victim.size()
        deadline = time.monotonic() + 2
        while victim.size() == before and time.monotonic() < deadline:
            pass
        time.sleep(random_.choice([0, 0, 0.0002, 0.001]))
    if moment == "live":
        finished = victim.counts()
        check(victim.trace, finished)
        tally.read_alive += 1


def judge(victim: Victim, tally: Tally) -> None:
    finished = victim.counts()
    tally.steps += sum(finished)
    if victim.size() == 0:
        if any(finished):
            raise Torn(f"there is no trace, and {finished} steps were finished")
        tally.not_begun += 1
        return
    info = check(victim.trace, finished)
    if info["complete"]:
        tally.whole += 1
    elif info["recovered"]:
        tally.recovered += 1
    elif info["calls"] == 0 and not any(finished):
        # The trace had a head, and the side file had none yet.
        tally.not_begun += 1
    else:
        raise Torn("the trace is neither whole nor recovered")


def kill_often(kills: int, threads: int, seed: int, seconds: float | None = None) -> Tally:
    """Kills so many programs, or as many as there is time for."""
    tally = Tally()
    began = time.monotonic()
    for number in range(kills):
        if seconds is not None and time.monotonic() - began > seconds:
            break
        moment = MOMENTS[number % len(MOMENTS)]
        try:
            kill_once(random.Random(f"{seed} {number}"), moment, threads, tally)
        except Exception as error:
            error.add_note(f"seed {seed}, kill {number} at {moment}, {threads} threads")
            raise
    return tally


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--threads", type=int, nargs="*", default=[1, 4])
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--seconds", type=float, help="stop after so long, for each number of threads")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    for threads in options.threads:
        tally = kill_often(options.kills, threads, options.seed, options.seconds)
        print(f"{threads} {'thread' if threads == 1 else 'threads'}: {tally}", flush=True)


if __name__ == "__main__":
    main()
