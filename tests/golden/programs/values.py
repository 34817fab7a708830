"""A value of every kind."""

import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import pathlib
import uuid


class Colour(enum.Enum):
    RED = 1


class Flag(enum.IntFlag):
    A = 1
    B = 2


@dataclasses.dataclass
class Line:
    name: str
    quantity: int
    note: object = None


class Slots:
    __slots__ = ("left", "right")

    def __init__(self, left, right):
        self.left = left
        self.right = right


class Words(list):
    pass


Point = collections.namedtuple("Point", "x y")


def same(value):
    return value


def many(first, /, second=2, *rest, third, **others):
    return [first, second, *rest, third, *others]


def main():
    for value in (
        None, True, False, ..., NotImplemented, 0, -1, 2**31, -(2**63), 2**62, 2**64, -(2**200), 2**40_000,
        0.0, -0.0, 1.5, 1e300, float("inf"), float("nan"), 1 + 2j, "", "text", "é漢\U0001f600", "\ud800", "a\x1b[31m\nb\u202e",
        "long " * 200, b"", b"\x00\xff'", b"x" * 2000, bytearray(b"ab"), memoryview(b"abc"),
    ):  # fmt: skip
        same(value)
    nested = [1, [2, [3, [4, [5, [6, [7]]]]]]]
    loop = []
    loop.append(loop)
    for value in (
        [], [1, 2], list(range(1000)), (), (1,), (1, 2), set(), {3, 1, 2}, frozenset({1}), {}, {"key": "value", 1: None},
        collections.deque([1, 2], maxlen=3), collections.OrderedDict(a=1), collections.Counter("aab"), nested, loop,
        range(3), range(1, 10, 2), slice(1, None), Colour.RED, Flag.A | Flag.B, Line("pen", 2), Slots(1, "b"), Words("ab"), Point(1, 2),
        same, len, [].append, Line, int, collections, main.__code__, (n for n in ()), object(), property(),
        ValueError("bad", 1), KeyError("k"), OSError(2, "No such file", "x.txt"), ExceptionGroup("several", [ValueError(1)]),
    ):  # fmt: skip
        same(value)
    for value in (
        datetime.datetime(2026, 11, 20, 9, 40), datetime.date(2026, 11, 20), datetime.timedelta(days=1), decimal.Decimal("1.50"),
        fractions.Fraction(1, 3), pathlib.PurePosixPath("/a/b"), uuid.UUID(int=1),
    ):  # fmt: skip
        same(value)
    many(1, 2, 3, third=3, fourth=4)
    same({"password": "hunter2", "card": "4111"})


def login(user, password):
    return f"{user} is in"


main()
login("ann", "hunter2")
