"""Is killed while threads work, tasks wait and generators are held."""

import asyncio
import os
import signal
import threading

at_work = threading.Barrier(3)


def numbers(n):
    for number in range(n):
        yield number


def work(name):
    held = numbers(3)
    for number in held:
        try:
            fails(number)
        except KeyError:
            pass
        if number == 1:
            at_work.wait()
            waits(name)


def waits(name):
    threading.Event().wait()


def fails(number):
    return {}[number]


async def fetch(n):
    await asyncio.sleep(n)
    if n:
        os.kill(os.getpid(), signal.SIGKILL)
    return n


async def everything():
    return await asyncio.gather(*(asyncio.create_task(fetch(n), name=f"fetch-{n}") for n in (0, 0, 0.01, 9)))


for name in ("left", "right"):
    threading.Thread(target=work, args=(name,), name=name, daemon=True).start()
at_work.wait()
asyncio.run(everything())
