"""Where control sockets are: in a private folder, one for each process, and found again by a client."""

from __future__ import annotations

import errno
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

from streamroute.adapters.embedded.socket_path import not_private, private_folders

_MAX_PATH_BYTES: Final = 100  # sun_path holds 108 on Linux and 104 on macOS, including the final NUL
_SUFFIX: Final = ".sock"
_FOLDER: Final = "run"  # in the state folder, whose own mode is the user's affair
_MAX_FOUND: Final = 1_000


def control_folders(state_folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield the folders that may hold the sockets of one configuration, with the start of their names.

    One in the state folder is first. The path of a socket must be short, and a state folder may be read-only:
    then the sockets are in a private temporary folder, where they have the state folder's hash.
    """
    yield state_folder / _FOLDER, ""
    digest = sha256(os.fsencode(os.path.realpath(state_folder))).hexdigest()[:12]
    for folder in dict.fromkeys(private_folders()):
        yield folder, f"{digest}-"


def bind_control_socket(state_folder: Path) -> tuple[socket.socket, Path]:
    """Create a listening socket for this process; returns it and its path.

    Raises OSError if no folder can hold it. Sockets that ended processes of this machine left are removed.
    """
    _remove_stale(state_folder)
    reasons = []
    for folder, start in control_folders(state_folder):
        path = folder / f"{start}{_host()}-{os.getpid()}-{secrets.token_hex(3)}{_SUFFIX}"
        if len(os.fsencode(path)) > _MAX_PATH_BYTES:
            reasons.append(f"{folder} has too long a path")
            continue
        problem = _unusable(folder)
        if problem:
            reasons.append(f"{folder} {problem}")
            continue
        try:
            bound = _bound(path)
        except OSError as error:
            reasons.append(f"{folder} cannot hold a socket ({error.strerror})")
            continue
        return bound, path
    raise OSError(errno.EACCES, "; ".join(reasons))


def find_control_sockets(state_folder: Path) -> list[Path]:
    """Return the sockets of all processes that may serve the configuration of a state folder."""
    found: list[Path] = []
    for folder, start in control_folders(state_folder):
        if len(os.fsencode(folder)) > _MAX_PATH_BYTES or not _is_trusted(folder):
            continue
        with suppress(OSError):
            names = sorted(name for name in os.listdir(folder) if name.endswith(_SUFFIX))  # noqa: PTH208 - names
            found += [folder / name for name in names if name.startswith(start)]
    return found[:_MAX_FOUND]


def _host() -> str:
    return sha256(socket.gethostname().encode()).hexdigest()[:6]


def _unusable(folder: Path) -> str:
    with suppress(OSError):
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return not_private(folder)


def _is_trusted(folder: Path) -> bool:
    """Whether only this user, or root, can have created the sockets in a folder."""
    try:
        status = folder.stat()
    except OSError:
        return False
    return status.st_uid in {os.geteuid(), 0} or os.geteuid() == 0


def _bound(path: Path) -> socket.socket:
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        bound.bind(os.fspath(path))
        path.chmod(0o600)
        bound.listen()
        bound.setblocking(False)
    except BaseException:
        bound.close()
        with suppress(OSError):
            path.unlink()
        raise
    return bound


def _remove_stale(state_folder: Path) -> None:
    """Remove sockets of ended processes; those of another machine, on a shared disk, cannot be judged."""
    for path in find_control_sockets(state_folder):
        if f"{_host()}-" in path.name and _is_refused(path):
            with suppress(OSError):
                path.unlink()


def _is_refused(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(os.fspath(path))
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
    return False
