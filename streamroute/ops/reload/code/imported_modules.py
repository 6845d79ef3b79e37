"""The user's modules that this process has imported, by their files."""

from __future__ import annotations

import sys
from itertools import islice
from pathlib import Path
from typing import Any, Final

from streamroute.compiler.resolve.module_finder import installed_folders

MAX_MODULES: Final = 2_000
"""Files that are reported at most."""

_MAIN: Final = "__main__"
_PACKAGE: Final = "streamroute"


def imported_modules(most: int = MAX_MODULES) -> tuple[str, ...]:
    """Return the files of imported modules that are neither Python's, nor installed, nor of streamroute."""
    installed = installed_folders()
    paths = {_file(module) for name, module in tuple(sys.modules.items()) if not _is_own(name)}
    users = (path for path in sorted(paths) if path and not _lies_in(path, installed))
    return tuple(islice(users, most))


def _is_own(name: str) -> bool:
    """Whether a module is of streamroute, by its name: in a checkout, some of its folders are links."""
    return name.partition(".")[0] in {_MAIN, _PACKAGE}


def _file(module: Any) -> str:
    """Return the source of a module; empty if it has none."""
    path = getattr(module, "__dict__", {}).get("__file__")  # a module's own __getattr__ may raise anything
    return path if type(path) is str and path.endswith(".py") and Path(path).is_absolute() else ""


def _lies_in(path: str, folders: tuple[Path, ...]) -> bool:
    try:
        resolved = Path(path).resolve()
    except (OSError, RuntimeError, ValueError):
        return True
    return any(resolved.is_relative_to(folder) for folder in folders)
