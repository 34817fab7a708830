"""Running a script as `python SCRIPT` does, with a tracer on."""

from __future__ import annotations

import atexit
import builtins
import importlib.machinery
import json
import sys
import types
from pathlib import Path

from .scope import Scope
from .tracer import Tracer

_OWN_ENTRY = str(Path(__file__).absolute().parent.parent)


def run_and_write(script: str, argv: list[str], *, include: tuple[str, ...], output: Path) -> None:
    """Run a script as `__main__`; write the rows when everything but the interpreter itself has ended."""
    script = str(Path(script).absolute())
    folder = str(Path(script).resolve().parent)
    scope = Scope((str(Path.cwd()), folder), include)
    code = compile(Path(script).read_bytes(), script, "exec", dont_inherit=True)
    module = types.ModuleType("__main__")
    module.__dict__.update(
        __annotations__={},
        __builtins__=builtins,
        __file__=script,
        __loader__=importlib.machinery.SourceFileLoader("__main__", script),
        __cached__=None,
    )
    sys.modules["__main__"] = module
    sys.argv = [script, *argv]
    sys.path[0] = folder
    sys.path[:] = [entry for entry in sys.path if entry != _OWN_ENTRY]
    tracer = Tracer(scope)
    # Registered first, so called last.
    atexit.register(_finish, tracer, output)
    tracer.start()
    exec(code, module.__dict__)


def _finish(tracer: Tracer, output: Path) -> None:
    tracer.stop()
    with output.open("w", encoding="utf-8", errors="surrogatepass") as file:
        for row in tracer.rows:
            file.write(json.dumps(row, ensure_ascii=True) + "\n")
