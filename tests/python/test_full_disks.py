"""A program that has no more disk or memory, or removes our files, goes on, and the recording says so."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ending import both, demand_done, demand_same, recorded_steps, run_on, with_summary
from running import Execmap

LATE = """
steps(0, 3000, "text " * 30)
print("unharmed")
"""


@pytest.fixture
def small_disk(execmap: Execmap) -> Iterator[Callable[[int], Path]]:
    """Makes a file system of so many bytes."""
    mounted = []

    def mount(size: int) -> Path:
        folder = execmap.folder / "disk"
        folder.mkdir()
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=False, capture_output=True
        )
        if done.returncode:
            pytest.skip(f"mounting a small file system takes root: {done.stderr.decode().strip()}")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "-l", folder], check=True)


def test_a_disk_that_is_full_before_the_start(execmap: Execmap, small_disk: Callable[[int], Path]) -> None:
    disk = small_disk(4 << 20)
    with (disk / "filler").open("wb", buffering=0) as filler:
        while filler.write(bytes(1 << 12)) == 1 << 12:
            if os.statvfs(disk).f_bavail == 0:
                break
    recorded, _ = run_on(execmap, disk / "run.execmap", LATE)

    assert (recorded.code, recorded.out) == (0, "unharmed\n")
    assert len(recorded.done) == 3000
    assert re.fullmatch(r"execmap: not recorded: cannot write .*: No space left on device.*\n", recorded.err)


def test_a_disk_without_room_for_the_side_file(execmap: Execmap, small_disk: Callable[[int], Path]) -> None:
    recorded, elsewhere = run_on(execmap, small_disk(900 << 10) / "run.execmap", LATE)

    assert (recorded.code, recorded.out) == (0, "unharmed\n")
    assert recorded.err.startswith("execmap: no side file: No space left on device")
    demand_done(elsewhere, recorded)
    assert elsewhere.info()["complete"]
    assert not Path(f"{elsewhere.trace}.part").exists()


NOISE = """
import random
source = random.Random(1)
for number in range(0, 30000):
    step(number, source.randbytes(90).hex())
    done.write(f"{number}\\n")
print("unharmed")
"""


@pytest.mark.parametrize("end", ["", "done.flush(); os.kill(os.getpid(), 9)\n"], ids=["end", "kill"])
def test_a_disk_that_becomes_full(end: str, execmap: Execmap, small_disk: Callable[[int], Path]) -> None:
    trace = small_disk(3500 << 10) / "run.execmap"
    recorded, elsewhere = run_on(execmap, trace, NOISE + "sys.stdout.flush()\n" + end)

    assert (recorded.code, recorded.out) == (-9 if end else 0, "unharmed\n")
    assert len(recorded.done) == 30000
    found = sorted(recorded_steps(elsewhere))
    assert found == list(range(len(found))), "all up to the failure, and nothing later"
    assert 1000 < len(found) < 30000
    info = elsewhere.info()
    assert not info["complete"]
    assert info["left_out"], "the trace says that something is missing"
    if not end:
        assert re.search(r"^execmap: recording stopped: .*", recorded.err)


def test_a_disk_on_which_the_side_file_cannot_grow(execmap: Execmap, small_disk: Callable[[int], Path]) -> None:
    recorded, elsewhere = run_on(execmap, small_disk(1300 << 10) / "run.execmap", LATE)

    assert (recorded.code, recorded.out, recorded.err) == (0, "unharmed\n", "")
    demand_done(elsewhere, recorded)
    info = elsewhere.info()
    assert info["complete"]
    assert "the side file could not grow" in str(info["left_out_detail"])


@pytest.mark.parametrize("restored", [False, True], ids=["ignored", "deadly"])
def test_a_limit_of_file_sizes(restored: bool, execmap: Execmap) -> None:
    """A file beyond its limit is a signal that ends a program which does not ignore it."""
    source = "import signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_DFL)\n" if restored else ""
    limit = 2 << 20

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

    recorded, _ = run_on(execmap, execmap.trace, source + NOISE, preexec_fn=limited)

    assert (recorded.code, recorded.out) == (0, "unharmed\n"), recorded.err
    found = sorted(recorded_steps(execmap))
    assert found == list(range(len(found)))
    assert 1000 < len(found) < 30000
    assert re.search(r"^execmap: recording stopped: .*", recorded.err)


def test_a_limit_of_file_sizes_of_nothing(execmap: Execmap) -> None:
    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))

    source = "import os\nprint('unharmed')\n"
    script = execmap.folder / "program.py"
    script.write_text(source)
    done = subprocess.run(
        [sys.executable, "-m", "execmap", "run", "-o", execmap.trace, script],
        capture_output=True,
        text=True,
        preexec_fn=limited,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "unharmed\n")
    assert done.stderr.startswith("execmap: not recorded: cannot write")


def test_memory_that_is_used_up(execmap: Execmap) -> None:
    source = """
import resource
steps(0, 50)
def fill():
    kept = []
    try:
        size = 1 << 24
        while True:
            try:
                kept.append(bytearray(size))
                step(10**6)
            except MemoryError:
                size //= 2
                if size < 1 << 14:
                    raise
    except MemoryError:
        for number in range(50, 20000):
            step(number, "text" * 20)
        del kept
used = int(open("/proc/self/statm").read().split()[0]) * 4096
resource.setrlimit(resource.RLIMIT_AS, (used + (200 << 20), resource.RLIM_INFINITY))
fill()
print("unharmed")
"""
    plain, recorded = both(execmap, source)

    assert (recorded.code, recorded.out) == (plain.code, plain.out) == (0, "unharmed\n"), recorded.err
    demand_done(execmap, recorded)
    info = execmap.info()
    found = sorted(number for number in recorded_steps(execmap) if number < 10**6)
    assert found == list(range(len(found)))
    assert len(found) == 20000 or info["left_out"]


@pytest.mark.skipif(os.geteuid() != 0, reason="becoming somebody else takes root")
def test_a_folder_that_may_not_be_written(execmap: Execmap) -> None:
    del execmap
    with tempfile.TemporaryDirectory(prefix="closed-") as name:
        closed = Path(name)
        (closed / "program.py").write_text("print('not run')")
        closed.chmod(0o555)
        words = ["run", "-o", f"{closed}/run.execmap", f"{closed}/program.py"]
        # The interpreter itself may be out of reach for others.
        become = "import os, sys; os.setgid(65534); os.setuid(65534)"
        run = f"from execmap import _run, __main__; {become}; sys.argv[1:] = {words}; sys.exit(__main__.main())"
        done = subprocess.run([sys.executable, "-c", run], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "no permission; choose another place with -o" in done.stderr


def test_a_file_system_that_may_not_be_written(execmap: Execmap, small_disk: Callable[[int], Path]) -> None:
    disk = small_disk(1 << 20)
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    recorded, _ = run_on(execmap, disk / "run.execmap", "print('not run')\n")

    assert (recorded.code, recorded.out) == (2, "")
    assert "no permission; choose another place with -o" in recorded.err


def test_a_folder_that_vanishes(execmap: Execmap) -> None:
    folder = execmap.folder / "out"
    folder.mkdir()
    elsewhere = Execmap(execmap.folder, str(folder / "run.execmap"))
    done = with_summary(elsewhere, "import shutil\nsteps(0, 50)\nshutil.rmtree('out')\nprint('unharmed')\n")

    assert (done.returncode, done.stdout) == (0, "unharmed\n")
    assert "execmap: recording stopped: the trace could not be written: the program removed the file" in done.stderr


def test_a_trace_that_is_removed_is_there_at_the_end(execmap: Execmap) -> None:
    plain, recorded = both(
        execmap, "steps(0, 50)\nfor n in os.listdir():\n  if 'run.' in n: os.remove(n)\nsteps(50, 60)\n"
    )

    demand_same(plain, recorded)
    demand_done(execmap, recorded)
    assert execmap.info()["complete"]
    assert not Path("run.execmap.part").exists()


def test_files_that_are_cut_end_the_recording_alone(execmap: Execmap) -> None:
    cut = "for n in os.listdir():\n  if 'run.' in n: os.truncate(n, 0)\n"
    done = with_summary(execmap, f"steps(0, 50)\n{cut}steps(50, 3000)\nprint('unharmed')\n")

    assert (done.returncode, done.stdout) == (0, "unharmed\n")
    assert re.search("execmap: recording stopped: the trace could not be written: .* short", done.stderr)


def test_a_side_file_that_is_cut_leaves_what_was_written(execmap: Execmap) -> None:
    source = (
        "for number in range(20000):\n    step(number, 'text' * 40)\nos.truncate('run.execmap.part', 0)\n"
        "steps(20000, 30000)\nprint('unharmed')\n"
    )
    done = with_summary(execmap, source)

    assert (done.returncode, done.stdout) == (0, "unharmed\n")
    assert "the side file was cut short while it was in use" in done.stderr
    found = sorted(recorded_steps(execmap))
    assert found == list(range(len(found)))
    assert len(found) > 1000
    info = execmap.info()
    assert not info["complete"]
    assert info["left_out"]
