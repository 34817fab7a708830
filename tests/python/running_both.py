"""Running a program plain and recorded: the same words, the same end; and what memory each needed."""

from __future__ import annotations

import json
import textwrap
from typing import Any

from running import Done, Execmap, python

BEGINNING = """
import gc
import json


def own_memory():
    "Bytes of the process that are its own, beside the side file's."
    gc.collect()
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) << 10


def keep(samples):
    with open("memory.json", "w") as file:
        json.dump(samples, file)


def f(x):
    return x


"""

MIB = 1 << 20


def run_both(
    execmap: Execmap, source: str, *, options: tuple[str, ...] = (), env: dict[str, str] | None = None
) -> tuple[list[int], list[int]]:
    """Runs a program without execmap and with it: same words, same end. Gives the memory that each noted."""
    script = execmap.folder / "program.py"
    script.write_text(BEGINNING + textwrap.dedent(source), "utf-8")
    plain = python(script, cwd=execmap.folder, env=env)
    assert plain.exit_code == 0, plain.err[-4000:]
    of_plain = memory_of(execmap)
    recorded = execmap.run(script, options=options, env=env)
    assert_same(recorded, plain)
    return of_plain, memory_of(execmap)


def assert_same(recorded: Done, plain: Done) -> None:
    assert recorded.err[-4000:] == plain.err[-4000:]
    assert recorded.out == plain.out
    assert recorded.exit_code == plain.exit_code


def memory_of(execmap: Execmap) -> list[int]:
    file = execmap.folder / "memory.json"
    samples: list[int] = json.loads(file.read_text()) if file.exists() else []
    file.unlink(missing_ok=True)
    return samples


def assert_whole(execmap: Execmap, *, calls: int | None = None) -> None:
    """The trace is complete, and nothing but parts of values is missing from it."""
    info = execmap.info()
    assert info["complete"]
    assert set(info["left_out"]) <= {"values cut"}, info["left_out_detail"]
    if calls is not None:
        assert info["calls"] == calls


def assert_readers_work(execmap: Execmap) -> None:
    for command in ("tree", "tree --all", "stats", "map", "map -f text", "export -f json", "export -f html"):
        words = command.split()
        if words[0] == "export":
            words += ["-o", str(execmap.folder / "out.bin")]
        done = execmap.command(*words, execmap.trace)
        assert done.exit_code == 0, f"{command}: {done.err[-1000:]}"


def stats(execmap: Execmap) -> list[dict[str, Any]]:
    """The functions of the trace, with their figures."""
    done = execmap.command("stats", "--all", "--json", execmap.trace)
    assert done.exit_code == 0, done.err
    rows: list[dict[str, Any]] = json.loads(done.out)["functions"]
    return rows
