"""CPython's own tests pass or fail under recording exactly as without it.

`python cpython_tests.py [NAME...]` runs each test of CPython's `test` package twice, plainly and recorded, and compares
the outcome of every single test case. The names, and the cases that may differ, are in `cpython_tests.txt`. Exit code 1
when anything differs.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

LIST = Path(__file__).with_suffix(".txt")
TIMEOUT_S = 120
RECORDED = ("-m", "execmap", "run", "--quiet", "--no-html", "-o", "run.execmap", "--include", "test.*")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one run of one of CPython's tests ended."""

    exit_code: int | str
    """Or the name of the signal, or that it hung."""
    cases: dict[str, tuple[str, ...]]
    """Every test case with all that was said of it; empty when the run did not come to its end."""
    last_words: str
    seconds: float


def main(names: list[str]) -> int:
    may_differ = read_list()
    unknown = [name for name in names if name not in may_differ]
    if unknown:
        print(f"error: not in {LIST.name}: {', '.join(unknown)}", file=sys.stderr)
        return 2
    print(f"CPython's tests on {sys.version.split()[0]}, without recording and with it")
    differing = [name for name in names or may_differ if not same_both_times(name, may_differ[name])]
    if differing:
        print(f"\nnot the same under recording: {', '.join(differing)}")
    return 1 if differing else 0


def read_list() -> dict[str, frozenset[str]]:
    """The names of the tests, each with the cases of it that may differ."""
    found: dict[str, set[str]] = {}
    for line in LIST.read_text("utf-8").splitlines():
        words = line.partition("#")[0].split()
        if words[:1] == ["except"]:
            found[list(found)[-1]].add(words[1])
        elif words:
            found[words[0]] = set()
    return {name: frozenset(cases) for name, cases in found.items()}


def same_both_times(name: str, may_differ: frozenset[str]) -> bool:
    plain, recorded = run(name, recorded=False), run(name, recorded=True)
    differences = list(differences_between(plain, recorded, may_differ))
    count = f"{len(plain.cases)} cases, {plain.seconds:.1f} s and {recorded.seconds:.1f} s recorded"
    print(f"{name}: {'differs' if differences else 'the same'}; {count}", flush=True)
    for difference in differences:
        print(f"    {difference}", flush=True)
    return not differences


def run(name: str, *, recorded: bool) -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        began = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, *(RECORDED if recorded else ()), "-m", "test", "-v", "--junit-xml", str(report), name],
            cwd=folder,
            env={**os.environ, "PYTHONHASHSEED": "0", "TMPDIR": folder},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=TIMEOUT_S)
            code: int | str = process.returncode
            if process.returncode < 0:
                code = signal.Signals(-process.returncode).name
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            code = f"none after {TIMEOUT_S} s"
        seconds = time.monotonic() - began
        cases = cases_of(report) if report.exists() and report.stat().st_size else {}
    last_words = " | ".join(output.decode("utf-8", "replace").strip().splitlines()[-5:])
    return Outcome(code, cases, last_words, seconds)


def cases_of(report: Path) -> dict[str, tuple[str, ...]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for case in ElementTree.parse(report).iter("testcase"):
        said = [f"{part.tag}: {(part.text or part.get('message') or '').strip()}" for part in case]
        # What a failing test printed names files and addresses; that it failed is enough.
        said = [each.partition(":")[0] if each.startswith(("failure", "error")) else each for each in said]
        said = [each for each in said if not each.startswith("system-")]
        found[case.get("name", "")].append(" ".join([case.get("status", ""), case.get("result", ""), *said]))
    return {name: tuple(sorted(outcomes)) for name, outcomes in found.items()}


def differences_between(plain: Outcome, recorded: Outcome, may_differ: frozenset[str]) -> Iterable[str]:
    if not recorded.cases and plain.cases:
        yield f"did not come to its end under recording, exit code {recorded.exit_code}: {recorded.last_words}"
        return
    if not plain.cases:
        yield f"did not come to its end even without recording, exit code {plain.exit_code}: {plain.last_words}"
        return
    excused = False
    for case in sorted({*plain.cases, *recorded.cases}):
        one, other = plain.cases.get(case, ("not run",)), recorded.cases.get(case, ("not run",))
        if one != other:
            excused |= case in may_differ
            if case not in may_differ:
                yield f"{case}: {'; '.join(other)} under recording, {'; '.join(one)} without"
    if plain.exit_code != recorded.exit_code and not excused:
        yield f"exit code {recorded.exit_code} under recording, {plain.exit_code} without: {recorded.last_words}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
