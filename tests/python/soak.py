"""Soaking: `soak_program.py` for minutes, plain and recorded beside each other.

    python soak.py [--minutes 10] [--forks] [--threads 64] [--tasks 1000]

What has to hold: both end by themselves, with the same words; the trace of each process has exactly the calls that the
process counted itself, function by function; nothing is lost; the rings stay within their 48 MiB; the recorded process
needs at most 64 MiB more, and once it has warmed up, it grows no more than the plain one.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import execmap

PROGRAM = Path(__file__).resolve().with_name("soak_program.py")
RINGS = 48 << 20
HEAD = 4096

# A run without a sign of life for so long has stopped for good.
STALLED_S = 120

# What the recorded process may hold beyond the plain one at any time.
MORE = 64 << 20

# What it may grow beyond the plain one after warming up, when tables of bounded size are full. A shorter run says
# nothing about it.
GROWTH = 4 << 20
LONG_MINUTES = 3


@dataclass
class Memory:
    """What a process holds, sampled while it runs: seconds, and bytes that are its own."""

    seconds: list[float] = field(default_factory=list)
    own: list[int] = field(default_factory=list)
    rings: int = 0

    def sample(self, pid: int, since: float) -> None:
        try:
            status = Path(f"/proc/{pid}/status").read_text()
            maps = Path(f"/proc/{pid}/maps").read_text()
        except OSError:
            return
        found = re.search(r"^RssAnon:\s*(\d+) kB", status, re.MULTILINE)
        if found is None:
            return
        self.seconds.append(time.monotonic() - since)
        self.own.append(int(found[1]) << 10)
        rings = 0
        for line in maps.splitlines():
            if ".execmap.part" in line:
                begin, end = (int(number, 16) for number in line.split(None, 1)[0].split("-"))
                rings += end - begin
        self.rings = max(self.rings, rings)

    def growth(self) -> float:
        """Bytes by which it grew over the last three quarters of the time: a line through the samples."""
        total = self.seconds[-1]
        points = [(x, y) for x, y in zip(self.seconds, self.own, strict=True) if x >= total / 4]
        count = len(points)
        mean_x = sum(x for x, _ in points) / count
        mean_y = sum(y for _, y in points) / count
        spread = sum((x - mean_x) ** 2 for x, _ in points)
        slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
        return slope * (points[-1][0] - points[0][0])

    def curve(self) -> str:
        """Eight samples in MiB, evenly over the time."""
        last = len(self.own) - 1
        return " ".join(f"{self.own[last * i // 7] / 2**20:.0f}" for i in range(8))


@dataclass
class Run:
    """A run of the program, plain or recorded."""

    folder: Path
    is_recorded: bool
    process: subprocess.Popen[bytes]
    memory: Memory = field(default_factory=Memory)
    children: int = 0
    calls_of_children: int = 0
    bytes_of_children: int = 0
    wrong: list[str] = field(default_factory=list)
    peak_part: int = 0

    @property
    def trace(self) -> Path:
        return self.folder / "run.execmap"


def start(folder: Path, arguments: list[str], *, is_recorded: bool) -> Run:
    (folder / "counts").mkdir(parents=True)
    (folder / "work").mkdir()
    program = [str(PROGRAM), str(folder / "counts"), *arguments]
    begin = [sys.executable, "-W", "ignore::DeprecationWarning"]
    if is_recorded:
        begin = [*begin, "-m", "execmap", "run", "--quiet", "--no-html", "-o", str(folder / "run.execmap")]
    environment = {**os.environ, "PYTHONWARNINGS": "ignore::DeprecationWarning"}
    process = subprocess.Popen(
        [*begin, *program],
        cwd=folder / "work",
        env=environment,
        stdout=(folder / "out").open("wb"),
        stderr=(folder / "err").open("wb"),
    )
    return Run(folder, is_recorded, process)


def calls_in(trace: Path) -> tuple[dict[str, int], dict[str, Any]]:
    """The calls of a trace by function, and what `info` says of it. The trace has to lie alone in its folder."""
    read = execmap.load(trace)
    stats = read.stats(limit=None).data
    return {row["function"]: row["calls"] for row in stats["functions"]}, read.info


def check_process(run: Run, pid: int, trace: Path) -> tuple[int, int]:
    """Compares the trace of one process with what it counted itself. Gives calls and bytes."""
    name = f"counts-{pid}.json"
    counted = json.loads((run.folder / "counts" / name).read_text())
    expected = {function: calls for function, calls in counted.items() if calls}
    size = trace.stat().st_size
    found, info = calls_in(trace)
    differing = {
        function: (found.get(function, 0), expected.get(function, 0))
        for function in found.keys() | expected.keys()
        if found.get(function, 0) != expected.get(function, 0)
    }
    if differing:
        run.wrong.append(f"process {pid}: calls in the trace and counted differ: {differing}")
    lost = {reason: n for reason, n in info["left_out"].items() if reason not in ("values cut", "hidden")}
    if lost:
        run.wrong.append(f"process {pid}: lost {lost}: {info['left_out_detail']}")
    return sum(found.values()), size


def check_ended_children(run: Run, *, are_over: bool = False) -> None:
    """Checks the traces of children that have ended, and removes them, so that the disk does not fill."""
    for counts in run.folder.glob("counts/counts-*.json"):
        pid = int(counts.stem.removeprefix("counts-"))
        # When all are over, another process may have the number.
        if pid == run.process.pid or (not are_over and Path(f"/proc/{pid}").exists()):
            continue
        run.children += 1
        if run.is_recorded:
            traces = list(run.folder.glob(f"run.execmap.{pid}-*"))
            alone = run.folder / "alone"
            alone.mkdir(exist_ok=True)
            moved = [Path(shutil.move(path, alone / path.name)) for path in traces]
            whole = [path for path in moved if not path.name.endswith(".part")]
            if len(whole) == 1:
                calls, size = check_process(run, pid, whole[0])
                run.calls_of_children += calls
                run.bytes_of_children += size
            else:
                run.wrong.append(f"process {pid}: {len(whole)} traces: {[path.name for path in moved]}")
            shutil.rmtree(alone)
        counts.unlink()


def watch(runs: list[Run], since: float) -> None:
    """Samples until all have ended; one that shows no sign of life is asked where it stands, and ended."""
    while any(run.process.poll() is None for run in runs):
        time.sleep(1)
        for run in runs:
            if run.process.poll() is not None:
                continue
            run.memory.sample(run.process.pid, since)
            part = Path(f"{run.trace}.part")
            if part.exists():
                run.peak_part = max(run.peak_part, part.stat().st_size)
            alive = run.folder / "counts" / "alive"
            quiet_since = alive.stat().st_mtime if alive.exists() else run.folder.stat().st_mtime
            if time.time() - quiet_since > STALLED_S:
                run.wrong.append(f"no sign of life for {STALLED_S} s")
                run.process.send_signal(signal.SIGABRT)
                run.process.wait(30)
            check_ended_children(run)


def soak(minutes: float, rest: list[str], folder: Path) -> list[str]:
    """What is wrong, as lines; prints the figures."""
    since = time.monotonic()
    arguments = ["--seconds", str(minutes * 60), *rest]
    plain = start(folder / "plain", arguments, is_recorded=False)
    recorded = start(folder / "recorded", arguments, is_recorded=True)
    try:
        watch([plain, recorded], since)
    finally:
        for run in (plain, recorded):
            run.process.kill()
    wrong = []
    for run, name in ((plain, "plain"), (recorded, "recorded")):
        check_ended_children(run, are_over=True)
        out, err = (run.folder.joinpath(stream).read_text(errors="replace") for stream in ("out", "err"))
        if run.process.returncode != 0 or out != "done: 0 of the children failed []\n" or err:
            wrong.append(f"{name}: exit code {run.process.returncode}, said {out!r}, {err[-2000:]!r}")
        wrong += [f"{name}: {line}" for line in run.wrong]
    if wrong and recorded.process.returncode != 0:
        return wrong
    calls, size = check_process(recorded, recorded.process.pid, recorded.trace)
    wrong += [f"recorded: {line}" for line in recorded.wrong if line not in "\n".join(wrong)]
    print(f"calls: {calls:,} in {size:,} bytes, {size / calls:.1f} a call")
    if recorded.children:
        print(
            f"children: {recorded.children} ({plain.children} plain), "
            f"{recorded.calls_of_children:,} calls in {recorded.bytes_of_children:,} bytes"
        )
    growth = {}
    for run, name in ((plain, "plain"), (recorded, "recorded")):
        growth[name] = run.memory.growth()
        print(f"memory, {name}: {run.memory.curve()} MiB, growth after warming up {growth[name] / 2**20:+.2f} MiB")
    print(f"rings: {recorded.memory.rings:,} bytes mapped, side file {recorded.peak_part:,} bytes")
    if max(recorded.memory.rings, recorded.peak_part) > RINGS + HEAD:
        wrong.append("the rings are larger than 48 MiB")
    if max(recorded.memory.own) > max(plain.memory.own) + MORE:
        wrong.append("the recorded process needs too much memory")
    if minutes >= LONG_MINUTES and growth["recorded"] > max(growth["plain"], 0) + GROWTH:
        wrong.append("the recorded process grows")
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=10)
    known, rest = parser.parse_known_args()
    with tempfile.TemporaryDirectory(prefix="execmap-soak-") as folder:
        wrong = soak(known.minutes, rest, Path(folder))
    for line in wrong:
        print(f"error: {line}", file=sys.stderr)
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
