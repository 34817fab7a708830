"""fib: a call with one small integer and a result, doing next to nothing."""

INCLUDE = ["*workloads/fib.py"]
SIZE = 28
QUICK_SIZE = 20


def fib(n: int) -> int:
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def run(size: int) -> int:
    fib(size)
    return 0
