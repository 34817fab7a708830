"""Ends without a word in the middle of its work."""

import os
import signal


def step(n, payload):
    if n == 31:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"n": n, "payload": payload[: n % 7]}


def countdown(n):
    return step(n, "payload") if n % 3 else countdown(n + 1)


def main():
    for n in range(1000):
        countdown(n)


main()
