"""Every way in which a program can end: what it had done is in the trace, and it ends as it would have ended."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from ending import HEAD, Ended, both, demand_done, demand_same, recorded_steps, run_on, send, with_summary
from kill_often import kill_often
from running import Execmap

STAYS = "steps(0, 50)\ntime.sleep(60)\n"
CATCHES = """
def wait():
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        print("once")

steps(0, 50)
wait()
steps(50, 60)
wait_again = 1
time.sleep(60)
"""

ABRUPT = {
    "kill": ("steps(0, 50)\nos.kill(os.getpid(), 9)\n", None),
    "exit at once": ("steps(0, 50)\nos._exit(7)\n", None),
    "exit at once, in a thread": (
        "thread = threading.Thread(target=lambda: (steps(0, 50), os._exit(8)))\nthread.start()\nthread.join()\n",
        None,
    ),
    "segfault": ("import ctypes\nsteps(0, 50)\nctypes.string_at(0)\n", None),
    "abort": ("steps(0, 50)\nos.abort()\n", None),
    "bus error": ("steps(0, 50)\nos.kill(os.getpid(), 7)\n", None),
    "illegal access with faulthandler": (
        "import faulthandler\nfaulthandler.enable(open(os.devnull, 'w'))\nsteps(0, 50)\nfaulthandler._sigsegv()\n",
        None,
    ),
    "killed from outside": (STAYS, send(signal.SIGKILL)),
    "terminated": (STAYS, send(signal.SIGTERM)),
    "hung up": (STAYS, send(signal.SIGHUP)),
    "quit": (STAYS, send(signal.SIGQUIT)),
    "replaced by another program": (
        "steps(0, 50)\nsys.stdout.flush()\nos.execv('/bin/echo', ['echo', 'other'])\n",
        None,
    ),
}


@pytest.mark.parametrize("name", ABRUPT)
def test_an_abrupt_end_loses_nothing(name: str, execmap: Execmap) -> None:
    source, do = ABRUPT[name]
    plain, recorded = both(execmap, source, do)

    demand_same(plain, recorded)
    assert len(recorded.done) == 50
    demand_done(execmap, recorded)
    info = execmap.info()
    assert (info["complete"], info["recovered"]) == (False, True)
    assert info["left_out"] == {}
    assert "recovered:" in execmap.command("info", execmap.trace).out


ORDERLY = {
    "end": "steps(0, 50)\n",
    "exit": "steps(0, 50)\nsys.exit(3)\n",
    "exit with a text": "steps(0, 50)\nsys.exit('0')\n",
    "exit in a thread": (
        "thread = threading.Thread(target=lambda: (steps(0, 50), sys.exit(3)))\nthread.start()\nthread.join()\n"
    ),
    "exception": "steps(0, 50)\nraise ValueError('no')\n",
    "exception in a thread": """
threading.excepthook = lambda args: print(args.exc_value)
def fail():
    steps(0, 50)
    raise ValueError("no")
thread = threading.Thread(target=fail)
thread.start()
thread.join()
""",
    "daemon threads alive": """
barrier = threading.Barrier(4)
def spin(first):
    steps(first, first + 25)
    barrier.wait()
    while True:
        step(10**6)
for first in (0, 100, 200):
    threading.Thread(target=spin, args=(first,), daemon=True).start()
barrier.wait()
""",
    "exit handlers before and after": """
import atexit
atexit.register(steps, 0, 25)
@atexit.register
def last():
    import atexit
    atexit.register(steps, 25, 50)
""",
    "objects that outlive the program": """
import weakref
class Thing:
    def __init__(self, first):
        self.first = first
        self.steps = steps
    def __del__(self):
        self.steps(self.first, self.first + 10)
class Cycle(Thing):
    def __init__(self, first):
        super().__init__(first)
        self.itself = self
thing = Thing(0)
cycle = Cycle(10)
sys.things = [Thing(20)]
weak = weakref.ref(thing, lambda _, steps=steps: steps(30, 40))
weakref.finalize(sys.things[0], steps, 40, 50)
""",
    "generators that outlive the program": """
report = os.open("done", os.O_WRONLY | os.O_APPEND)
def generate(first, step=step, write=os.write, report=report):
    try:
        yield first
    finally:
        for number in range(first, first + 10):
            step(number)
            write(report, b"%d\\n" % number)
generators = [generate(0), generate(10)]
for generator in generators:
    next(generator)
""",
}


@pytest.mark.parametrize("name", ORDERLY)
def test_an_orderly_end_is_whole(name: str, execmap: Execmap) -> None:
    plain, recorded = both(execmap, ORDERLY[name])

    assert (recorded.code, recorded.out, recorded.err) == (plain.code, plain.out, plain.err)
    assert sorted(recorded.done) == sorted(plain.done)
    assert recorded.done
    demand_done(execmap, recorded)
    info = execmap.info()
    assert (info["complete"], info["recovered"]) == (True, False)
    assert info["left_out"].keys() <= {"values cut"}
    assert not Path("run.execmap.part").exists()


@pytest.mark.parametrize(
    ("code", "failed"),
    [("", 0), ("0", 0), ("None", 0), ("False", 0), ("'0'", 1), ("''", 1), ("'None'", 1), ("1", 1)],
)
def test_an_exit_counts_as_a_failure_when_its_code_says_so(code: str, failed: int, execmap: Execmap) -> None:
    plain, recorded = both(execmap, f"def leave():\n    sys.exit({code})\nleave()\n")

    demand_same(plain, recorded)
    assert bool(recorded.code) == bool(failed)
    assert execmap.info()["failed"] == 2 * failed


def test_an_interrupt_that_is_caught_and_one_that_is_not(execmap: Execmap) -> None:
    def twice(process: subprocess.Popen[bytes]) -> None:
        send(signal.SIGINT)(process)
        send(signal.SIGINT, count=60)(process)

    plain, recorded = both(execmap, CATCHES, twice)

    demand_same(plain, recorded)
    assert recorded.code == -signal.SIGINT
    assert len(recorded.done) == 60
    demand_done(execmap, recorded)
    assert execmap.info()["complete"]


STREAMS = {
    "all closed": ("exec <&- >&- 2>&-", "steps(0, 50)\n"),
    "error stream closed": ("exec 2>&-", "steps(0, 50)\nprint('out')\n"),
    "closed by the program": ("", "steps(0, 50)\nfor fd in (0, 1, 2): os.close(fd)\nsteps(50, 60)\n"),
    "all descriptors closed": ("", "steps(0, 50)\ndone.close()\nos.closerange(3, 20000)\n"),
    "taken by files of the program": (
        "",
        "steps(0, 50)\nfor fd in (1, 2): os.close(fd)\n"
        "a = open('own1', 'w', buffering=1); b = open('own2', 'w', buffering=1)\nb.write('own')\n",
    ),
}


@pytest.mark.parametrize("name", STREAMS)
def test_streams_that_are_closed(name: str, execmap: Execmap) -> None:
    shell, source = STREAMS[name]
    ends = []
    for recorded in (False, True):
        for file in ("done", "own1", "own2"):
            Path(file).unlink(missing_ok=True)
        script = execmap.folder / "program.py"
        script.write_text(HEAD + source, "utf-8")
        run = ["-m", "execmap", "run", "-o", str(execmap.trace)] if recorded else []
        words = " ".join(f"'{word}'" for word in [sys.executable, *run, str(script)])
        ended = Ended(
            subprocess.Popen(["sh", "-c", f"{shell}\nexec {words}"], stdout=subprocess.PIPE, stderr=subprocess.PIPE),
            execmap.folder,
        )
        own = [Path(file).read_text() if Path(file).exists() else "" for file in ("own1", "own2")]
        said = re.sub(r"^execmap: \d.*\n", "", ended.err)
        ends.append((ended.code, ended.out, said, own, ended.done))
    assert ends[1] == ends[0]
    demand_done(execmap, ended)
    assert execmap.info()["complete"]


def test_descriptors_of_the_program_have_the_numbers_they_would_have(execmap: Execmap) -> None:
    plain, recorded = both(execmap, "print(done.fileno(), os.pipe(), os.open('/', os.O_RDONLY))\n")

    demand_same(plain, recorded)


def test_a_program_that_goes_elsewhere(execmap: Execmap) -> None:
    done = with_summary(execmap, "os.mkdir('sub')\nos.chdir('sub')\nsteps(0, 50)\n")

    assert done.returncode == 0
    assert len(recorded_steps(execmap)) == 50
    assert execmap.info()["complete"]
    assert execmap.trace.with_suffix(".html").exists()
    assert sorted(path.name for path in execmap.folder.glob("run*")) == ["run.execmap", "run.html"]


@pytest.mark.skipif(os.geteuid() != 0, reason="another root and another user take root")
@pytest.mark.parametrize(
    "what",
    ["os.makedirs('jail', exist_ok=True); os.chroot('jail'); os.chdir('/')", "os.setgid(65534); os.setuid(65534)"],
)
def test_a_program_that_locks_itself_in(what: str, execmap: Execmap) -> None:
    execmap.folder.chmod(0o755)
    plain, recorded = both(execmap, f"steps(0, 50)\n{what}\nsteps(50, 60)\nprint('unharmed')\n")

    demand_same(plain, recorded)
    demand_done(execmap, recorded)
    info = execmap.info()
    assert (info["complete"], info["left_out"]) == (True, {})
    side = execmap.folder / "run.execmap.part"
    assert not side.exists() or side.stat().st_size == 0
    shutil.rmtree(execmap.folder / "jail", ignore_errors=True)


def test_a_child_that_outlives_a_killed_program_does_not_keep_its_name(execmap: Execmap) -> None:
    source = """
steps(0, 50)
if os.fork() == 0:
    os.close(1)
    os.close(2)
    time.sleep(20)
    os._exit(0)
os.kill(os.getpid(), 9)
"""
    first, _ = run_on(execmap, execmap.trace, source)
    assert first.code == -9
    second, _ = run_on(execmap, execmap.trace, "steps(0, 10)\n")
    assert (second.code, second.err) == (0, "")
    assert len(recorded_steps(execmap)) == 10
    assert not Path("run-2.execmap").exists()


@pytest.mark.parametrize("threads", [1, 4])
def test_a_program_that_is_killed_at_any_moment_loses_nothing(threads: int, execmap: Execmap) -> None:
    tally = kill_often(10, threads, seed=threads, seconds=60)
    assert tally.recovered > 0
