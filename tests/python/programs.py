"""The programs under `tests/programs`, and the text in which their traces are told.

A program file is Markdown: a heading, some prose, one `python` block and one or more `text` blocks with the expected
trace. A block headed `text 3.13` holds from that version on; a plain `text` block holds from the first. A line
`... 12 more` stands for so many lines that are not written out.

`python programs.py FILE...` writes what the reference recorder tells on this Python into the files' plain blocks, and
`python programs.py --from-here FILE...` into a block that holds from this version on, where it tells something else.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent / "programs"

Row = dict[str, Any]

_BLOCK = re.compile(r"^```(python|text)([ \w.]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MORE = re.compile(r"^\.\.\. (\d+) more$")


@dataclass(frozen=True, slots=True)
class Program:
    """One language feature: a script and the story that a recorder has to tell of it."""

    name: str
    source: str
    expected: dict[tuple[int, int], str]
    """By the first version for which it holds."""

    @property
    def expected_here(self) -> str:
        """What holds on the Python that is running."""
        return self.expected[max(version for version in self.expected if version <= sys.version_info[:2])]

    @property
    def is_about_creators(self) -> bool:
        return any("<- created by " in text for text in self.expected.values())

    def tells(self, rows: Sequence[Row]) -> str:
        """The trace as text, with as many lines left out as the expected text leaves out."""
        return leave_out(tree_text(rows, creators=self.is_about_creators), like=self.expected_here)


def load_all() -> list[Program]:
    """All programs, in the order of their names."""
    return [load(path) for path in sorted(FOLDER.glob("*.md"))]


def load(path: Path) -> Program:
    source = None
    expected: dict[tuple[int, int], str] = {}
    for kind, version, body in _BLOCK.findall(path.read_text("utf-8")):
        if kind == "python":
            assert source is None, f"{path.name}: more than one python block"
            source = body
        else:
            major, minor = (version.strip() or "3.12").split(".")
            expected[int(major), int(minor)] = body
    assert source is not None, f"{path.name}: no python block"
    assert expected, f"{path.name}: no text block"
    return Program(path.stem, source, expected)


def tree_text(rows: Sequence[Row], *, creators: bool = False) -> str:
    """The calls as an indented tree, a line each, in order of start."""
    children: dict[str | None, list[Row]] = defaultdict(list)
    functions = {row["handle"]: row["function"] for row in rows}
    for row in rows:
        children[row["parent"]].append(row)
    lines: list[str] = []
    waiting = [(0, row) for row in reversed(children[None])]
    while waiting:
        depth, row = waiting.pop()
        line = "  " * depth + _line(row)
        if creators and row["created_by"] is not None:
            line += f" <- created by {functions.get(row['created_by'], row['created_by'])}"
        lines.append(line)
        waiting += [(depth + 1, child) for child in reversed(children[row["handle"]])]
    return "".join(line + "\n" for line in lines)


def _line(row: Row) -> str:
    arguments = ", ".join(f"{name}={text}" for name, text in row["args"].items())
    match row["outcome"]:
        case "returned":
            ending = f"-> {row['result']}"
        case "raised":
            ending = f"!! {row['exception']}"
        case other:
            ending = str(other)
    lanes = [lane for lane in (row["thread"], row["task"]) if lane not in ("t-0", None)]
    return f"{row['function']}({arguments}) {ending}" + (f" [{' '.join(lanes)}]" if lanes else "")


def leave_out(text: str, *, like: str) -> str:
    """The text without the lines that the other text leaves out at that place."""
    lines = text.splitlines(keepends=True)
    told: list[str] = []
    for line in like.splitlines():
        more = _MORE.match(line.strip())
        if more is None:
            told += lines[:1]
            del lines[:1]
        else:
            count = len(lines[: int(more[1])])
            told.append(line.replace(more[1], str(count)) + "\n")
            del lines[:count]
    return "".join(told + lines)


def rewrite(path: Path, rows: Sequence[Row], *, from_here: bool) -> None:
    """Put the trace of these rows into a text block of a program file."""
    program = load(path)
    text = path.read_text("utf-8")
    heading, body = "```text", program.expected[3, 12]
    if from_here:
        if program.tells(rows) == program.expected_here:
            return
        version = sys.version_info[:2]
        heading = f"```text {version[0]}.{version[1]}"
        if version not in program.expected:
            text += f"\n{heading}\n{program.expected_here}```\n"
        body = program.expected_here
    new = leave_out(tree_text(rows, creators=program.is_about_creators), like=body)
    path.write_text(text.replace(f"{heading}\n{body}```", f"{heading}\n{new}```"), "utf-8")


def main(arguments: Sequence[str]) -> None:
    import reference

    from_here = "--from-here" in arguments
    for path in (Path(each) for each in arguments if each != "--from-here"):
        with tempfile.TemporaryDirectory() as folder:
            script = Path(folder, "program.py")
            script.write_text(load(path).source, "utf-8")
            recorded = reference.record_and_run(script, cwd=folder)
            assert recorded.rows, recorded.stderr.decode()
            rewrite(path, recorded.rows, from_here=from_here)


if __name__ == "__main__":
    main(sys.argv[1:])
