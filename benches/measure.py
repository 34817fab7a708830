"""One measurement: one workload under one variant, in this process, printed as JSON.

The workload is run untraced first and then under the variant, so that each process carries its
own base line: what differs between two processes (where memory lies, what else the machine
does) is in both halves. Times are the CPU time of the workload's own threads; what the
recorder's writer spends is the rest of the process's CPU time.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import platform
import statistics
import sys
import time
from pathlib import Path
from typing import Any, Protocol, cast

import variants


class Workload(Protocol):
    """A module of `workloads`."""

    INCLUDE: list[str]
    QUICK_SIZE: int

    def run(self, size: int) -> int: ...


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workload")
    parser.add_argument("variant", choices=[*variants.VARIANTS, "count"])
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--native", type=Path, required=True, help="folder of the compiled floor.c")
    parser.add_argument("--trace", type=Path, help="the trace to write")
    options = parser.parse_args()

    sys.path.append(str(options.native))
    workload = cast(Workload, importlib.import_module(f"workloads.{options.workload}"))
    workload.run(workload.QUICK_SIZE)

    result = count(workload, options.size) if options.variant == "count" else measure(workload, options)
    json.dump({"python": platform.python_version(), **result}, sys.stdout)


def count(workload: Workload, size: int) -> dict[str, Any]:
    patterns = getattr(workload, "COUNTED", workload.INCLUDE)
    codes = variants.code_objects(patterns, lambda: workload.run(workload.QUICK_SIZE))
    recorded = variants.code_objects(workload.INCLUDE, lambda: workload.run(workload.QUICK_SIZE))
    counted = variants.count(codes, lambda: workload.run(size))
    expected = variants.count(recorded, lambda: workload.run(size))
    return {**counted, "recorded_calls": expected["calls"]}


def measure(workload: Workload, options: argparse.Namespace) -> dict[str, Any]:
    codes = variants.code_objects(workload.INCLUDE, lambda: workload.run(workload.QUICK_SIZE))
    untraced = [run(workload, options.size) for _ in range(options.repeats)]

    variant = variants.VARIANTS[options.variant](codes, workload.INCLUDE, options.trace)
    process = time.process_time_ns()
    thread = time.thread_time_ns()
    variant.__enter__()
    traced = []
    others = 0
    for _ in range(options.repeats):
        times = run(workload, options.size)
        traced.append(times)
        others += times["others_ns"]
    variant.__exit__(None, None, None)
    thread = time.thread_time_ns() - thread
    process = time.process_time_ns() - process

    return {
        "untraced_ns": statistics.median(times["ns"] for times in untraced),
        "traced_ns": statistics.median(times["ns"] for times in traced),
        # Where the workload has threads of its own, their waiting for each other is in here as well.
        "writer_ns": max(0, process - thread - others),
        "program_ns": sum(times["ns"] for times in traced),
        "repeats": options.repeats,
        "trace_bytes": options.trace.stat().st_size if options.trace and options.trace.exists() else None,
    }


def run(workload: Workload, size: int) -> dict[str, int]:
    """One run's CPU time, in all of the workload's threads and in those beside the main one."""
    gc.collect()
    began = time.thread_time_ns()
    others = workload.run(size)
    return {"ns": time.thread_time_ns() - began + others, "others_ns": others}


def peak_kilobytes() -> int:
    """The most memory this process ever held, mapped files included."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    raise RuntimeError("/proc/self/status has no VmHWM")


if __name__ == "__main__":
    main()
