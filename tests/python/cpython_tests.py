"""CPython's own tests pass or fail under recording exactly as without it.

    python cpython_tests.py [--all] [--mode values] [--mode no-values] [--resume] [--jobs N] [NAME...]

runs tests of CPython's `test` package plainly, in a virtual environment of their own that knows nothing of execmap, and
recorded, with values and without, and compares the outcome of every single test case. Without names it runs those that
`cpython_tests.txt` marks as quick, with `--all` every one that `python -m test --list-tests` names. The cases that may
differ are in the list, with reasons. Exit code 1 when anything else differs.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
import venv
import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase
from functools import cache
from importlib.metadata import distribution
from pathlib import Path

LIST = Path(__file__).with_suffix(".txt")
OUTCOMES = Path(__file__).parents[2] / "target/cpython-tests" / f"{sys.version_info[0]}.{sys.version_info[1]}"
PLAIN = "plain"
RECORDED = (
    "-m",
    "execmap",
    "run",
    "--quiet",
    "--no-html",
    "--max-size",
    "2GB",
    "-o",
    "run.execmap",
    "--include",
    "test.*",
)
MODES: dict[str, tuple[str, ...]] = {PLAIN: (), "values": RECORDED, "no-values": (*RECORDED, "--no-values")}
TIMEOUT_S = 900
TRIES = 3
"""How often both sides run before two outcomes count as different: some tests depend on how busy the machine is."""
LOG_BYTES = 2_000_000
MEMORY_BYTES = 8 << 30
"""Address space, plain or recorded: a test that goes wrong must not take the machine with it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one run of one of CPython's tests ended."""

    exit_code: int | str
    """Or the name of the signal, or that it hung."""
    cases: dict[str, tuple[str, ...]]
    """Every test case with all that was said of it; empty when the run did not come to its end."""
    last_words: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Listed:
    """What the list says of a test."""

    is_quick: bool = False
    resources: tuple[str, ...] = ()
    """What it is allowed to use, as `python -m test -u` names it."""
    may_differ: tuple[str, ...] = ()
    """Patterns of the names of cases."""
    without: tuple[str, ...] = ()
    """Patterns of the names of cases that are not run."""


def main(arguments: Sequence[str]) -> int:
    options = parse(arguments)
    listed = read_list()
    there = names_in_this_python()
    unknown = [name for name in options.names if name not in there]
    if not any(name in listed for name in there):
        print("error: this Python has none of CPython's tests (Debian: libpython3.X-testsuite)", file=sys.stderr)
        return 2
    if unknown:
        print(f"error: this Python has no {', '.join(unknown)}", file=sys.stderr)
        return 2
    # A job in the background ignores Ctrl-C, and so would every test it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    names = options.names or [name for name in there if options.all or (name in listed and listed[name].is_quick)]
    print(f"CPython's tests on {sys.version.split()[0]}: {len(names)} modules, {PLAIN} and {', '.join(options.mode)}")
    for mode in (PLAIN, *options.mode):
        python_of(mode)
    with ThreadPoolExecutor(options.jobs) as pool:
        same = pool.map(lambda name: same_in_all(name, listed.get(name, Listed()), options), names)
        differing = [name for name, is_same in zip(names, same, strict=True) if not is_same]
    if differing:
        print(f"\nnot the same under recording: {', '.join(differing)}")
    return 1 if differing else 0


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--all", action="store_true", help="every test of the package, which takes an hour or more")
    parser.add_argument("--mode", action="append", choices=[mode for mode in MODES if mode != PLAIN])
    parser.add_argument(
        "--resume", action="store_true", help="do not repeat what target/cpython-tests holds of this build"
    )
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args(arguments)
    options.mode = options.mode or [mode for mode in MODES if mode != PLAIN]
    return options


def read_list() -> dict[str, Listed]:
    found: dict[str, Listed] = {}
    for line in LIST.read_text("utf-8").splitlines():
        words = line.partition("#")[0].split()
        if words and words[0] in ("except", "without"):
            since = words[2] if len(words) > 2 else "3.12"
            if sys.version_info < tuple(map(int, since.split("."))):
                continue
            last = list(found)[-1]
            if words[0] == "except":
                found[last] = replace(found[last], may_differ=(*found[last].may_differ, words[1]))
            else:
                found[last] = replace(found[last], without=(*found[last].without, words[1]))
        elif words:
            resources = tuple(word.removeprefix("use=") for word in words[1:] if word.startswith("use="))
            found[words[0]] = Listed("quick" in words[1:], resources)
    return found


def names_in_this_python() -> list[str]:
    listing = subprocess.run(
        [sys.executable, "-m", "test", "--list-tests"], stdout=subprocess.PIPE, check=True, text=True
    )
    return listing.stdout.split()


def same_in_all(name: str, listed: Listed, options: argparse.Namespace) -> bool:
    """Whether all that was asked for is the same, in one try of several; says so."""
    plain = outcome_of(name, PLAIN, listed, resume=options.resume)
    is_same = True
    for mode in options.mode:
        recorded = outcome_of(name, mode, listed, resume=options.resume)
        plains, recordeds = [plain], [recorded]
        while (differences := differences_between(plains, recordeds, listed.may_differ)) and len(plains) < TRIES:
            plains.append(run(name, PLAIN, listed))
            recordeds.append(run(name, mode, listed))
        verdict = "differs" if differences else "the same"
        if len(plains) > 1 and not differences:
            verdict += f" within {len(plains)} tries"
        if not plain.cases:
            verdict += ", without any case"
        times = f"{plain.seconds:.1f} s and {recorded.seconds:.1f} s recorded"
        lines = [f"{name}, {mode}: {verdict}; {len(plain.cases)} cases, {times}", *differences]
        print("\n    ".join(lines), flush=True)
        is_same &= not differences
    return is_same


def outcome_of(name: str, mode: str, listed: Listed, *, resume: bool) -> Outcome:
    """A new one, or with `resume` the one that is there already and comes from the same build."""
    file = OUTCOMES / mode / f"{name}.json"
    build = sys.version if mode == PLAIN else f"{sys.version} {hash_of_execmap()}"
    if resume and file.exists():
        held = json.loads(file.read_text("utf-8"))
        if held.pop("build") == build:
            return Outcome(**{**held, "cases": {case: tuple(said) for case, said in held["cases"].items()}})
    outcome = run(name, mode, listed)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"build": build, **asdict(outcome)}, indent=1), "utf-8")
    return outcome


@cache
def hash_of_execmap() -> str:
    import execmap

    digest = hashlib.sha256()
    for file in sorted(Path(execmap.__file__).parent.glob("*.*")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


@cache
def python_of(mode: str) -> str:
    """An interpreter in an environment that holds nothing, or execmap and nothing else."""
    kind = "plain" if mode == PLAIN else "recorded"
    folder = OUTCOMES / f"venv-{kind}"
    python = folder / "bin/python"
    if not python.exists():
        venv.create(folder, symlinks=True)
    if mode != PLAIN:
        ours = distribution("execmap")
        for file in ours.files or ():
            if ".." not in file.parts:
                target = Path(sysconfig.get_path("purelib", vars={"base": str(folder)})) / file
                target.parent.mkdir(parents=True, exist_ok=True)
                # Not into the file itself, which another run may have mapped.
                new = target.with_name(f"{target.name}.new")
                shutil.copy2(ours.locate_file(file), new)
                new.replace(target)
    return str(python)


def run(name: str, mode: str, listed: Listed) -> Outcome:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        report = Path(folder, "report.xml")
        options = [f"-u{resource}" for resource in listed.resources]
        options += [f"--ignore={pattern}" for pattern in listed.without]
        log = OUTCOMES / mode / f"{name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        with log.open("wb") as output:
            process = subprocess.Popen(
                [python_of(mode), *MODES[mode], "-m", "test", "-v", *options, "--junit-xml", str(report), name],
                cwd=folder,
                env={**os.environ, "PYTHONHASHSEED": "0", "TMPDIR": folder},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                code: int | str = process.wait(timeout=TIMEOUT_S)
                if process.returncode < 0:
                    code = signal.Signals(-process.returncode).name
            except subprocess.TimeoutExpired:
                code = f"none after {TIMEOUT_S} s"
        seconds = time.monotonic() - began
        # What the test left behind, and the test itself when it hangs.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        cases = cases_of(report) if report.exists() and report.stat().st_size else {}
    text = log.read_bytes()[-LOG_BYTES:]
    log.write_bytes(text)
    last_words = " | ".join(text.decode("utf-8", "replace").strip().splitlines()[-5:])
    return Outcome(code, cases, last_words, seconds)


def cases_of(report: Path) -> dict[str, tuple[str, ...]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for case in ElementTree.parse(report).iter("testcase"):
        said = [f"{part.tag}: {(part.text or part.get('message') or '').strip()}" for part in case]
        # What a failing test printed names files and addresses; that it failed is enough.
        said = [each.partition(":")[0] if each.startswith(("failure", "error")) else each for each in said]
        # Why a case was skipped may name the environment.
        said = [re.sub(r"venv-\w+/", "venv/", each) for each in said if not each.startswith("system-")]
        # Where a part of a case fails, the parts have no names and the case is missing.
        if case.get("name"):
            found[case.get("name", "")].append(" ".join([case.get("status", ""), case.get("result", ""), *said]))
    return {name: tuple(sorted(outcomes)) for name, outcomes in found.items()}


def differences_between(
    plains: Sequence[Outcome], recordeds: Sequence[Outcome], may_differ: Sequence[str]
) -> list[str]:
    """What was not the same in any try, as lines to read."""
    plain, recorded = plains[-1], recordeds[-1]
    if any(each.cases for each in plains) and not any(each.cases for each in recordeds):
        return [f"did not come to its end under recording, exit code {recorded.exit_code}: {recorded.last_words}"]
    differences = []
    is_excused = False
    for case in sorted({case for each in (*plains, *recordeds) for case in each.cases}):
        one = {each.cases.get(case, ("not run",)) for each in plains}
        other = {each.cases.get(case, ("not run",)) for each in recordeds}
        if not one.isdisjoint(other):
            continue
        if any(fnmatchcase(case, pattern) for pattern in may_differ):
            is_excused = True
            continue
        said = ["; ".join(next(iter(outcomes))) for outcomes in (other, one)]
        differences.append(f"{case}: {said[0]} under recording, {said[1]} without")
    codes = {each.exit_code for each in plains}
    if codes.isdisjoint({each.exit_code for each in recordeds}) and not is_excused:
        differences.append(
            f"exit code {recorded.exit_code} under recording, {plain.exit_code} without: {recorded.last_words}"
        )
    return differences


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
