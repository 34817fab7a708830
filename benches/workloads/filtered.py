"""filtered out: one recorded call, inside of which somebody else's code makes all the others."""

from workloads import foreign

INCLUDE = ["*workloads/filtered.py"]
SIZE = 3_000_000
QUICK_SIZE = 50_000
# What is measured happens in code that is not recorded.
COUNTED = ["*workloads/foreign/*"]


def run(size: int) -> int:
    foreign.busy(size)
    return 0
