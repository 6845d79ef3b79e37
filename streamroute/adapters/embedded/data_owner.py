"""Verifies that the user's own streamroute created a data folder: a server executes its append-only file.

A repository or an archive may contain a data folder. A folder created by this user's streamroute has a mark,
which is signed with the secret in the user's state folder
(https://specifications.freedesktop.org/basedir-spec/latest/). The mark proves nothing about other files: a
checkout replaces files that git ignores. So the server's files must also be plain files that only the user
can read.
"""

from __future__ import annotations

import hmac
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from streamroute.adapters.embedded.socket_path import not_private, private_folders
from streamroute.adapters.embedded.valkey import INSTEAD, LOG_NAME
from streamroute.errors import EmbeddedServerError
from streamroute.system.files import FileReader

MARK: Final = "streamroute.owner"

_KEY: Final = "embedded.key"
_FOLDER: Final = "appendonlydir"
_DATA: Final = (_FOLDER, "appendonly.aof", "dump.rdb")
"""Names of files that a server reads at its start."""

_NAMES: Final = frozenset({*_DATA, LOG_NAME, "gate.lock", "users.lock", "server.lock", MARK})
_TEMPORARY: Final = "temp-"
"""The prefix of temporary files that a server renames later."""

_SIZE: Final = 32
_PURPOSE: Final = b"streamroute: a data folder of the embedded server\n"


def take_ownership(folder: Path, *, adopt: bool = False) -> None:
    """Create the folder if it is missing, and verify that its data is trusted.

    With ``adopt``, trust the data from now on. Raises EmbeddedServerError for data from elsewhere, OSError if
    the folder cannot be used.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not any(folder.iterdir()):  # hide only a new folder from git
        _create(folder / ".gitignore", b"*\n", 0o644)
    if adopt:
        _check(folder, _restrict_mode)
        _mark(folder, anew=True)
    # Another process may be taking ownership: it writes the mark before any other file.
    elif not any(_of_server(folder)):
        _mark(folder)
    elif not _is_marked(folder):
        raise _refusal(folder, "this user did not make it here")
    _check(folder, _refuse_open)


def has_data(folder: Path) -> bool:
    """Whether the folder contains files of a server, of any owner."""
    return any(_of_server(folder)) if folder.is_dir() else False


_ADOPT: Final = "if it is yours, run once: streamroute serve --adopt-data; if not, delete the folder"


def _refusal(folder: Path, reason: str, advice: str = _ADOPT) -> EmbeddedServerError:
    return EmbeddedServerError(
        f"the embedded server does not touch the data in {folder}: {reason}, and a server runs what it finds "
        f"there; {advice}; or {INSTEAD}"
    )


def _check(folder: Path, if_open: Callable[[Path, Path], None]) -> None:
    """Refuse all but plain files of this user; calls ``if_open`` for files that other users may access."""
    for path in _files(folder):
        try:
            status = path.lstat()
        except FileNotFoundError:
            continue
        if not stat.S_ISREG(status.st_mode) and not _is_folder_of_server(folder, path):
            raise _refusal(folder, f"{path.name} is not a plain file", "remove it, or delete the folder")
        if status.st_uid != os.geteuid():
            advice = "run this as that user, or delete the folder"
            raise _refusal(folder, f"{path.name} belongs to another user", advice)
        if status.st_mode & 0o077:
            if_open(folder, path)


def _restrict_mode(folder: Path, path: Path) -> None:
    path.chmod(0o700 if _is_folder_of_server(folder, path) else 0o600)


def _refuse_open(folder: Path, path: Path) -> None:
    keeps_modes = not _mode(folder / MARK) & 0o077
    if keeps_modes and path.name not in _NAMES - {*_DATA}:
        raise _refusal(folder, f"{path.name} was put there by something else")


def _files(folder: Path) -> Iterator[Path]:
    """Yield the paths of the server's files and of its folder."""
    for path in _of_server(folder):
        if _is_folder_of_server(folder, path):
            yield from path.iterdir()
        yield path


def _is_folder_of_server(folder: Path, path: Path) -> bool:
    return path == folder / _FOLDER and stat.S_ISDIR(_mode(path))


def _of_server(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name in _NAMES or path.name.startswith(_TEMPORARY):
            yield path


def _mode(path: Path) -> int:
    try:
        return path.lstat().st_mode
    except FileNotFoundError:
        return 0


# The mark


def _mark(folder: Path, *, anew: bool = False) -> None:
    if not _is_marked(folder):
        if anew:
            (folder / MARK).unlink(missing_ok=True)
        nonce = secrets.token_bytes(_SIZE)
        _create(folder / MARK, nonce + _digest(_own_key(), nonce))
    if not _is_marked(folder):
        raise _refusal(folder, "its mark is another's")


def _is_marked(folder: Path) -> bool:
    mark = _read(folder / MARK)
    nonce, digest = mark[:_SIZE], mark[_SIZE:]
    return any(hmac.compare_digest(digest, _digest(key, nonce)) for key in _known_keys())


def _digest(key: bytes, nonce: bytes) -> bytes:
    return hmac.digest(key, _PURPOSE + nonce, "sha256")


# The user's secret


def _own_key() -> bytes:
    refused = []
    for folder in _state_folders():
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            refused.append(f"{folder} cannot be used ({error.strerror})")
            continue
        reason = not_private(folder)
        if not reason:
            if not _key_in(folder):  # missing, readable by others, or incomplete (a crash, a full disk)
                (folder / _KEY).unlink(missing_ok=True)
                _create(folder / _KEY, secrets.token_bytes(_SIZE))
            return _key_in(folder)
        refused.append(f"{folder} {reason}")
    raise EmbeddedServerError(
        f"there is no folder to keep the embedded server's secret in: {'; '.join(refused)}; "
        "set XDG_STATE_HOME to one of your own"
    )


def _known_keys() -> Iterator[bytes]:
    yield from filter(None, map(_key_in, _state_folders()))


def _key_in(folder: Path) -> bytes:
    """Return the secret in a state folder; empty if it is missing, incomplete or readable by others."""
    try:
        status = (folder / _KEY).lstat()
    except OSError:
        return b""
    key = _read(folder / _KEY)
    is_own = status.st_uid == os.geteuid() and not status.st_mode & 0o077
    return key if is_own and len(key) == _SIZE else b""


def _state_folders() -> Iterator[Path]:
    state = os.environ.get("XDG_STATE_HOME", "")
    home = Path(state) if Path(state).is_absolute() else Path(os.path.expanduser("~/.local/state"))  # noqa: PTH111 - never raises
    if home.is_absolute():
        yield home / "streamroute"
    yield from private_folders()


def _read(path: Path) -> bytes:
    try:
        return FileReader(path.parent).read(path, 2 * _SIZE)
    except OSError:
        return b""


def _create(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Create a file atomically with its content; an existing file stays unchanged."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        _write(part, content, mode)
        _link(part, path, content, mode)
    finally:
        part.unlink(missing_ok=True)


def _link(part: Path, path: Path, content: bytes, mode: int) -> None:
    try:
        os.link(part, path)
    except FileExistsError:
        pass
    except OSError:  # a file system without hard links
        with suppress(FileExistsError):
            _write(path, content, mode)


def _write(path: Path, content: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
