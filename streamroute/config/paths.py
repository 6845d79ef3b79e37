"""Test paths without raising for impossible ones.

A path that no file can have (too long, or with a NUL), or that is in a folder that cannot be entered, counts
as missing.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from streamroute.system.files import file_type_name

MISSING: Final = "does not exist"
NOT_ENTERABLE: Final = "is in a folder that cannot be entered"


def is_file(path: str | Path) -> bool:
    """Whether the path is a file; pathlib's method raises for some paths."""
    return os.path.isfile(path)  # noqa: PTH113 - see above


def is_folder(path: str | Path) -> bool:
    """Whether the path is a folder; pathlib's method raises for some paths."""
    return os.path.isdir(path)  # noqa: PTH112 - see above


def exists(path: str | Path) -> bool:
    """Whether the path exists, with any file type; pathlib's method raises for some paths."""
    return os.path.exists(path)  # noqa: PTH110 - see above


def is_broken_link(path: str | Path) -> bool:
    """Whether the path is a broken link."""
    return os.path.islink(path) and not os.path.exists(path)  # noqa: PTH110, PTH114 - see above


def is_non_folder(path: str | Path) -> bool:
    """Whether the path is something other than a folder: a file, a pipe or a broken link."""
    return os.path.lexists(path) and not is_folder(path)


def file_problem(path: str | Path) -> str:
    """Return why a path is not a file, as a phrase to follow its name; empty if it is a file."""
    if is_broken_link(path):
        return "is a broken link"
    try:
        kind = file_type_name(os.stat(path).st_mode)  # noqa: PTH116 - see above
    except PermissionError:
        return NOT_ENTERABLE
    except (OSError, ValueError):
        return MISSING
    return f"is {kind}, not a file" if kind else ""


def list_folder(folder: str | Path) -> list[Path]:
    """Return the paths in a folder; empty if it does not exist or cannot be listed."""
    try:
        return list(Path(folder).iterdir())
    except OSError:
        return []
