"""Is killed, and so is its child: what came before a recording inside is in the trace, what came after it in the side file."""

import os
import signal

import execmap


def step(n):
    return {"n": n, "half": n / 2}


def waits():
    step(-1)
    yield
    step(-2)
    yield


def main():
    held = waits()
    for n in range(4):
        step(n)
    next(held)
    pid = os.fork()
    if not pid:
        step(100)
        os._exit(0)
    os.waitpid(pid, 0)
    with execmap.record():
        step(50)
    next(held)
    for n in range(4, 8):
        step(n)
    os.kill(os.getpid(), signal.SIGKILL)


main()
