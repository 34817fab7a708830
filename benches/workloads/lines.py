"""lines: a numeric loop of seven statements without a call."""

INCLUDE = ["*workloads/lines.py"]
SIZE = 300_000
QUICK_SIZE = 10_000
UNIT = "line"


def loop(count: int) -> int:
    x = 1
    y = 2
    total = 0
    for i in range(count):
        x = (x * 31 + i) & 65_535
        y = x ^ y
        total += y
        if total > 1_000_000:
            total -= 1_000_000
        y = y + 1
    return total


def run(size: int) -> int:
    loop(size)
    return 0
