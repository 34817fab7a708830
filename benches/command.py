"""Carries out a command of execmap in this process, and prints what that took to stderr, as JSON."""

from __future__ import annotations

import json
import sys
import time

from execmap import _core
from measure import peak_kilobytes


def main() -> int:
    before = time.process_time_ns()
    code = _core.command_line(["execmap", *sys.argv[1:]])
    took = {"cpu_ns": time.process_time_ns() - before, "peak_kb": peak_kilobytes()}
    print(json.dumps(took), file=sys.stderr)
    return code if isinstance(code, int) else 2


if __name__ == "__main__":
    sys.exit(main())
