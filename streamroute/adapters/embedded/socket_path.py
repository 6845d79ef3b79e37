"""The path of the embedded server's socket: short, in a private folder."""

from __future__ import annotations

import os
import stat
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

from streamroute.errors import EmbeddedServerError

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAX_PATH_BYTES: Final = 100  # bytes; sun_path holds 108 on Linux and 104 on macOS, including the final NUL

_LAST_RESORT: Final = "/tmp"  # noqa: S108 - the folder used there is checked: owned by this user, and not a link


def socket_path(folder: Path, last_resort: str = _LAST_RESORT) -> Path:
    """Return the path of the socket of the server whose data is in ``folder``.

    The temporary folder comes first: XDG_RUNTIME_DIR is deleted at logout, while the server may be running.
    ``last_resort`` has the shortest path, and comes last. Raises EmbeddedServerError if no folder is usable.
    """
    name = sha256(os.fsencode(folder.resolve())).hexdigest()[:16] + ".sock"
    refused = []
    for candidate in private_folders(last_resort):
        path = candidate / name
        reason = _too_long(path) or not_private(candidate)
        if not reason:
            return path
        refused.append(f"{candidate} {reason}")
    raise EmbeddedServerError(
        f"there is no folder for the embedded server's socket: {'; '.join(refused)}; "
        "set TMPDIR to a short path of your own"
    )


def private_folders(last_resort: str = _LAST_RESORT) -> Iterator[Path]:
    """Yield candidate folders for files that last until the machine stops; they may be unusable."""
    name = f"streamroute-{os.geteuid()}"
    yield Path(temporary_folder(last_resort), name)
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and Path(runtime).is_absolute():
        yield Path(runtime, "streamroute")
    yield Path(last_resort, name)


def temporary_folder(last_resort: str = _LAST_RESORT) -> str:
    """Return the temporary folder, or ``last_resort`` if there is none, as on a read-only file system."""
    try:
        return tempfile.gettempdir()
    except FileNotFoundError:
        return last_resort


def _too_long(path: Path) -> str:
    return "has too long a path" if len(os.fsencode(path)) > _MAX_PATH_BYTES else ""


def not_private(folder: Path) -> str:
    """Return why the folder is not private, or an empty string; creates a missing folder."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
        if not stat.S_ISDIR(status.st_mode):
            return "is not a folder"
        if status.st_uid != os.geteuid():
            return "belongs to another user"
        folder.chmod(0o700)
    except OSError as error:
        return f"cannot be used ({error.strerror})"
    return "" if os.access(folder, os.W_OK | os.X_OK) else "is not writable"
