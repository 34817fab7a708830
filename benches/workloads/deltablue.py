"""deltablue: pyperformance's, objects calling methods."""

from workloads import _pyperformance

INCLUDE = ["*bm_deltablue*"]
SIZE = 5_000
QUICK_SIZE = 200


def run(size: int) -> int:
    _pyperformance.load("deltablue").delta_blue(size)
    return 0
