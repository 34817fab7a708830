"""Begins to record as the interpreter starts: in a program under `execmap run`, and in its children.

Imported by `execmap.pth` when the environment asks for it. It runs inside the
program that is recorded, so it imports nothing that an interpreter does not
load anyway, and whatever goes wrong here never stops the program.
"""

from __future__ import annotations

import atexit
import os
import sys

try:
    from execmap import _core, _options
except ImportError:
    # An interpreter inside the process: the extension is not there for it, and it is not recorded.
    CAN_RECORD = False
else:
    CAN_RECORD = True


def begin() -> None:
    """Starts the recorder as the environment says."""
    fields = _options.decode(os.environ[_options.VARIABLE])
    library = started_by_library()
    if _core.is_recording() or library == "multiprocessing.resource_tracker":
        # The tracker runs no code of the program.
        return
    # A process of the run started this one, or was replaced by it.
    is_child = "parent" in fields
    first = fields["path"][0]
    options = _options.defaults() | {
        "path": first,
        "parent": fields["parent"][0] if is_child else None,
        "library": library,
        "run_id": list(bytes.fromhex(fields["run_id"][0])),
        "include": fields["include"],
        "exclude": fields["exclude"],
        "roots": fields["roots"],
        "working_dir": fields["working_dir"][0],
        "values": "no_values" not in fields,
        "redacting": "no_redact" not in fields,
        "redact": fields["redact"],
        "max_calls": int(fields["max_calls"][0]) if "max_calls" in fields else None,
        "max_size": int(fields["max_size"][0]) if "max_size" in fields else None,
        "ring": int(fields["ring"][0]) if "ring" in fields else None,
        "command": list(sys.orig_argv) if is_child else fields["command"],
    }
    started_for = [("started_for", library)] if library else []
    options["meta"] = [*_options.facts(fields["command"]), ("name", fields["name"][0]), *started_for]
    path, notes = _core.start(options)
    if not is_child:
        say(notes)
        first = path
        fields["main"] = [str(os.getpid())]
    suffix = os.path.basename(path).removeprefix(os.path.basename(first)).removeprefix(".")
    os.environ[_options.VARIABLE] = _options.encode(fields | {"parent": [suffix], "path": [first]})
    atexit.register(_core.before_end)
    # A program that replaces itself by another one leaves the last words to it.
    if fields["main"][0] == str(os.getpid()):
        _core.say_at_end(
            first,
            html=fields["html"][0] if "html" in fields else None,
            page_size=int(fields["page_size"][0]),
            quiet="quiet" in fields,
            browser=sys.executable if "open" in fields else None,
        )


def started_by_library() -> str:
    """What of `multiprocessing` this process was started to run, if so: its module."""
    words = sys.orig_argv
    code = words[words.index("-c") + 1] if "-c" in words[:-1] else ""
    return code.split()[1] if code.startswith("from multiprocessing.") else ""


def say(lines: list[str]) -> None:
    """Writes lines to the error stream, whatever the program made of `sys.stderr`."""
    for line in lines:
        try:
            os.write(2, f"execmap: {line}\n".encode("utf-8", "backslashreplace"))
        except OSError:
            return


if CAN_RECORD:
    try:
        begin()
    except Exception as error:
        say([f"not recorded: {' '.join(str(error).split())}"])
