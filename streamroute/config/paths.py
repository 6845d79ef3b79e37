"""Test paths without raising for impossible ones.

A path that no file can have (too long, or with a NUL), or that is in a folder that cannot be entered, counts
as missing.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from streamroute.system.opening import FileKind, kind_of

MISSING: Final = "does not exist"


def is_file(path: str | Path) -> bool:
    """Whether the path is a file; pathlib's method raises for some paths."""
    return os.path.isfile(path)  # noqa: PTH113 - see above


def is_folder(path: str | Path) -> bool:
    """Whether the path is a folder; pathlib's method raises for some paths."""
    return os.path.isdir(path)  # noqa: PTH112 - see above


def exists(path: str | Path) -> bool:
    """Whether the path exists, with any file type; pathlib's method raises for some paths."""
    return os.path.exists(path)  # noqa: PTH110 - see above


def file_problem(path: str | Path) -> str:
    """Return why a path is not a file, as a phrase to follow its name; empty if it is a file."""
    return kind_problem(kind_of(path))


def kind_problem(kind: FileKind) -> str:
    """Return why a path of this kind is not a file, as a phrase to follow its name; empty for a file."""
    match kind:
        case FileKind.FILE:
            return ""
        case FileKind.MISSING:
            return MISSING
        case FileKind.BROKEN_LINK | FileKind.NOT_ENTERABLE:
            return f"is {kind}"
        case _:
            return f"is {kind}, not a file"


def list_folder(folder: str | Path) -> list[Path]:
    """Return the paths in a folder; empty if it does not exist or cannot be listed."""
    try:
        return list(Path(folder).iterdir())
    except OSError:
        return []
