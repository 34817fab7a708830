"""richards: pyperformance's, objects calling methods."""

from workloads import _pyperformance

INCLUDE = ["*bm_richards*"]
SIZE = 10
QUICK_SIZE = 1


def run(size: int) -> int:
    _pyperformance.load("richards").Richards().run(size)
    return 0
