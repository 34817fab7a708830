"""The tables of `run.py`: medians over the rounds, with the lowest and the highest."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any, Literal

from whole import PROGRAMS

if TYPE_CHECKING:
    from run import Measured, MeasuredWhole

EMPTY = "-"
# A trace of fewer is all header.
FEWEST_CALLS = 100

Round = dict[str, Any]


@dataclass(frozen=True)
class Spread:
    """The median of some figures and how far they lie apart."""

    middle: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, figures: list[float]) -> Spread | None:
        return cls(median(figures), min(figures), max(figures)) if figures else None

    def text(self, digits: int) -> str:
        return f"{self.middle:,.{digits}f} ({self.lowest:,.{digits}f} to {self.highest:,.{digits}f})"


def table(measured: list[Measured]) -> str:
    """Each workload's cost: the empty hook's, and execmap's as a ratio to it and to the untraced run."""
    text = ""
    for python in dict.fromkeys(one.python for one in measured):
        of_python = [one for one in measured if one.python == python]
        head = [
            f"Python {python}",
            "measured over",
            "untraced, ns",
            "untraced twice",
            "empty hook, ns added",
            "no values, ns added",
            "x hook",
            "x untraced",
            "values, ns added",
            "x hook",
            "x untraced",
            "bytes a call, bare / values",
            "writer's CPU, bare / values",
        ]
        text += "\n" + _markdown(head, [_row(one) for one in of_python])
        text += _remarks(of_python)
        if promises := _promises(of_python):
            text += "\n" + _markdown(["promised", "at most", "measured", ""], promises)
    return text


@dataclass(frozen=True)
class Promise:
    """A line of the table of costs that execmap means to keep."""

    what: str
    workload: str
    variant: str
    figure: Literal["hook", "untraced", "bytes"]
    at_most: float
    at_most_since_3_14: float


PROMISES = [
    Promise("calls without values, x hook", "fib", "bare", "hook", 1.1, 1.5),
    Promise("calls with three small integers and a result, x hook", "flat", "values", "hook", 2, 3),
    Promise("a real library with values, x untraced", "sql", "values", "untraced", 3, 3),
    Promise("filtered out, x untraced", "filtered", "values", "untraced", 1.02, 1.02),
    Promise("filtered out, with exceptions, x untraced", "filtered_exceptions", "values", "untraced", 1.3, 1.3),
    Promise("bytes a call without values, fib", "fib", "bare", "bytes", 3, 3),
    Promise("bytes a call without values, richards", "richards", "bare", "bytes", 3, 3),
    Promise("bytes a call without values, sqlglot", "sql", "bare", "bytes", 3, 3),
    Promise("bytes a call with three small integers and a result", "flat", "values", "bytes", 10, 10),
]


def _promises(measured: list[Measured]) -> list[list[str]]:
    of_workload = {one.workload: one for one in measured}
    rows = []
    for promise in PROMISES:
        one = of_workload.get(promise.workload)
        spread = Spread.of(_figures(promise, one)) if one else None
        if one is None or spread is None:
            continue
        is_new = tuple(map(int, one.python.split(".")[:2])) >= (3, 14)
        at_most = promise.at_most_since_3_14 if is_new else promise.at_most
        verdict = "kept" if spread.middle <= at_most else "**missed**"
        rows.append([promise.what, f"{at_most:g}", spread.text(2), verdict])
    return rows


def _figures(promise: Promise, one: Measured) -> list[float]:
    rounds = one.rounds.get(promise.variant, [])
    match promise.figure:
        case "hook":
            return _to_hook(one, promise.variant, "floor")
        case "untraced":
            return [_slowdown(each) for each in rounds]
        case "bytes":
            return _bytes_per_call(rounds, one)


# What a program may need beside time while it is recorded.
MOST_EXTRA_MB = 64
MOST_END_S = 0.2


def whole_table(measured: list[MeasuredWhole]) -> str:
    """What programs need that are recorded whole, and the same programs untraced."""
    if not measured:
        return ""
    rows, promises = [], []
    for one in measured:
        title = f"{one.python}, {PROGRAMS[one.program].title}"
        peaks = {which: _whole(one, which, "peak_kb", 1024) for which in ("untraced", "recorded")}
        ends = {which: _whole(one, which, "end_ns", 1e9) for which in ("untraced", "recorded")}
        extra = [ours - plain for ours, plain in zip(peaks["recorded"], peaks["untraced"], strict=True)]
        calls = one.rounds[0]["info"]["calls"]
        rows.append(
            [
                title,
                f"{calls:,}",
                *(_text(Spread.of(peaks[which]), 1) for which in peaks),
                *(_text(Spread.of(ends[which]), 3) for which in ends),
                _text(Spread.of(_whole(one, "recorded", "end_cpu_ns", 1e9)), 3),
                f"{median(each['trace_bytes'] for each in one.rounds) / 1e6:,.1f}",
                f"{median(each['trace_bytes'] for each in one.rounds) / calls:.2f}",
                _text(Spread.of(_whole(one, "info_took", "cpu_ns", 1e9)), 3),
                _text(Spread.of(_whole(one, "info_took", "peak_kb", 1024)), 1),
            ]
        )
        for what, at_most, figures, digits in (
            ("extra memory, MB", MOST_EXTRA_MB, extra, 1),
            ("end of the program until the file is whole, s", MOST_END_S, ends["recorded"], 3),
        ):
            spread = Spread.of(figures)
            verdict = "kept" if spread and spread.middle <= at_most else "**missed**"
            promises.append([f"{title}, {calls:,} calls: {what}", f"{at_most:g}", _text(spread, digits), verdict])
    head = [
        "whole run",
        "calls",
        "peak memory untraced, MB",
        "recorded, MB",
        "from last line to end untraced, s",
        "recorded, s",
        "of CPU, s",
        "trace, MB",
        "bytes a call",
        "`execmap info`, s of CPU",
        "its peak memory, MB",
    ]
    text = "\n" + _markdown(head, rows) + _whole_remarks(measured)
    return text + "\n" + _markdown(["promised", "at most", "measured", ""], promises)


def _whole(one: MeasuredWhole, which: str, figure: str, unit: float) -> list[float]:
    return [each[which][figure] / unit for each in one.rounds]


def _whole_remarks(measured: list[MeasuredWhole]) -> str:
    remarks = [
        _remark(one.program, each["expected_calls"], each["info"])
        for one in measured
        for each in one.rounds
        if not _is_as_expected(each["expected_calls"], each["info"])
    ]
    return "\n" + "".join(remarks) if remarks else ""


def _row(one: Measured) -> list[str]:
    hook = "floor-lines" if "floor-lines" in one.rounds else "floor"
    units = _units(one)
    row = [
        _title(one),
        f"{units:,} {_unit_name(one)}",
        _middle(one, "untraced", lambda each: each["untraced_ns"] / units),
        _each(one, "untraced", _slowdown),
        _middle(one, hook, lambda each: _added(each) / units),
    ]
    for variant in ("bare", "values"):
        row += [
            _middle(one, variant, lambda each: _added(each) / units),
            _text(Spread.of(_to_hook(one, variant, hook)), 2),
            _each(one, variant, _slowdown),
        ]
    both = [one.rounds.get(variant, []) for variant in ("bare", "values")]
    sizes = [_bytes_per_call(rounds, one) for rounds in both]
    shares = [_writer_share(rounds) for rounds in both]
    row.append(" / ".join(f"{median(figures):.2f}" if figures else EMPTY for figures in sizes))
    row.append(" / ".join(f"{median(figures):.0%}" if figures else EMPTY for figures in shares))
    return row


def _title(one: Measured) -> str:
    """The first words of the workload's docstring."""
    doc = importlib.import_module(f"workloads.{one.workload}").__doc__ or one.workload
    return doc.partition(":")[0].strip()


def _unit_name(one: Measured) -> str:
    if one.workload == "lines":
        return "lines"
    return "calls" if one.counts["entries"] == one.counts["calls"] else "entries"


def _units(one: Measured) -> int:
    """What the cost is divided by: lines, or times a function was entered, resumptions included."""
    return one.counts["lines" if one.workload == "lines" else "entries"]


def _added(each: Round) -> float:
    return float(each["traced_ns"] - each["untraced_ns"])


def _slowdown(each: Round) -> float:
    return float(each["traced_ns"] / each["untraced_ns"])


def _to_hook(one: Measured, variant: str, hook: str) -> list[float]:
    """Round by round, so that a busy moment weighs on both."""
    pairs = zip(one.rounds.get(variant, []), one.rounds.get(hook, []), strict=False)
    return [_added(ours) / _added(empty) for ours, empty in pairs if _added(empty) > 0]


def _bytes_per_call(rounds: list[Round], one: Measured) -> list[float]:
    calls = one.counts["recorded_calls"]
    if calls < FEWEST_CALLS:
        return []
    return [each["trace_bytes"] / (calls * each["repeats"]) for each in rounds if each["trace_bytes"]]


def _writer_share(rounds: list[Round]) -> list[float]:
    return [each["writer_ns"] / each["program_ns"] for each in rounds]


def _middle(one: Measured, variant: str, figure: Callable[[Round], float]) -> str:
    figures = [figure(each) for each in one.rounds.get(variant, [])]
    return f"{median(figures):.1f}" if figures else EMPTY


def _each(one: Measured, variant: str, figure: Callable[[Round], float]) -> str:
    return _text(Spread.of([figure(each) for each in one.rounds.get(variant, [])]), 2)


def reading_table(measured: list[Measured]) -> str:
    """What a reader of a long recording waits for, in processor time."""
    columns = ["open_ns", "map_ns", "budget_ns", "focus_ns"]
    rows = []
    for one in measured:
        for variant in ("bare", "values"):
            rounds = [each["reading"] for each in one.rounds.get(variant, []) if "reading" in each]
            if rounds:
                figures = [_text(Spread.of([each[column] / 1e9 for each in rounds]), 3) for column in columns]
                peak = _text(Spread.of([each["peak_kb"] / 1024 for each in rounds]), 0)
                rows.append([f"{one.python}, {variant}", f"{one.counts['recorded_calls']:,}", *figures, peak])
    head = ["reading", "calls", "open, s", "fold and map, s", "another budget, s", "a focus, s", "peak memory, MB"]
    return "\n" + _markdown(head, rows) if rows else ""


def difference_table(measured: list[dict[str, Any]]) -> str:
    """What the difference of two runs takes that are equal, and that differ in one argument."""
    rows = []
    for one in measured:
        if one:
            columns = ("open_ns", "diff_ns", "equal_ns", "command_ns")
            figures = [f"{one[column] / 1e9:.3f}" for column in columns]
            named = "yes" if one["is_named"] else "NO"
            rows.append([one["python"], f"{one['calls']:,}", *figures, named, f"{one['peak_kb'] / 1024:.0f}"])
    head = ["difference", "calls of each run", "open both, s", "one argument differs, s", "equal, s"]
    head += ["`execmap diff`, wall, s", "argument named", "peak memory, MB"]
    return "\n" + _markdown(head, rows) if rows else ""


def _text(spread: Spread | None, digits: int) -> str:
    return spread.text(digits) if spread else EMPTY


def _remarks(measured: list[Measured]) -> str:
    """What makes a figure worthless: a trace that is not whole, or has not the calls that were made."""
    remarks = []
    for one in measured:
        for variant in ("bare", "values"):
            for each in one.rounds.get(variant, [])[:1]:
                expected = one.counts["recorded_calls"] * each["repeats"]
                if not _is_as_expected(expected, each["info"]):
                    remarks.append(_remark(f"{one.workload}, {variant}", expected, each["info"]))
    return "\n" + "".join(remarks) if remarks else ""


def _is_as_expected(expected: int, info: Round) -> bool:
    return bool(info["calls"] == expected and info["complete"])


def _remark(what: str, expected: int, info: Round) -> str:
    return (
        f"- {what}: {expected:,} calls were made, and the trace has {info['calls']:,} "
        f"(complete: {info['complete']}, left out: {info['left_out']})\n"
    )


def _markdown(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
