"""flat: calls with three small integers and a result, from one loop."""

INCLUDE = ["*workloads/flat.py"]
SIZE = 1_000_000
QUICK_SIZE = 20_000


def price(quantity: int, unit: int, discount: int) -> int:
    return quantity * unit - discount


def run(size: int) -> int:
    for i in range(size):
        price(i & 63, 7, 3)
    return 0
