"""Somebody else's code: no workload includes it."""


def leaf(n: int) -> int:
    return n + 1


def busy(calls: int) -> int:
    total = 0
    for i in range(calls):
        total += leaf(i & 63)
    return total


def fails(n: int) -> int:
    if n & 1:
        raise KeyError(n)
    return n


def busy_with_exceptions(calls: int) -> int:
    total = 0
    for i in range(calls):
        try:
            total += fails(i & 63)
        except KeyError:
            total -= 1
    return total
