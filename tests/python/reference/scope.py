"""Whose code is recorded: the project's own."""

from __future__ import annotations

import os
import sys
import sysconfig
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from types import CodeType

_FOREIGN = tuple(
    {
        str(Path(__file__).resolve().parent),
        *(os.path.realpath(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")),
        *([os.path.realpath(sys.prefix)] if sys.prefix != sys.base_prefix else []),
    }
)
"""Folders that are nobody's project: this recorder, the standard library, the virtual environment."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Decides once for each code object."""

    folders: tuple[str, ...]
    """The working directory and the script's folder."""
    include: tuple[str, ...] = ()
    """Globs of files, of modules (with all below them) or `module:qualname`, beside the project's own code."""

    def holds(self, code: CodeType, module: str) -> bool:
        """Whether code of a file is recorded. Code without a file belongs to whoever runs it, see the tracer."""
        if code.co_filename.startswith("<"):
            return False
        file = os.path.realpath(code.co_filename)
        if any(_matches(glob, file, module, code.co_qualname) for glob in self.include):
            return True
        if any(_is_in(file, folder) for folder in _FOREIGN) or "site-packages" in file or "dist-packages" in file:
            return False
        return any(_is_in(file, folder) for folder in self.folders)


def _is_in(file: str, folder: str) -> bool:
    return file.startswith(folder.rstrip(os.sep) + os.sep)


def _matches(glob: str, file: str, module: str, qualname: str) -> bool:
    if ":" in glob:
        module_glob, _, qualname_glob = glob.partition(":")
        names = (qualname, qualname.rpartition("<locals>.")[2])
        return _matches_module(module_glob, module) and any(fnmatchcase(name, qualname_glob) for name in names)
    if "/" in glob or glob.endswith(".py"):
        return any(fnmatchcase(name, glob) for name in (file, os.path.relpath(file), Path(file).name))
    return _matches_module(glob, module)


def _matches_module(glob: str, module: str) -> bool:
    """Whether the glob names the module or a package around it."""
    parts = module.split(".")
    return any(fnmatchcase(".".join(parts[:end]), glob) for end in range(1, len(parts) + 1))
