"""Records two runs that differ in one argument deep inside, and times their difference. Prints JSON."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import execmap
from measure import peak_kilobytes
from reading import took

PROGRAM = """
import sys

def tier(qty, number):
    return qty

def price(qty, number):
    return tier(qty, number)

def order(number, odd):
    for line in range(9):
        price(odd if (number, line) == (ODD, 4) else 1, number)

def main(count, odd):
    for number in range(count):
        order(number, odd if number == ODD else 1)

COUNT = int(sys.argv[1])
ODD = COUNT * 2 // 3
main(COUNT, int(sys.argv[2]))
"""
CALLS_OF_AN_ORDER = 19


def main() -> None:
    calls, folder = int(sys.argv[1]), Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / "orders.py"
    script.write_text(PROGRAM)
    traces = [folder / f"{name}.execmap" for name in ("old", "same", "new")]
    for trace, odd in zip(traces, ("1", "1", "2"), strict=True):
        options = ["--quiet", "--no-html", "-o", str(trace)]
        words = ["-m", "execmap", "run", *options, str(script), str(calls // CALLS_OF_AN_ORDER), odd]
        subprocess.run([sys.executable, *words], check=True)
    began = time.perf_counter_ns()
    said = subprocess.run(
        [sys.executable, "-m", "execmap", "diff", str(traces[0]), str(traces[2])],
        capture_output=True,
        text=True,
        check=False,
    )
    command = time.perf_counter_ns() - began
    began = time.process_time_ns()
    old, same, new = (execmap.load(trace) for trace in traces)
    opened = time.process_time_ns() - began
    figures = {
        "calls": len(old.calls),
        "open_ns": opened * 2 // 3,
        "diff_ns": took(lambda: old.diff(new)),
        "equal_ns": took(lambda: old.diff(same)),
        "command_ns": command,
        # Whether the argument was named: a difference that finds nothing is fast.
        "is_named": said.returncode == 1 and "qty: 1 → 2" in said.stdout and not old.diff(same),
        "peak_kb": peak_kilobytes(),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
