"""Whether a path leads to something; one that no file could have (too long, with a NUL) leads to nothing.

Nor does one into a folder that may not be entered.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from streamroute.system.files import file_type_name

MISSING: Final = "does not exist"
NOT_ENTERABLE: Final = "is in a folder that cannot be entered"


def is_file(path: str | Path) -> bool:
    """Whether there is a file; pathlib's own raises for some."""
    return os.path.isfile(path)  # noqa: PTH113 - see above


def is_folder(path: str | Path) -> bool:
    """Whether there is a folder; pathlib's own raises for some."""
    return os.path.isdir(path)  # noqa: PTH112 - see above


def exists(path: str | Path) -> bool:
    """Whether there is anything, be it a pipe; pathlib's own raises for some."""
    return os.path.exists(path)  # noqa: PTH110 - see above


def is_broken_link(path: str | Path) -> bool:
    """Whether there is a broken link: a file was meant to be there."""
    return os.path.islink(path) and not os.path.exists(path)  # noqa: PTH110, PTH114 - see above


def is_non_folder(path: str | Path) -> bool:
    """Whether there is something other than a folder: a file, a pipe or a broken link."""
    return os.path.lexists(path) and not is_folder(path)


def why_not_a_file(path: str | Path) -> str:
    """Why a path is not a file, as a phrase to follow its name; empty if it is one."""
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
    """The paths in a folder; empty if it does not exist or cannot be listed."""
    try:
        return list(Path(folder).iterdir())
    except OSError:
        return []
