"""Two recordings, one inside the other."""

import sys

import execmap


def double(n):
    return n * 2


def outer(n):
    double(n)
    with execmap.record(sys.argv[2]):
        inner = [double(k) for k in range(n)]
    return inner


with execmap.record(sys.argv[1]):
    outer(3)
    outer_again = double(21)
