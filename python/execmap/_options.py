"""What the recorder is told, as a dictionary for the Rust side, and as text for an environment variable."""

from __future__ import annotations

import os
import sys

from execmap import _core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

VARIABLE = "EXECMAP_CHILD"
"""The environment variable that asks a starting interpreter to record itself."""

ITEM = "\x1e"
FIELD = "\x1f"


def defaults() -> dict[str, object]:
    """The settings of a recording that nobody changed anything of."""
    return {
        "path": "",
        "parent": None,
        "library": "",
        "run_id": list(os.urandom(16)),
        "include": [],
        "exclude": [],
        "roots": [os.getcwd()],
        "foreign": foreign_folders(),
        "working_dir": os.getcwd(),
        "values": True,
        "redacting": True,
        "redact": [],
        "max_calls": None,
        "max_size": None,
        "ring": None,
        "command": list(sys.orig_argv),
        "meta": [],
        "public_frames": "EXECMAP_PUBLIC_FRAMES" in os.environ,
    }


def foreign_folders() -> list[str]:
    """Folders whose code is never the project's own."""
    library = os.path.dirname(os.__file__)
    folders = {library, os.path.dirname(__file__)}
    if sys.prefix != sys.base_prefix:
        folders.add(sys.prefix)
    return sorted(os.path.realpath(folder) for folder in folders) + sorted(folders)


def facts(command: Sequence[str]) -> list[tuple[str, str]]:
    """What is known of a run before it begins."""
    now = __import__("time").time_ns()
    return [
        ("execmap", _core.__version__),
        ("python", ".".join(map(str, sys.version_info[:3]))),
        ("executable", sys.executable),
        ("cwd", os.getcwd()),
        ("started_unix_ns", str(now)),
        ("parent_pid", str(os.getppid())),
        ("platform", sys.platform),
    ]


def encode(fields: Mapping[str, Sequence[str]]) -> str:
    """Text for an environment variable: each field its name and its items."""
    return FIELD.join(ITEM.join([name, *items]) for name, items in fields.items())


def decode(text: str) -> dict[str, list[str]]:
    """The inverse of `encode`."""
    return {name: items for name, *items in (field.split(ITEM) for field in text.split(FIELD))}
