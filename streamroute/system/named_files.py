"""Files that the user names, on a command line or in a call: read wherever they are, but through no trap.

Who names a path knows its words, not the links that lie on its way. Those of the machine are how it is
arranged, and are followed (``/var/run``, a project that is kept elsewhere). Those in the working folder or in
a checkout may be a stranger's: such a link is followed to a place below the folder that holds it, and so is
one that is the file itself, wherever it is.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from streamroute.system.files import (
    MAX_BYTES,
    VCS_FOLDERS,
    OutsideFolderError,
    content_of,
    in_vcs_folder,
    open_anywhere,
    open_below,
)

_STREAM: Final = re.compile(r"/dev/(?:fd/)?[^/]+|/proc/[^/]+/fd/[0-9]+")
"""Devices, and what a shell pipes to a command: ``/dev/stdin``, ``/dev/fd/63``. They say what they are."""


def real_path(path: str | Path, *, folder: bool = False) -> str:
    """Where a path really leads. Raises OutsideFolderError for a link that is not followed.

    ``folder`` says that the last name stands for one: it is held to what holds for those before it.
    """
    shown, here = "", os.sep if os.path.isabs(path) else os.path.realpath(os.curdir)  # noqa: PTH117 - text
    parts = Path(path).parts
    for at, name in enumerate(parts):
        shown = os.path.join(shown, name)  # noqa: PTH118 - paths are text here
        if name == os.pardir:
            here = os.path.dirname(here)  # noqa: PTH120 - as above
            continue
        there = os.path.join(here, name)  # noqa: PTH118 - as above
        is_file = at == len(parts) - 1 and not folder
        if os.path.islink(there):  # noqa: PTH114 - as above
            real = os.path.realpath(there)
            if _leads_out(real, here) and (is_file or _is_untrusted(here)):
                link = "the file" if is_file else shown
                raise OutsideFolderError(f"{link} is a link that points outside its folder")
            there = real
        here = there
    return here


def open_named(path: str | Path, *, outside: bool = False) -> int:
    """A descriptor of a file, or of a stream of the shell's.

    With ``outside``, every link is followed. Raises as ``FileReader.read`` does.
    """
    if _STREAM.fullmatch(os.fspath(path)):
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY)
    if outside:
        return open_anywhere(path)
    return open_below(os.sep, list(Path(real_path(path)).parts[1:]))


def read_named(path: str | Path, limit: int = MAX_BYTES, *, outside: bool = False) -> bytes:
    """The content of a file, or of a stream of the shell's. Raises as ``open_named`` does."""
    return content_of(open_named(path, outside=outside), limit)


def _leads_out(real: str, folder: str) -> bool:
    """Whether a link in a folder leads out of it, or to what version control keeps of its own there."""
    return not _is_below(real, folder) or in_vcs_folder(Path(real).relative_to(folder).parts)


def _is_untrusted(folder: str) -> bool:
    """Whether a link in a folder may come from another person."""
    working = os.path.realpath(os.curdir)
    if working != os.sep and _is_below(folder, working):  # services work in /
        return True
    above = (folder, *map(str, Path(folder).parents))
    return any(os.path.lexists(os.path.join(each, name)) for each in above for name in VCS_FOLDERS)  # noqa: PTH118 - text


def _is_below(path: str, folder: str) -> bool:
    return os.path.join(path, "").startswith(os.path.join(folder, ""))  # noqa: PTH118 - paths are text here
