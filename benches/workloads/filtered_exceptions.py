"""filtered out, exceptions as control flow: the same with each second call failing."""

from workloads import foreign

INCLUDE = ["*workloads/filtered_exceptions.py"]
SIZE = 600_000
QUICK_SIZE = 20_000
COUNTED = ["*workloads/foreign/*"]


def run(size: int) -> int:
    foreign.busy_with_exceptions(size)
    return 0
