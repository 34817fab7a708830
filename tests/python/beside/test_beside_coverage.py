"""execmap beside coverage.py, whichever starts first and with each of its cores."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from pairs import SUBJECT, Tool, check, every_order, lost, need, story
from running import Done, Execmap, python

CORES = ("sysmon", "ctrace", "pytrace")

MEASURED = """
import json
import pathlib

import coverage

data = coverage.CoverageData()
data.read()
told = {
    pathlib.Path(file).name: [sorted(data.lines(file)), sorted(data.arcs(file) or ())]
    for file in data.measured_files()
}
print(json.dumps(told, sort_keys=True))
"""

SCRIPT = f"{SUBJECT}\n\nprint(work(6))\n"


def coverage(core: str, *, branch: bool) -> Tool:
    if core == "sysmon" and branch and sys.version_info < (3, 14):
        pytest.skip("coverage.py measures branches with sys.monitoring from Python 3.14 on")
    return Tool(
        package="coverage",
        imports="import coverage",
        start=f"cover = coverage.Coverage(branch={branch}, data_file=None, include=[SUBJECT])\ncover.start()",
        stop="""
            cover.stop()
            data = cover.get_data()
            result.append([sorted(data.lines(SUBJECT)), sorted(data.arcs(SUBJECT) or ())])
        """,
        env=(("COVERAGE_CORE", core),),
    )


@every_order
@pytest.mark.parametrize("branch", [False, True], ids=["lines", "branches"])
@pytest.mark.parametrize("core", CORES)
def test_coverage_in_the_same_process(execmap: Execmap, core: str, branch: bool, order: str) -> None:
    check(execmap, coverage(core, branch=branch), order)


def measured(execmap: Execmap) -> Any:
    done = python("-c", MEASURED, cwd=execmap.folder)
    assert (done.exit_code, done.err) == (0, "")
    (execmap.folder / ".coverage").unlink()
    return json.loads(done.out)


def fine(done: Done) -> str:
    assert (done.exit_code, done.err) == (0, "")
    return done.out


@pytest.mark.parametrize("core", CORES)
def test_coverage_run_under_execmap(execmap: Execmap, core: str) -> None:
    need("coverage")
    (execmap.folder / "program.py").write_text(SCRIPT, "utf-8")
    branch = ["--branch"] if core != "sysmon" or sys.version_info >= (3, 14) else []
    words = ["-m", "coverage", "run", *branch, "program.py"]
    env = {"COVERAGE_CORE": core}
    plain = python(*words, cwd=execmap.folder, env=env)
    alone = measured(execmap)

    done = execmap.run(*words, env=env)

    assert fine(done) == fine(plain)
    assert measured(execmap) == alone
    assert lost(execmap) == []
    rows = execmap.rows()
    execmap.run("program.py")
    assert story(rows, "program.py") == story(execmap.rows(), "program.py")


@pytest.mark.parametrize("core", CORES)
def test_pytest_with_coverage_under_execmap(execmap: Execmap, core: str) -> None:
    need("pytest_cov")
    (execmap.folder / "subject.py").write_text(SUBJECT, "utf-8")
    test = "import subject\n\n\ndef test_work():\n    assert subject.work(6)[0] == 8\n"
    (execmap.folder / "test_work.py").write_text(test, "utf-8")
    words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--cov=subject", "--cov-report=", "test_work.py"]
    env = {"COVERAGE_CORE": core, "PYTHONDONTWRITEBYTECODE": "1"}
    plain = python(*words, cwd=execmap.folder, env=env)
    alone = measured(execmap)

    done = execmap.run(*words, env=env)

    assert "1 passed" in fine(done)
    assert "1 passed" in fine(plain)
    assert measured(execmap) == alone
    assert lost(execmap) == []
    rows = execmap.rows()
    execmap.run(*(word for word in words if "cov" not in word), env=env)
    assert story(rows) == story(execmap.rows())


def test_what_others_disabled_comes_back_to_them_once(execmap: Execmap) -> None:
    """A recording begins with `restart_events()`, which enables every tool's disabled places again."""
    (execmap.folder / "program.py").write_text(
        """
import json
import sys

import execmap

monitoring = sys.monitoring
LINE = monitoring.events.LINE
seen = []


def line(code, number):
    if code is loop.__code__:
        seen.append(number - code.co_firstlineno)
    return monitoring.DISABLE


def loop():
    a = 1
    b = 2


monitoring.use_tool_id(1, "lines")
monitoring.register_callback(1, LINE, line)
monitoring.set_events(1, LINE)
loop()
loop()
assert seen == [1, 2], seen
for _ in range(3):
    with execmap.record():
        loop()
        loop()
print(seen)
""",
        "utf-8",
    )
    done = python("program.py", cwd=execmap.folder)

    assert fine(done) == "[1, 2, 1, 2, 1, 2, 1, 2]\n"
