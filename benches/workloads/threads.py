"""threads: the calls of `flat` in four threads."""

import threading
import time

INCLUDE = ["*workloads/threads.py"]
SIZE = 1_000_000
QUICK_SIZE = 20_000
THREADS = 4


def price(quantity: int, unit: int, discount: int) -> int:
    return quantity * unit - discount


def worker(calls: int, spent: list[int]) -> None:
    began = time.thread_time_ns()
    for i in range(calls):
        price(i & 63, 7, 3)
    spent.append(time.thread_time_ns() - began)


def run(size: int) -> int:
    spent: list[int] = []
    workers = [threading.Thread(target=worker, args=(size // THREADS, spent)) for _ in range(THREADS)]
    for thread in workers:
        thread.start()
    for thread in workers:
        thread.join()
    return sum(spent)
