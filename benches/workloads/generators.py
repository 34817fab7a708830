"""generators: a pipeline of two generators, suspended at each item."""

from collections.abc import Iterable, Iterator

INCLUDE = ["*workloads/generators.py"]
SIZE = 500_000
QUICK_SIZE = 10_000


def numbers(count: int) -> Iterator[int]:
    yield from range(count)


def even(items: Iterable[int]) -> Iterator[int]:
    for item in items:
        if not item & 1:
            yield item


def run(size: int) -> int:
    for start in range(4):
        sum(even(numbers(size // 4 + start)))
    return 0
