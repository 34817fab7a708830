"""`execmap` and `python -m execmap`: the command line."""

from __future__ import annotations

import sys


def main() -> int:
    """Carries out the command line; a program to run takes the place of this process."""
    if sys.version_info < (3, 12):  # noqa: UP036  # The package may be on the path of an older Python.
        version = ".".join(map(str, sys.version_info[:2]))
        print(f"error: execmap needs Python 3.12 or later, and this is {version}: {sys.executable}", file=sys.stderr)
        return 2
    from execmap import _core

    outcome = _core.command_line(["execmap", *sys.argv[1:]], sys.executable or None)
    if isinstance(outcome, int):
        return outcome
    from execmap._run import run

    return run(outcome)


if __name__ == "__main__":
    sys.exit(main())
