"""A program that never rests: threads, tasks, executors, queues, generators, exceptions, children.

It counts its own calls, function by function, with counters of C that no two threads can disturb, and writes the counts
of each process to a file of its own as the last thing. Where a thread stands still for a minute, it says where every
one is and ends with code 70; the file `alive` is touched each second, for whoever watches from outside.

    python soak_program.py FOLDER --seconds 60 --threads 64 --tasks 1000 --pause 0.6 [--forks]
"""

import argparse
import asyncio
import concurrent.futures
import contextlib
import faulthandler
import gc
import itertools
import json
import multiprocessing
import os
import queue
import random
import signal
import sys
import threading
import time
from pathlib import Path

COUNTS = {"<module>": itertools.count(1), "counted": itertools.count(), "Item": itertools.count(1)}

STALLED_S = 60


def counted(function):
    next(COUNTS["counted"])
    COUNTS[function.__qualname__] = itertools.count()
    return function


@counted
def begin_anew():
    """In a forked child: what the parent counted is the parent's."""
    for name in COUNTS:
        COUNTS[name] = itertools.count()
    next(COUNTS["begin_anew"])


@counted
def write_counts(folder):
    next(COUNTS["write_counts"])
    # Nothing that the collector ends may call anything from here on.
    gc.disable()
    counts = {name: next(counter) for name, counter in COUNTS.items()}
    path = Path(folder, f"counts-{os.getpid()}.new")
    path.write_text(json.dumps(counts))
    path.rename(path.with_suffix(".json"))


class Item:
    __slots__ = ("name", "price")

    @counted
    def __init__(self, name, price):
        next(COUNTS["Item.__init__"])
        self.name = name
        self.price = price

    @counted
    def total(self, quantity):
        next(COUNTS["Item.total"])
        return step(self.price) * quantity


@counted
def step(n):
    next(COUNTS["step"])
    return n + 1


@counted
def fib(n):
    next(COUNTS["fib"])
    return n if n < 2 else fib(n - 1) + fib(n - 2)


@counted
def down(n):
    next(COUNTS["down"])
    return 0 if n == 0 else 1 + down(n - 1)


@counted
def fails(n):
    next(COUNTS["fails"])
    raise ValueError(n)


@counted
def bears(n):
    next(COUNTS["bears"])
    try:
        fails(n)
    except ValueError as error:
        try:
            raise KeyError(n) from error
        except KeyError:
            return -n
    finally:
        step(n)


@counted
def numbers(n):
    next(COUNTS["numbers"])
    try:
        for i in range(n):
            yield step(i)
    finally:
        step(n)


@counted
def delegating(n):
    next(COUNTS["delegating"])
    yield from numbers(n)


@counted
def drops(n):
    next(COUNTS["drops"])
    dropped = numbers(n)
    next(dropped)
    del dropped
    closed = delegating(n)
    next(closed)
    closed.close()
    with contextlib.suppress(ValueError):
        thrown = numbers(n)
        next(thrown)
        thrown.throw(ValueError(n))
    return sum(delegating(n))


@counted
def job(n):
    next(COUNTS["job"])
    return fib(3) + step(n)


@counted
def batch(number, queues, pool):
    """About 200 calls."""
    next(COUNTS["batch"])
    fib(7)
    down(20)
    for n in range(10):
        bears(n)
        drops(3)
        Item("nut", n).total(2)
    queues[number % len(queues)].put(step(number))
    with contextlib.suppress(queue.Empty):
        step(queues[(number + 1) % len(queues)].get_nowait())
    if number % 8 == 0:
        return pool.submit(job, number).result()
    return None


@counted
def work(number, beats, until, pause, queues, pool):
    """A thread that lives as long as the program."""
    next(COUNTS["work"])
    while time.monotonic() < until:
        batch(number, queues, pool)
        beats[number] += 1
        time.sleep(pause * random.uniform(0.5, 1.5))


@counted
def short_life(n):
    next(COUNTS["short_life"])
    return bears(n) + fib(4)


@counted
def start_and_end(beats, place, until):
    """Threads that come and go all the while, several at a time."""
    next(COUNTS["start_and_end"])
    while time.monotonic() < until:
        threads = [threading.Thread(target=short_life, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        beats[place] += 1
        time.sleep(0.4)


@counted
async def ticks(n):
    next(COUNTS["ticks"])
    try:
        for i in range(n):
            await asyncio.sleep(0)
            yield step(i)
    finally:
        step(n)


@counted
async def part(n):
    next(COUNTS["part"])
    await asyncio.sleep(random.uniform(0, 0.01))
    if n % 3 == 0:
        fails(n)
    return step(n)


@counted
async def group(n):
    next(COUNTS["group"])
    try:
        async with asyncio.TaskGroup() as tasks:
            for i in range(3):
                tasks.create_task(part(n + i))
    except* ValueError:
        step(n)


@counted
async def hand_over(n, channel):
    next(COUNTS["hand_over"])
    with contextlib.suppress(asyncio.QueueFull):
        channel.put_nowait(step(n))
    with contextlib.suppress(asyncio.QueueEmpty):
        step(channel.get_nowait())


@counted
async def live(number, beats, place, until, pause, channel, pool):
    """A task: about 25 calls a turn."""
    next(COUNTS["live"])
    while time.monotonic() < until:
        await asyncio.sleep(pause * random.uniform(2, 6))
        async for i in ticks(4):
            if i == 2:
                break
        await hand_over(number, channel)
        drops(2)
        if number % 10 == 0:
            await group(number)
        if number % 25 == 0:
            await asyncio.get_running_loop().run_in_executor(pool, job, number)
        beats[place] += 1


@counted
async def all_tasks(count, beats, place, until, pause, pool):
    """So many tasks at any time; some are cancelled and others take their place."""
    next(COUNTS["all_tasks"])
    channel = asyncio.Queue(50)
    tasks = [asyncio.create_task(live(n, beats, place, until, pause, channel, pool)) for n in range(count)]
    while time.monotonic() < until:
        await asyncio.sleep(0.5)
        for _ in range(5):
            n = random.randrange(count)
            tasks[n].cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await tasks[n]
            tasks[n] = asyncio.create_task(live(n, beats, place, until, pause, channel, pool))
    await asyncio.gather(*tasks)


@counted
def run_tasks(count, beats, place, until, pause, pool):
    next(COUNTS["run_tasks"])
    asyncio.run(all_tasks(count, beats, place, until, pause, pool))


@counted
def in_child(folder, n):
    next(COUNTS["in_child"])
    signal.alarm(STALLED_S)
    thread = threading.Thread(target=short_life, args=(n,))
    thread.start()
    fib(6)
    drops(3)
    bears(n)
    thread.join()
    write_counts(folder)


@counted
def fork(folder, n, ends_normally):
    next(COUNTS["fork"])
    pid = os.fork()
    if pid == 0:
        in_child(folder, n)
        if ends_normally:
            # Which would be waited for, but are the parent's.
            multiprocessing.process._children.clear()
            sys.exit(0)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@counted
def fork_by_multiprocessing(folder, n):
    next(COUNTS["fork_by_multiprocessing"])
    process = multiprocessing.get_context("fork").Process(target=in_child, args=(folder, n))
    process.start()
    process.join()
    return process.exitcode


@counted
def fork_all_the_while(folder, beats, place, until, failures):
    next(COUNTS["fork_all_the_while"])
    for n in itertools.count():
        if time.monotonic() >= until:
            return
        code = fork(folder, n, ends_normally=False) if n % 2 else fork_by_multiprocessing(folder, n)
        if code != 0:
            failures.append(code)
        beats[place] += 1
        time.sleep(1)


@counted
def watch(folder, beats, until, failures, forks):
    """The main thread: sees that all others go on."""
    next(COUNTS["watch"])
    sign_of_life = Path(folder, "alive")
    seen, since = list(beats), [time.monotonic()] * len(beats)
    for turn in itertools.count():
        sign_of_life.touch()
        now = time.monotonic()
        if now >= until:
            return
        for place, beat in enumerate(beats):
            if beat != seen[place]:
                seen[place], since[place] = beat, now
            elif now - since[place] > STALLED_S:
                print(f"stalled: {place} of {len(beats)}", file=sys.stderr, flush=True)
                faulthandler.dump_traceback(all_threads=True)
                os._exit(70)
        if forks and turn % 4 == 0:
            code = fork(folder, turn, ends_normally=True)
            if code != 0:
                failures.append(code)
        time.sleep(1)


@counted
def main():
    next(COUNTS["main"])
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--threads", type=int, default=64)
    parser.add_argument("--tasks", type=int, default=1000)
    parser.add_argument("--pause", type=float, default=0.6)
    parser.add_argument("--forks", action="store_true")
    options = parser.parse_args()
    faulthandler.enable()
    os.register_at_fork(after_in_child=begin_anew)
    until = time.monotonic() + options.seconds
    forkers = 3 if options.forks else 0
    beats = [0] * (options.threads + 2 + forkers)
    queues = [queue.Queue() for _ in range(8)]
    failures = []
    # Not as a context: a forked child that ends passes through here.
    pool = concurrent.futures.ThreadPoolExecutor(4)
    threads = [
        threading.Thread(target=work, args=(n, beats, until, options.pause, queues, pool))
        for n in range(options.threads)
    ]
    place = options.threads
    threads.append(threading.Thread(target=start_and_end, args=(beats, place, until)))
    threads.append(
        threading.Thread(target=run_tasks, args=(options.tasks, beats, place + 1, until, options.pause, pool))
    )
    for n in range(forkers):
        arguments = (options.folder, beats, place + 2 + n, until, failures)
        threads.append(threading.Thread(target=fork_all_the_while, args=arguments))
    for thread in threads:
        thread.start()
    watch(options.folder, beats, until, failures, options.forks)
    for thread in threads:
        thread.join(STALLED_S)
        if thread.is_alive():
            print(f"still running: {thread}", file=sys.stderr, flush=True)
            faulthandler.dump_traceback(all_threads=True)
            os._exit(70)
    pool.shutdown()
    print(f"done: {len(failures)} of the children failed {sorted(set(failures))}")
    write_counts(options.folder)


if __name__ == "__main__":
    main()
