"""Whose code is recorded: the project's own."""

from __future__ import annotations

import fnmatch
import os
import sysconfig
from dataclasses import dataclass
from types import CodeType

_OWN_FOLDER = os.path.dirname(os.path.realpath(__file__))
_LIBRARY = tuple(
    {os.path.realpath(sysconfig.get_path(name)) + os.sep for name in ("stdlib", "platstdlib")}
)


@dataclass(frozen=True, slots=True)
class Scope:
    """Decides once for each code object."""

    folders: tuple[str, ...]
    """The working directory and the script's folder."""
    include: tuple[str, ...] = ()
    """Globs on file, module or `module:qualname` that add to the project's own code."""

    def holds(self, code: CodeType, module: str) -> bool:
        if code.co_filename.startswith("<"):
            return False
        file = os.path.realpath(code.co_filename)
        if file.startswith(_OWN_FOLDER + os.sep):
            return False
        names = (file, module, code.co_qualname, f"{module}:{code.co_qualname}")
        if any(fnmatch.fnmatchcase(name, glob) for glob in self.include for name in names):
            return True
        if file.startswith(_LIBRARY) or "site-packages" in file or "dist-packages" in file:
            return False
        return any(file.startswith(folder.rstrip(os.sep) + os.sep) for folder in self.folders)
