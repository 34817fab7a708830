"""tasks: coroutines awaiting coroutines in 200 asyncio tasks."""

import asyncio

INCLUDE = ["*workloads/tasks.py"]
SIZE = 500_000
QUICK_SIZE = 10_000
TASKS = 200


async def leaf(n: int) -> int:
    return n + 1


async def worker(calls: int) -> int:
    total = 0
    for i in range(calls):
        total = await leaf(total & 63)
        if i % 50 == 0:
            await asyncio.sleep(0)
    return total


async def main(calls: int) -> None:
    await asyncio.gather(*(worker(calls // TASKS) for _ in range(TASKS)))


def run(size: int) -> int:
    asyncio.run(main(size))
    return 0
