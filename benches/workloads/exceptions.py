"""exceptions: each second call fails, through one frame, and is caught."""

INCLUDE = ["*workloads/exceptions.py"]
SIZE = 300_000
QUICK_SIZE = 10_000


def check(n: int) -> int:
    if n & 1:
        raise ValueError(n)
    return n


def attempt(n: int) -> int:
    return check(n)


def run(size: int) -> int:
    for i in range(size // 2):
        try:  # noqa: SIM105  # What is measured is a handler, not a context manager.
            attempt(i & 63)
        except ValueError:
            pass
    return 0
