"""Reading traces from Python: `load`, `Trace` and its answers."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

from execmap import _core

COLUMNS = (
    "handle",
    "parent",
    "created_by",
    "process",
    "thread",
    "task",
    "function",
    "module",
    "file",
    "line",
    "call_line",
    "start_ns",
    "end_ns",
    "suspended_ns",
    "args",
    "result",
    "outcome",
    "exception",
)
"""The columns of `Trace.calls`: the keys of a line of ndjson."""

_CHUNK = 4096


@dataclass(frozen=True, slots=True)
class Tree:
    """The call tree; its text is what `execmap tree` prints."""

    text: str = field(repr=False)
    data: dict[str, Any] = field(repr=False)
    """What `execmap tree --json` prints."""

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of the tree, from the top."""
        rows: list[dict[str, Any]] = self.data["rows"]
        return rows

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Stats:
    """Functions with their figures; its text is what `execmap stats` prints."""

    text: str = field(repr=False)
    data: dict[str, Any] = field(repr=False)
    """What `execmap stats --json` prints."""

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Map:
    """The map of a run; its text is what `execmap map` prints, a Mermaid diagram."""

    mermaid: str = field(repr=False)
    plantuml: str = field(repr=False)
    text: str = field(repr=False)
    """The map for a terminal."""
    data: dict[str, Any] = field(repr=False)
    """What `execmap map --json` prints."""

    def __str__(self) -> str:
        return self.mermaid


@dataclass(frozen=True, slots=True)
class Difference:
    """What two runs did differently; its text is what `execmap diff` prints. True when they differ."""

    text: str = field(repr=False)
    mermaid: str = field(repr=False)
    """A sequence diagram of the ways to what differs, with marks."""
    data: dict[str, Any] = field(repr=False)
    """What `execmap diff --json` prints."""

    @property
    def equal(self) -> bool:
        """Whether both did the same."""
        equal: bool = self.data["equal"]
        return equal

    @property
    def changes(self) -> list[dict[str, Any]]:
        """All differences, those of one kind at one place together."""
        changes: list[dict[str, Any]] = self.data["changes"]
        return changes

    def __bool__(self) -> bool:
        return not self.equal

    def __str__(self) -> str:
        return self.text


class Calls:
    """The calls of a trace as a table: rows by number, columns by name.

    Rows are dictionaries with the keys of `COLUMNS`. They are made when they
    are asked for, so that a table of ten million calls costs nothing by itself.
    """

    __slots__ = ("_core",)

    def __init__(self, core: _core.Trace) -> None:
        self._core = core

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        return COLUMNS

    def __len__(self) -> int:
        return self._core.count()

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for first in range(0, len(self), _CHUNK):
            for line in self._core.rows(first, first + _CHUNK):
                yield json.loads(line)

    @overload
    def __getitem__(self, key: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, key: slice) -> list[dict[str, Any]]: ...
    @overload
    def __getitem__(self, key: str) -> list[Any]: ...
    def __getitem__(self, key: int | slice | str) -> dict[str, Any] | list[Any]:
        """A row by its number, rows by a slice, or a column by its name."""
        if isinstance(key, str):
            if key not in COLUMNS:
                raise KeyError(f"no column {key!r}; there are {', '.join(COLUMNS)}")
            return [row[key] for row in self]
        if isinstance(key, slice):
            numbers = range(len(self))[key]
            if numbers.step == 1:
                return [json.loads(line) for line in self._core.rows(numbers.start, max(numbers.start, numbers.stop))]
            return [self[number] for number in numbers]
        number = key + len(self) if key < 0 else key
        if not 0 <= number < len(self):
            raise IndexError(f"no call {key}: there are {len(self)}")
        row: dict[str, Any] = json.loads(self._core.rows(number, number + 1)[0])
        return row

    def __repr__(self) -> str:
        return f"<execmap.Calls: {len(self):,} calls>"


class Trace:
    """A recorded run. `execmap.load` opens one, `Recording.trace` is one."""

    __slots__ = ("_core", "_keep", "_path")

    def __init__(self, path: str | os.PathLike[str], keep: object = None) -> None:
        self._path = os.fspath(path)
        self._core = _core.Trace(self._path)
        # A temporary trace lives as long as whoever looks at it.
        self._keep = keep

    @property
    def path(self) -> str:
        """The trace's file."""
        return self._path

    @property
    def calls(self) -> Calls:
        """All calls, in the order in which they began."""
        return Calls(self._core)

    @property
    def info(self) -> dict[str, Any]:
        """What the trace is, as `execmap info --json` says it."""
        info: dict[str, Any] = json.loads(self._core.info())
        return info

    @property
    def processes(self) -> list[dict[str, Any]]:
        """The processes of the run: who started each in which call, its calls, how it ended."""
        rows: list[dict[str, Any]] = json.loads(self._core.processes())
        return rows

    def tree(
        self,
        function: str | None = None,
        *,
        depth: int | None = None,
        min_ns: int = 0,
        root: str | None = None,
        max_rows: int | None = None,
    ) -> Tree:
        """The call tree: of functions that match a pattern, down to a depth, of calls that took at least so long."""
        data, text = self._core.tree(function, depth, min_ns, root, max_rows)
        return Tree(text, json.loads(data))

    def stats(self, function: str | None = None, *, limit: int | None = None) -> Stats:
        """Functions by calls, total and self time, failures."""
        data, text = self._core.stats(function, limit)
        return Stats(text, json.loads(data))

    def map(
        self,
        *,
        max_messages: int | None = 60,
        depth: int | None = None,
        root: str | None = None,
        focus: str | None = None,
        group_by: str = "class",
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        max_chars: int | None = None,
    ) -> Map:
        """The map of the run: a sequence diagram of at most `max_messages` arrows, returns included."""
        data, mermaid, plantuml, text = self._core.map(
            max_messages, depth, root, focus, group_by, list(include), list(exclude), max_chars
        )
        return Map(mermaid, plantuml, text, json.loads(data))

    def diff(self, new: Trace, *, ignore: Sequence[str] = (), max_messages: int = 60) -> Difference:
        """What a new run did differently. `ignore`: values that do not count, of time, address, id and path."""
        data, text, mermaid = self._core.diff(new._core, list(ignore), max_messages)
        return Difference(text, mermaid, json.loads(data))

    def to_mermaid(self, *, max_messages: int | None = 60, depth: int | None = None, root: str | None = None) -> str:
        """The map as the text of a Mermaid sequence diagram."""
        return self.map(max_messages=max_messages, depth=depth, root=root).mermaid

    def to_html(self, path: str | os.PathLike[str], *, page_size: int | None = None) -> None:
        """Writes the page: one file, for any browser, without a network."""
        self._core.write_html(os.fspath(path), page_size)

    def to_ndjson(self) -> str:
        """Every call as a line of JSON."""
        return self._core.ndjson()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Keeps the trace in a file of that name."""
        shutil.copyfile(self._path, path)

    def __repr__(self) -> str:
        info = self.info
        whole = "whole" if info["complete"] else "recovered" if info["recovered"] else "cut short"
        return f"<execmap.Trace {info['trace']}: {info['calls']:,} calls, {whole}>"


def load(path: str | os.PathLike[str] = ".") -> Trace:
    """Opens a trace; given a folder, the newest one in it."""
    return Trace(path)
