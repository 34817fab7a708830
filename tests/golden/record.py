"""Records the golden traces: `python tests/golden/record.py FOLDER`, with a Python in which execmap is installed.

What is there is never written over: see README.md.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

PROGRAMS = Path(__file__).parent / "programs"

# Name of the trace, program, options of `execmap run`, exit code.
RUNS = (
    ("values", "values.py", (), 0),
    ("calls", "calls.py", (), 1),
    ("no-values", "calls.py", ("--no-values",), 1),
    ("killed", "killed.py", (), -9),
    ("killed-at-work", "killed_at_work.py", (), -9),
    ("killed-later", "killed_later.py", (), -9),
    ("children", "children.py", (), 0),
    ("full", "calls.py", ("--max-calls", "40"), 1),
)


def main(target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="golden-") as name:
        folder = Path(name)
        for program in PROGRAMS.iterdir():
            (folder / program.name).write_bytes(program.read_bytes())
        # The interpreter's path stands in the traces: not that of this machine's.
        (folder / "venv").symlink_to(sys.prefix)
        for trace, program, options, exit_code in RUNS:
            run(
                folder,
                exit_code,
                "-m",
                "execmap",
                "run",
                "--quiet",
                "--no-html",
                "-o",
                f"{trace}.execmap",
                *options,
                program,
            )
        run(folder, 0, "window.py", "around.execmap", "window.execmap")
        there = {path.stem for path in target.glob("*.execmap")}
        for path in sorted(folder.glob("*.execmap*")):
            if path.name.partition(".")[0] in there:
                print(f"there already, left as it is: {path.name}")
            else:
                add(path, target / path.name)


def run(folder: Path, exit_code: int, *arguments: str) -> None:
    done = subprocess.run(
        [folder / "venv/bin/python", *arguments], cwd=folder, stderr=subprocess.PIPE, text=True, check=False
    )
    if done.returncode != exit_code:
        sys.exit(f"{arguments} ended with {done.returncode}, not {exit_code}:\n{done.stderr}")


def add(path: Path, target: Path) -> None:
    content = path.read_bytes()
    if path.suffix == ".part":
        content = without_room(content)
    target.write_bytes(content)
    print(f"added: {target} ({len(content):,} bytes)")


def without_room(part: bytes) -> bytes:
    """The side file, its segments no larger than what was published in them: they are a megabyte of zeros else."""
    kept, at = [part[:4096]], 4096
    while part[at : at + 4] == b"XSeG":
        (capacity,), (published,) = struct.unpack_from("<I", part, at + 4), struct.unpack_from("<I", part, at + 20)
        used = 64 + published
        kept.append(part[at : at + 4] + struct.pack("<I", used) + part[at + 8 : at + used])
        at += capacity
    return b"".join(kept)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.executable} tests/golden/record.py FOLDER")
    os.environ["PYTHONHASHSEED"] = "0"
    main(Path(sys.argv[1]))
