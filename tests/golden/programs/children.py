"""Processes: one that is forked, one that is started, and one that the forked one forks."""

import os
import subprocess
import sys


def work(n):
    return n * 2


def fork(depth):
    pid = os.fork()
    if pid:
        return os.waitpid(pid, 0)[1]
    work(depth)
    if depth:
        fork(depth - 1)
    sys.exit(depth)


def main():
    work(10)
    if len(sys.argv) == 1:
        fork(1)
        subprocess.run([sys.executable, __file__, "started"], check=True)


main()
