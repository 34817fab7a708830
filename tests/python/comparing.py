"""Comparing what execmap recorded of a script with what the reference recorded of it.

Times are never compared, nor a field of which the reference says that it cannot tell. Programs with several threads
start their calls in an order that changes from run to run; of those, the calls of the main thread are compared in
order, and those of the other threads as a heap of trees.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import reference
from running import Execmap, python, without_addresses

Row = dict[str, Any]

TIMES = frozenset({"start_ns", "end_ns", "suspended_ns"})

# Numbers that the system chooses anew in each run.
_RUN_DEPENDENT = re.compile(r"\b(_ident|_native_id|_ident_cache)=\d+")

# What `id` gives, where a program keeps it: an address on the heap or in mapped memory.
_ADDRESS = re.compile(r"\b(?:9[34]\d{12}|1[34]\d{13})\b")


def compare(
    script: str | Path, argv: Sequence[str] = (), include: Sequence[str] = (), *, cwd: str | Path | None = None
) -> list[str]:
    """How the two recorders differ on a script, as lines to read; none when they agree.

    The script is also run without either: its output and exit code have to be the same three times.
    """
    script = Path(script).resolve()
    with tempfile.TemporaryDirectory() as folder:
        here = Path(cwd) if cwd is not None else Path(folder)
        plain = python(script, *argv, cwd=here)
        expected = reference.record_and_run(script, argv, include=include, cwd=here)
        execmap = Execmap(here, trace_name=str(Path(folder, "run.execmap")))
        options = [part for glob in include for part in ("--include", glob)]
        done = execmap.run(script, *argv, options=options)
        found = execmap.rows()
    differences = []
    for name, of_plain, of_reference, of_execmap in (
        ("exit code", plain.exit_code, expected.exit_code, done.exit_code),
        ("stdout", plain.stdout, expected.stdout, done.stdout),
    ):
        if of_plain != of_execmap:
            differences.append(f"{name}: {of_execmap!r} under execmap, {of_plain!r} without")
        if of_plain != of_reference:
            differences.append(f"{name}: {of_reference!r} under the reference, {of_plain!r} without")
    if without_addresses(plain.err) != without_addresses(done.err):
        differences.append(f"stderr: {done.err!r} under execmap, {plain.err!r} without")
    return differences + differences_of_rows(found, expected.rows)


def differences_of_rows(found: Sequence[Row], expected: Sequence[Row], *, at_most: int = 20) -> list[str]:
    """How rows of execmap differ from rows of the reference, as lines to read."""
    differences = _differences(found, expected)
    first = [difference for difference, _ in zip(differences, range(at_most), strict=False)]
    rest = sum(1 for _ in differences)
    return [*first, f"and {rest} more"] if rest else first


def _differences(found: Sequence[Row], expected: Sequence[Row]) -> Iterator[str]:
    if len(found) != len(expected):
        yield f"calls: {len(found)} found, {len(expected)} expected"
    if len({row["thread"] for row in expected}) > 1:
        found, expected = _by_tree(found), _by_tree(expected)
    else:
        found, expected = _with_tasks_numbered(found), _with_tasks_numbered(expected)
    for mine, theirs in zip(found, expected, strict=False):
        if list(mine) != list(theirs):
            yield f"{_name(theirs)}: keys {list(mine)} found, {list(theirs)} expected"
        for key, value in theirs.items():
            if key in TIMES or value == reference.UNKNOWN:
                continue
            if _steady(mine.get(key)) != _steady(value):
                yield f"{_name(theirs)}: {key} {_excerpts(mine.get(key), value)}"
    longer, what = (
        (found, "found but not expected") if len(found) > len(expected) else (expected, "expected but not found")
    )
    for row in longer[min(len(found), len(expected)) :]:
        yield f"{_name(row)}: {what}"


def _name(row: Row) -> str:
    arguments = ", ".join(f"{name}={text}" for name, text in row["args"].items())
    shown = arguments if len(arguments) <= 80 else arguments[:79] + "…"
    return f"{row.get('handle', '')} {row['function']}({shown})".strip()


def _excerpts(found: object, expected: object) -> str:
    """Both values from a little before the place where they begin to differ."""
    texts = (repr(found), repr(expected))
    same = next((at for at, (one, other) in enumerate(zip(*texts, strict=False)) if one != other), 0)
    begin = max(0, same - 40) if max(map(len, texts)) > 160 else 0
    one, other = (("…" if begin else "") + text[begin : begin + 160] for text in texts)
    return f"{one} found, {other} expected"


def _steady(value: object) -> object:
    if isinstance(value, str):
        return _ADDRESS.sub("<address>", _RUN_DEPENDENT.sub(r"\1=…", value))
    if isinstance(value, dict):
        return [(name, _steady(text)) for name, text in value.items()]
    return value


def _with_tasks_numbered(rows: Sequence[Row]) -> list[Row]:
    """The rows with tasks numbered in the order in which they first appear."""
    numbers: dict[str, str] = {}
    return [{**row, "task": row["task"] and numbers.setdefault(row["task"], f"k-{len(numbers)}")} for row in rows]


def _by_tree(rows: Sequence[Row]) -> list[Row]:
    """The calls tree by tree: the main thread's in order, then the others' in the order of their text."""
    children: dict[str | None, list[Row]] = defaultdict(list)
    functions = {row["handle"]: row["function"] for row in rows}
    for row in rows:
        children[row["parent"]].append(row)

    def flat(row: Row, depth: int) -> Iterator[Row]:
        waiting = [(row, depth)]
        while waiting:
            row, depth = waiting.pop()
            creator = row["created_by"]
            yield {
                **{key: value for key, value in row.items() if key not in ("handle", "parent", "thread", "task")},
                "depth": depth,
                "created_by": functions.get(creator, creator),
                "in_task": row["task"] is not None,
            }
            waiting += [(child, depth + 1) for child in reversed(children[row["handle"]])]

    trees = {True: [], False: []}  # type: dict[bool, list[list[Row]]]
    for root in children[None]:
        trees[root["thread"] == "t-0"].append(list(flat(root, 0)))
    trees[False].sort(key=_text_of_tree)
    return [row for tree in (*trees[True], *trees[False]) for row in tree]


def _text_of_tree(tree: list[Row]) -> str:
    return json.dumps(
        [[row["depth"], row["function"], _steady(row["args"]), row["result"], row["outcome"]] for row in tree]
    )
