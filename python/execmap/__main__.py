"""`execmap` and `python -m execmap`: the command line."""

from __future__ import annotations

import sys

from execmap import _core


def main() -> int:
    """Carries out the command line; a program to run takes the place of this process."""
    outcome = _core.command_line(["execmap", *sys.argv[1:]])
    if isinstance(outcome, int):
        return outcome
    from execmap._run import run

    return run(outcome)


if __name__ == "__main__":
    sys.exit(main())
