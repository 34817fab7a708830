"""The files of child processes: where they lie, whose they are, and what is removed when."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest
from children import FORK_ONCE, calls_of, processes, run_both, same_story, side_files, wait_until
from running import Execmap


def test_files_lie_beside_the_first_wherever_processes_go(execmap: Execmap) -> None:
    source = """
        import os
        import subprocess
        import sys

        def work(n):
            return n

        os.mkdir("elsewhere")
        os.chdir("elsewhere")
        if os.fork() == 0:
            os.chdir("/")
            work(1)
            os._exit(0)
        os.wait()
        subprocess.run([sys.executable, "-c", "print(1)"], cwd="/")
        os.chdir("..")
        os.rmdir("elsewhere")
    """
    assert [process["calls"] for process in same_story(execmap, source)] == [1, 1, 1]
    assert len(list(execmap.folder.glob("run.execmap.*-1"))) == 2


@pytest.mark.skipif(os.getuid() != 0, reason="only root may become somebody else")
def test_a_child_that_may_not_write_says_so_and_goes_on(execmap: Execmap) -> None:
    source = """
        import os

        def work(n):
            return n

        pid = os.fork()
        if pid == 0:
            os.setuid(65534)
            print(work(1), flush=True)
            os._exit(4)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    """
    execmap.folder.chmod(0o755)
    plain, recorded = run_both(execmap, source)
    assert (recorded.exit_code, recorded.out) == (plain.exit_code, plain.out)
    assert recorded.err.startswith("execmap: a forked process is not recorded: cannot write")
    assert len(recorded.err.splitlines()) == 1
    assert len(processes(execmap)) == 1


OUTLIVES = """
    import os
    import sys
    import time

    def work(n):
        return n

    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.closerange(0, 3)
            work(1)
            open("begun", "w").close()
            while not os.path.exists("go"):
                time.sleep(0.01)
            work(2)
            sys.exit(0)
        os._exit(0)
    os.wait()
    while not os.path.exists("begun"):
        time.sleep(0.01)
    os.unlink("begun")
"""


def test_a_child_that_outlives_its_parent_is_merged_later(execmap: Execmap) -> None:
    (execmap.folder / "program.py").write_text(textwrap.dedent(OUTLIVES), "utf-8")
    done = execmap.command("run", "--no-html", "-o", execmap.trace, "program.py")
    assert "1 child process (1 still running)" in done.err
    assert [process["state"] for process in processes(execmap)] == ["ended", "running"]
    assert calls_of(execmap, "p-1") == ["work"]
    (execmap.folder / "go").touch()
    wait_until(lambda: not side_files(execmap))
    assert [process["state"] for process in processes(execmap)] == ["ended", "ended"]
    assert calls_of(execmap, "p-1") == ["work", "work"]


def test_a_new_run_removes_what_old_children_left_but_not_what_a_living_one_writes(execmap: Execmap) -> None:
    same_story(execmap, FORK_ONCE)
    (of_first,) = execmap.folder.glob("run.execmap.*-1")
    notes = [execmap.folder / name for name in ("run.execmap.notes-1", "run.execmap.12-1", "other.execmap.1-1")]
    for note in notes:
        note.write_text("the user's own")
    script = execmap.folder / "lives.py"
    script.write_text(textwrap.dedent(OUTLIVES), "utf-8")
    execmap.run(script)
    assert not of_first.exists()
    (living,) = (path for path in execmap.folder.glob("run.execmap.*-1") if path not in notes)
    # A run in between: its own child is not the one that lives.
    execmap.run(execmap.folder / "program.py")
    assert living.exists()
    assert [process["calls"] for process in processes(execmap)] == [3, 1]
    (execmap.folder / "go").touch()
    wait_until(lambda: not side_files(execmap))
    assert [row["args"] for row in execmap.rows(living)] == [{"n": "1"}, {"n": "2"}]
    execmap.run(execmap.folder / "program.py")
    assert not living.exists()
    assert [note.read_text() for note in notes] == ["the user's own"] * 3


def test_a_run_beside_a_living_one_leaves_its_children_alone(execmap: Execmap) -> None:
    source = """
        import os
        import time

        def work(n):
            return n

        if os.fork() == 0:
            work(1)
            os._exit(0)
        os.wait()
        open("begun", "w").close()
        while not os.path.exists("go"):
            time.sleep(0.01)
    """
    (execmap.folder / "long.py").write_text(textwrap.dedent(source), "utf-8")
    (execmap.folder / "short.py").write_text("print(1)\n", "utf-8")
    words = [sys.executable, "-m", "execmap", "run", "--quiet", "--no-html", "-o", "run.execmap", "long.py"]
    with subprocess.Popen(words, cwd=execmap.folder) as running:
        wait_until((execmap.folder / "begun").exists)
        beside = execmap.run("short.py")
        assert "run-2.execmap" in beside.err
        (execmap.folder / "go").touch()
    assert running.returncode == 0
    assert [process["calls"] for process in processes(execmap)] == [1, 1]


def test_a_damaged_childs_file_is_counted(execmap: Execmap) -> None:
    same_story(execmap, FORK_ONCE)
    (file,) = execmap.folder.glob("run.execmap.*-1")
    file.write_bytes(file.read_bytes()[:20])
    info = execmap.info()
    assert (info["calls"], info["left_out"]) == (3, {"processes that cannot be read": 1})
    assert info["left_out_detail"] == {"processes that cannot be read": [file.name]}


def test_a_file_of_another_run_is_left_alone(execmap: Execmap) -> None:
    same_story(execmap, FORK_ONCE)
    (file,) = execmap.folder.glob("run.execmap.*-1")
    other = file.read_bytes()
    execmap.run(execmap.folder / "program.py")
    (execmap.folder / "run.execmap.999999-1").write_bytes(other)
    assert execmap.info()["processes"] == 2
