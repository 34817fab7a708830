"""What recording costs, as ratios to hooks that do nothing.

    make bench                      every workload, on every supported Python found
    make bench BENCH=--quick        a smoke run: small sizes, one round, figures without meaning
    make bench BENCH=--full         also a billion calls without values, and what a reader waits for
    make bench BENCH='--only fib'   one workload

Each measurement is a process of its own (`measure.py`). A round runs every variant once, in an
order that turns with the round; the added time per call is divided by that of the empty hooks
in the same round, and the table shows the median of all rounds with the lowest and the highest.
Read the ratios: times are those of a machine that may have been busy.

Programs that are recorded whole (`whole.py`) give absolute figures instead: what they hold at
most, and how long they take to end, recorded and not.

Writes a Markdown table to stdout, progress to stderr, and everything measured to
target/bench.json.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import report
import whole

HERE = Path(__file__).resolve().parent
TARGET = HERE.parent / "target" / "bench"

WORKLOADS = [
    "fib",
    "flat",
    "generators",
    "tasks",
    "exceptions",
    "threads",
    "filtered",
    "filtered_exceptions",
    "richards",
    "deltablue",
    "sql",
    "lines",
]
CALL_VARIANTS = ["untraced", "floor", "bare", "values"]
VARIANTS_OF = {
    # Empty hooks on code that is not recorded would measure nothing.
    "filtered": ["untraced", "bare", "values"],
    "filtered_exceptions": ["untraced", "bare", "values"],
    "lines": ["untraced", "floor-lines"],
}
FULL_CALLS = 10_000_000
WHOLE_ROUNDS = 3
DIFFERENCE_CALLS = 1_000_000
TIMEOUT_SECONDS = 600


@dataclass
class Measured:
    """One workload on one Python: what it consists of, and each variant's processes in the order of the rounds."""

    python: str
    workload: str
    size: int
    counts: dict[str, int]
    rounds: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


@dataclass
class MeasuredWhole:
    """A program that was run whole on one Python, in the order of the rounds."""

    python: str
    program: str
    rounds: list[dict[str, Any]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [*WORKLOADS, *whole.PROGRAMS]
    parser.add_argument("--python", action="append", metavar="PATH", help="an interpreter to measure; may be repeated")
    parser.add_argument("--only", action="append", choices=names, metavar="WORKLOAD", help=", ".join(names))
    parser.add_argument("--variant", action="append", choices=[*CALL_VARIANTS, "floor-lines"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="small sizes and one round")
    parser.add_argument("--full", action="store_true", help="also what takes long: a billion calls, and reading")
    parser.add_argument("--json", type=Path, default=TARGET.parent / "bench.json", metavar="FILE")
    options = parser.parse_args()

    measured: list[Measured] = []
    wholes: list[MeasuredWhole] = []
    full: list[Measured] = []
    differences: list[dict[str, Any]] = []
    for python in options.python or [sys.executable]:
        bench = Bench(python, quick=options.quick, variants=options.variant)
        bench.compile_floor()
        for name in options.only or names:
            if name in WORKLOADS:
                measured.append(bench.measure(name, 1 if options.quick else options.rounds))
            elif options.full or options.only or not whole.PROGRAMS[name].is_for_full:
                wholes += bench.measure_whole(name)
        if options.full:
            full.append(bench.measure_full())
        if not options.only:
            differences.append(bench.measure_difference())

    markdown = report.table(measured) + report.whole_table(wholes) + report.reading_table(full)
    markdown += report.difference_table(differences)
    print(markdown)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    figures = {
        "quick": options.quick,
        "processors": os.cpu_count(),
        "load": os.getloadavg(),
        "measured": [asdict(one) for one in measured],
        "whole": [asdict(one) for one in wholes],
        "full": [asdict(one) for one in full],
        "differences": differences,
    }
    options.json.write_text(json.dumps(figures, indent=1) + "\n")


class Bench:
    """All measurements on one interpreter."""

    def __init__(self, python: str, *, quick: bool, variants: list[str] | None) -> None:
        self._python = python
        self._quick = quick
        self._variants = variants
        self._version = self._ask("import platform; print(platform.python_version())")
        self._native = TARGET / self._version
        self._has_execmap = self._ask("import importlib.util as u; print(bool(u.find_spec('execmap')))") == "True"
        if not self._has_execmap:
            say(f"execmap is not installed for Python {self._version}: its columns stay empty")

    def compile_floor(self) -> None:
        """The empty hooks, built against the headers of the interpreter that is measured."""
        self._native.mkdir(parents=True, exist_ok=True)
        include, suffix = self._ask(
            "import sysconfig as s; print(s.get_path('include'), s.get_config_var('EXT_SUFFIX'), sep='\\n')"
        ).splitlines()
        if not Path(include, "Python.h").exists():
            sys.exit(f"error: Python {self._version} has no headers in {include}; install its -dev package")
        compiler = [os.environ.get("CC", "cc"), "-O2", "-shared", "-fPIC", f"-I{include}"]
        output = self._native / f"floor{suffix}"
        subprocess.run([*compiler, str(HERE / "floor.c"), "-o", str(output)], check=True)

    def measure(self, name: str, rounds: int) -> Measured:
        workload = importlib.import_module(f"workloads.{name}")
        size = workload.QUICK_SIZE if self._quick else workload.SIZE
        return self._measure(name, size, rounds, VARIANTS_OF.get(name, CALL_VARIANTS), repeats=3)

    def measure_whole(self, name: str) -> list[MeasuredWhole]:
        if not self._has_execmap:
            return []
        program = whole.PROGRAMS[name]
        say(f"Python {self._version}: {name}", end="")
        rounds = []
        for _ in range(1 if self._quick or program.is_for_full else WHOLE_ROUNDS):
            say(".", end="")
            rounds.append(whole.measure(self._python, program, self._native / "bench.execmap", quick=self._quick))
            self._remove_traces()
        say("")
        return [MeasuredWhole(self._version, name, rounds)]

    def measure_full(self) -> Measured:
        size = FULL_CALLS // 100 if self._quick else FULL_CALLS
        variants = ["untraced", "bare", "values"]
        return self._measure("flat", size, 1 if self._quick else 3, variants, repeats=1, is_read=True)

    def measure_difference(self) -> dict[str, Any]:
        """Two runs that differ in one argument; nothing where execmap is missing."""
        if not self._has_execmap:
            return {}
        calls = DIFFERENCE_CALLS // 100 if self._quick else DIFFERENCE_CALLS
        say(f"Python {self._version}: difference of {calls:,} calls")
        folder = self._native / "difference"
        output = self._output([self._python, str(HERE / "difference.py"), str(calls), str(folder)])
        shutil.rmtree(folder)
        return {"python": self._version, **json.loads(output)}

    def _measure(
        self, name: str, size: int, rounds: int, variants: list[str], *, repeats: int, is_read: bool = False
    ) -> Measured:
        chosen = [variant for variant in variants if self._can_run(variant)]
        say(f"Python {self._version}: {name}", end="")
        counts = self._run(name, "count", size, repeats)
        result = Measured(self._version, name, size, counts, {variant: [] for variant in chosen})
        for turn in range(rounds):
            for variant in chosen[turn % len(chosen) :] + chosen[: turn % len(chosen)]:
                say(".", end="")
                result.rounds[variant].append(self._run(name, variant, size, repeats, is_read=is_read))
        say("")
        return result

    def _can_run(self, variant: str) -> bool:
        is_ours = variant in ("bare", "values")
        return (self._has_execmap or not is_ours) and (self._variants is None or variant in self._variants)

    def _run(self, name: str, variant: str, size: int, repeats: int, *, is_read: bool = False) -> dict[str, Any]:
        trace = self._native / "bench.execmap"
        command = [self._python, str(HERE / "measure.py"), name, variant, f"--size={size}", f"--repeats={repeats}"]
        command += [f"--native={self._native}", f"--trace={trace}"]
        result: dict[str, Any] = json.loads(self._output(command))
        if variant in ("bare", "values"):
            result["info"] = self._info(trace)
            if is_read:
                result["reading"] = json.loads(self._output([self._python, str(HERE / "reading.py"), str(trace)]))
        self._remove_traces()
        return result

    def _remove_traces(self) -> None:
        for left in self._native.glob("bench.execmap*"):
            left.unlink()

    def _info(self, trace: Path) -> dict[str, Any]:
        """What execmap itself says of the trace: a recorder that records nothing is fast."""
        program = Path(self._python).with_name("execmap")
        info: dict[str, Any] = json.loads(self._output([str(program), "info", "--json", str(trace)]))
        return {key: info.get(key) for key in ("calls", "complete", "left_out")}

    def _ask(self, code: str) -> str:
        return self._output([self._python, "-c", code]).strip()

    def _output(self, command: list[str]) -> str:
        environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False
        )
        if done.returncode:
            sys.exit(f"\nerror: {' '.join(command)} failed:\n{done.stderr.strip()}")
        return done.stdout


def say(text: str, end: str = "\n") -> None:
    print(text, end=end, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
