"""`execmap run`: the program takes the place of this process, with the recorder in it.

The program is run by `python` itself, so everything about it is as without
execmap: arguments, `__main__`, `sys.path`, exit code, signals, tracebacks.
`execmap.pth` starts the recorder before the program's first line.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn, TypedDict

from execmap import _core, _options


class Request(TypedDict):
    """What `execmap run` was asked to do, as the command line says it."""

    kind: str
    what: str
    args: list[str]
    output: str | None
    html: bool
    open: bool
    is_statements: bool
    statements: list[str]
    include: list[str]
    exclude: list[str]
    values: bool
    boundary: bool
    repr: bool
    redact_names: list[str]
    redact: bool
    max_size: int | None
    max_calls: int | None
    ring: int | None
    page_size: int
    quiet: bool


class NotRunnable(Exception):
    """The program cannot be run; the text says why and what to do."""


def run(request: Request) -> int:
    """Replaces this process by the program. Gives an exit code only when it cannot."""
    try:
        start(request)
    except (NotRunnable, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def start(request: Request) -> NoReturn:
    """Replaces this process by the program."""
    refuse_what_is_not_there(request)
    words, name, folder = program(request)
    trace = Path(request["output"] or f"{name}.execmap")
    if trace.suffix != ".execmap":
        trace = trace.with_name(trace.name + ".execmap")
    refuse_unwritable(trace)
    say_who_is_left_behind(trace)
    environment = dict(os.environ)
    environment[_options.VARIABLE] = _options.encode(fields(request, trace, name, folder))
    for stream in (sys.stdout, sys.stderr):
        # There is none where the descriptor is closed.
        if stream is not None:
            stream.flush()
    flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    os.execve(sys.executable, [sys.executable, *flags, *words], environment)


def say_who_is_left_behind(trace: Path) -> None:
    """Says what watches this process and will not watch the program, which takes its place."""
    outer = _core.stop()
    if outer is not None:
        print(f"execmap: {outer['path']} ends here: the program is recorded into {trace}", file=sys.stderr)
    tools = [sys.monitoring.get_tool(number) for number in range(6)]
    watching = [tool for tool in tools if tool]
    if sys.gettrace() is not None:
        watching.append("the trace function")
    if sys.getprofile() is not None:
        watching.append("the profile function")
    for tool in watching:
        print(
            f"execmap: {tool} in this process sees nothing of the program, which runs in its place: "
            "start it inside, as in `execmap run -m coverage run SCRIPT`",
            file=sys.stderr,
        )


def refuse_what_is_not_there(request: Request) -> None:
    """Options whose time has not come are refused, so that nobody believes they had an effect."""
    missing = {
        "--detail statements": request["is_statements"],
        "--statements": request["statements"],
        "--repr": request["repr"],
    }
    for option, is_asked in missing.items():
        if is_asked:
            raise NotRunnable(f"{option} is not there yet in this version of execmap; leave it out")


def program(request: Request) -> tuple[list[str], str, str | None]:
    """Words for `python`, the run's name, and the folder that is the program's own."""
    what, args = request["what"], request["args"]
    match request["kind"]:
        case "module":
            parts = what.split(".")
            name = parts[-2] if parts[-1] == "__main__" and len(parts) > 1 else parts[-1]
            return ["-m", what, *args], name, None
        case "code":
            return ["-c", what, *args], "command", None
        case "stdin":
            return ["-", *args], "stdin", None
        case "script":
            return script(Path(what), args)
        case _:
            return command(what, args)


def script(path: Path, args: list[str]) -> tuple[list[str], str, str | None]:
    if not path.exists():
        raise NotRunnable(f"no such script: {path}")
    if path.is_dir() and not (path / "__main__.py").exists():
        raise NotRunnable(f"{path} is a folder without a __main__.py")
    folder = path if path.is_dir() else path.parent
    return [str(path), *args], path.stem or path.resolve().stem, str(folder.resolve())


def command(name: str, args: list[str]) -> tuple[list[str], str, str | None]:
    """A console script on PATH: run by this Python when it is a Python script made for it."""
    found = shutil.which(name)
    if found is None:
        raise NotRunnable(f"no such script, and no command of that name on PATH: {name}")
    with Path(found).open("rb") as file:
        first = file.readline(4096)
        second = file.readline(4096)
    if not first.startswith(b"#!") or b"python" not in first + second:
        raise NotRunnable(f"{found} is no Python script; execmap records Python programs")
    wanted = interpreter(first, second)
    if wanted is not None and not is_this_python(wanted):
        raise NotRunnable(
            f"{name} belongs to another Python: {wanted}\n"
            f"       install execmap there and use that one: {wanted} -m pip install execmap "
            f"&& {wanted} -m execmap run {name}"
        )
    return [found, *args], Path(name).stem, None


def interpreter(first: bytes, second: bytes) -> str | None:
    """The interpreter that a script's first lines name, if they name one."""
    words = first[2:].decode("utf-8", "replace").split()
    if not words:
        return None
    if Path(words[0]).name == "env":
        named = next((word for word in words[1:] if not word.startswith("-")), None)
        return shutil.which(named) if named else None
    if Path(words[0]).name == "sh" and b"exec" in second:
        quoted = second.decode("utf-8", "replace").replace("'", " ").replace('"', " ").split()
        return next((word for word in quoted if "python" in word), None)
    return words[0]


def is_this_python(other: str) -> bool:
    """Whether scripts of the other interpreter find the packages of this one."""
    here, there = Path(sys.executable), Path(other)
    if here.parent.resolve() == there.parent.resolve() and here.parent == there.parent:
        return True
    in_venv = sys.prefix != sys.base_prefix or (there.parent.parent / "pyvenv.cfg").exists()
    return not in_venv and here.resolve() == there.resolve()


def refuse_unwritable(trace: Path) -> None:
    folder = trace.parent
    if not folder.is_dir():
        raise NotRunnable(f"cannot write {trace}: there is no folder {folder}")
    if not os.access(trace if trace.exists() else folder, os.W_OK):
        raise NotRunnable(f"cannot write {trace}: no permission; choose another place with -o")
    if trace.is_dir():
        raise NotRunnable(f"cannot write {trace}: it is a folder")
    if trace.exists():
        with trace.open("rb") as file:
            head = file.read(8)
        if head and not head.startswith(b"\x89execmap"):
            raise NotRunnable(f"{trace} exists and is no trace: it is not overwritten; choose another name with -o")


def fields(request: Request, trace: Path, name: str, folder: str | None) -> dict[str, list[str]]:
    """What the starting interpreter is told."""
    here = str(Path.cwd())
    known: dict[str, list[str]] = {
        "path": [str(trace.absolute())],
        "name": [name],
        "run_id": [os.urandom(16).hex()],
        "working_dir": [here],
        "roots": [here] if folder is None or folder == here else [here, folder],
        "include": request["include"],
        "exclude": request["exclude"],
        "redact": request["redact_names"],
        "command": [request["what"], *request["args"]],
        "page_size": [str(request["page_size"])],
        "shown": [str(trace)],
    }
    if request["kind"] in ("module", "code"):
        known["command"].insert(0, {"module": "-m", "code": "-c"}[request["kind"]])
    if request["html"]:
        known["html"] = [str(trace.with_suffix(".html").absolute())]
    for option in ("open", "quiet"):
        if request[option]:
            known[option] = []
    if not request["values"]:
        known["no_values"] = []
    if not request["redact"]:
        known["no_redact"] = []
    for limit in ("max_calls", "max_size", "ring"):
        if request[limit] is not None:
            known[limit] = [str(request[limit])]
    return known
