"""`python -m reference [-o ROWS] [--include GLOB]... SCRIPT [ARGS]`: the rows go to stdout unless -o says where."""

from __future__ import annotations

import argparse
from pathlib import Path

from .running import run_and_write

parser = argparse.ArgumentParser(prog="python -m reference", description="Record a script's calls by settrace.")
parser.add_argument("-o", "--output", type=Path, default=Path("/dev/stdout"))
parser.add_argument("--include", action="append", default=[], metavar="GLOB")
parser.add_argument("script")
parser.add_argument("argv", nargs=argparse.REMAINDER)
options = parser.parse_args()
run_and_write(options.script, options.argv, include=tuple(options.include), output=options.output)
