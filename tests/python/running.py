"""Running execmap's commands, and Python itself beside them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TIMEOUT_S = 180


@dataclass(frozen=True, slots=True)
class Done:
    """A command that has ended."""

    exit_code: int
    stdout: bytes
    stderr: bytes

    @property
    def out(self) -> str:
        return self.stdout.decode("utf-8", "surrogateescape")

    @property
    def err(self) -> str:
        return self.stderr.decode("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True)
class Execmap:
    """execmap in one folder."""

    folder: Path
    trace_name: str = "run.execmap"

    def run(
        self,
        *arguments: str | Path,
        stdin: bytes = b"",
        options: Sequence[str | Path] = (),
        env: dict[str, str] | None = None,
    ) -> Done:
        """`execmap run --quiet --no-html -o run.execmap ARGUMENTS`."""
        return self.command("run", "--quiet", "--no-html", "-o", self.trace, *options, *arguments, stdin=stdin, env=env)

    def command(self, *arguments: str | Path, stdin: bytes = b"", env: dict[str, str] | None = None) -> Done:
        return python("-m", "execmap", *arguments, cwd=self.folder, stdin=stdin, env=env)

    def command_of_python(self, *arguments: str | Path) -> Done:
        """`python ARGUMENTS` in the same folder."""
        return python(*arguments, cwd=self.folder)

    @property
    def trace(self) -> Path:
        return self.folder / self.trace_name

    def rows(self, trace: Path | None = None) -> list[dict[str, Any]]:
        """The calls of a trace."""
        done = self.command("export", "-f", "ndjson", trace or self.trace)
        assert done.exit_code == 0, done.err
        return [json.loads(line) for line in done.out.splitlines()]

    def info(self, trace: Path | None = None) -> dict[str, Any]:
        done = self.command("info", "--json", trace or self.trace)
        assert done.exit_code == 0, done.err
        return dict(json.loads(done.out))

    def record(self, source: str, *argv: str) -> list[dict[str, Any]]:
        """The calls of a script with this source."""
        script = self.folder / "program.py"
        script.write_text(source, "utf-8")
        self.run(script, *argv)
        return self.rows()


def without_addresses(text: str) -> str:
    """The text of a run as every run gives it."""
    return re.sub(r" at 0x[0-9a-f]+", "", text)


def python(*arguments: str | Path, cwd: Path, stdin: bytes = b"", env: dict[str, str] | None = None) -> Done:
    """This Python, with hashing that does not change from run to run."""
    done = subprocess.run(
        [sys.executable, *(os.fspath(each) for each in arguments)],
        cwd=cwd,
        input=stdin,
        env={**os.environ, "PYTHONHASHSEED": "0", "COLUMNS": "100", **(env or {})},
        capture_output=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)
