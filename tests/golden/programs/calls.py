"""Calls of every kind, and every way in which they end."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor


class Stack:
    limit = 3

    def __init__(self):
        self.items = []

    def push(self, item):
        self.items.append(item)
        return len(self.items)

    @property
    def top(self):
        return self.items[-1]

    @classmethod
    def of(cls, *items):
        stack = cls()
        for item in items:
            stack.push(item)
        return stack


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def numbers(n):
    for number in range(n):
        yield number


def delegating():
    result = yield from numbers(3)
    return result


def fails(key):
    return {}[key]


def catches(key):
    try:
        return fails(key)
    except KeyError as error:
        raise ValueError("no such key") from error


def passes_on():
    try:
        catches("k")
    except ValueError:
        raise
    finally:
        fib(1)


async def fetch(n):
    await asyncio.sleep(0)
    return n * 2


async def counting(n):
    for number in range(n):
        yield number
        await asyncio.sleep(0)


async def everything():
    tasks = [asyncio.create_task(fetch(n), name=f"fetch-{n}") for n in range(3)]
    results = await asyncio.gather(*tasks)
    async for _ in counting(2):
        pass
    lost = asyncio.create_task(asyncio.sleep(9), name="cancelled")
    await asyncio.sleep(0)
    lost.cancel()
    return results


def work(n):
    return sum(fib(k) for k in range(n))


def main():
    fib(6)
    Stack.of(1, 2, 3).top
    list(delegating())
    held = numbers(5)
    next(held)
    held.close()
    next(numbers(2))
    kept = numbers(9)
    next(kept)
    try:
        kept.throw(RuntimeError("thrown in"))
    except RuntimeError:
        pass
    try:
        passes_on()
    except ValueError:
        pass
    thread = threading.Thread(target=work, args=(4,), name="worker")
    thread.start()
    thread.join()
    with ThreadPoolExecutor(2, thread_name_prefix="pool") as pool:
        list(pool.map(work, range(4)))
    asyncio.run(everything())
    for n in range(200):
        if n % 50 == 0:
            fib(n // 50)
    return sorted([3, 1, 2], key=lambda n: -n)


main()
fails("at the end")
