"""Read files that the user names, on a command line or in a call, without following untrusted links.

A user knows the path but not the links on it. Links of the machine (``/var/run``, a project kept elsewhere)
are trusted and followed. Links in the working folder or in a checkout may come from someone else: they are
followed only to a target below the folder that contains them. The same applies to a link that is the file
itself, wherever it is.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from streamroute.system.opening import (
    MAX_BYTES,
    VCS_FOLDERS,
    OutsideFolderError,
    content_of,
    in_vcs_folder,
    open_anywhere,
    open_below,
)
from streamroute.text.lazy_pattern import lazy_pattern

_STREAM: Final = lazy_pattern(r"/dev/(?:fd/)?[^/]+|/proc/[^/]+/fd/[0-9]+")
"""Devices and pipes of a shell, such as ``/dev/stdin`` and ``/dev/fd/63``; read without further checks."""


def real_path(path: str | Path, *, folder: bool = False) -> str:
    """Return the real path of a path. Raises OutsideFolderError for a link that is not followed.

    With ``folder``, the last part is a folder and subject to the same rules as the parts before it.
    """
    given, current = "", os.sep if os.path.isabs(path) else os.path.realpath(os.curdir)  # noqa: PTH117 - text
    parts = Path(path).parts
    for at, name in enumerate(parts):
        given = os.path.join(given, name)  # noqa: PTH118 - paths are text here
        if name == os.pardir:
            current = os.path.dirname(current)  # noqa: PTH120 - as above
            continue
        target = os.path.join(current, name)  # noqa: PTH118 - as above
        is_file = at == len(parts) - 1 and not folder
        if os.path.islink(target):  # noqa: PTH114 - as above
            real = os.path.realpath(target)
            if _leads_out(real, current) and (is_file or _is_untrusted(current)):
                link = "the file" if is_file else given
                raise OutsideFolderError(f"{link} is a link that points outside its folder")
            target = real
        current = target
    return current


def open_named(path: str | Path, *, outside: bool = False) -> int:
    """Open a file, a device or a pipe of the shell; return its descriptor.

    With ``outside``, every link is followed. Raises as ``FileReader.read`` does.
    """
    if _STREAM.fullmatch(os.fspath(path)):
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY)
    if outside:
        return open_anywhere(path)
    return open_below(os.sep, list(Path(real_path(path)).parts[1:]))


def read_named(path: str | Path, limit: int = MAX_BYTES, *, outside: bool = False) -> bytes:
    """Read a file, a device or a pipe of the shell. Raises as ``open_named`` does."""
    return content_of(open_named(path, outside=outside), limit)


def _leads_out(real: str, folder: str) -> bool:
    """Whether a link in a folder leads out of it, or into a version control folder."""
    return not _is_below(real, folder) or in_vcs_folder(Path(real).relative_to(folder).parts)


def _is_untrusted(folder: str) -> bool:
    """Whether a link in a folder may come from someone else."""
    working = os.path.realpath(os.curdir)
    if working != os.sep and _is_below(folder, working):  # the working folder of services is /
        return True
    above = (folder, *map(str, Path(folder).parents))
    return any(os.path.lexists(os.path.join(each, name)) for each in above for name in VCS_FOLDERS)  # noqa: PTH118 - text


def _is_below(path: str, folder: str) -> bool:
    return os.path.join(path, "").startswith(os.path.join(folder, ""))  # noqa: PTH118 - paths are text here
