"""A program that runs for long: calls with numbers, texts, lists and objects, ten a turn.

    python long.py CALLS THREADS

Says what it held at most, in kilobytes, what processor time it took and when its last line was reached, both in
nanoseconds: all that comes after is the end.
"""

import sys
import threading
import time


class Order:
    def __init__(self, name: str, quantity: int) -> None:
        self.name = name
        self.quantity = quantity


def price(quantity: int, unit: int, discount: int) -> int:
    return quantity * unit - discount


def label(name: str, number: int) -> str:
    return f"{name}-{number}"


def total(prices: list[int]) -> int:
    return sum(prices)


def weight(order: Order) -> float:
    return order.quantity / 7


def work(turns: int) -> None:
    for i in range(turns):
        order = Order(label("nut", i), i & 63)
        prices = [price(order.quantity, unit, 3) for unit in range(6)]
        total(prices)
        weight(order)


def main() -> None:
    calls, threads = int(sys.argv[1]), int(sys.argv[2])
    workers = [threading.Thread(target=work, args=(calls // 10 // threads,)) for _ in range(threads - 1)]
    for worker in workers:
        worker.start()
    work(calls // 10 // threads)
    for worker in workers:
        worker.join()


main()
with open("/proc/self/status") as status:  # noqa: PTH123  # Importing pathlib would be a part of what is measured.
    for line in status:
        if line.startswith("VmHWM:"):
            print(line.split()[1], time.process_time_ns(), time.monotonic_ns(), flush=True)
