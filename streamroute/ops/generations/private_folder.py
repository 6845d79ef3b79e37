"""A folder that only this user can read, and files in it: links, pipes and files of others are refused."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Final

from streamroute.ops.generations.state_folder import StateFolderError
from streamroute.system.opening import content_of, open_in

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_MAX_NAMES: Final = 10_000
_MAX_SYNCED: Final = 100
"""Files that are synced one by one: each may take milliseconds."""
_POLL_INTERVAL: Final = 0.02  # seconds


class PrivateFolder:
    """An open folder; the operations are relative to it, whatever becomes of its path.

    All methods raise OSError.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def names(self) -> list[str]:
        """Return the names in it, sorted; at most a certain number."""
        with os.scandir(self.descriptor) as entries:
            return sorted(entry.name for entry in islice(entries, _MAX_NAMES))

    def read(self, name: str, limit: int) -> bytes:
        """Return the content of a file. Raises FileTooLargeError and NotRegularError, too."""
        return content_of(open_in(self.descriptor, name), limit)

    def write(self, name: str, content: bytes, *, sync: bool = True) -> None:
        """Create a file, and with ``sync`` wait until it is on the disk."""
        descriptor = os.open(name, _NEW_FILE, 0o600, dir_fd=self.descriptor)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            if sync:
                os.fsync(descriptor)

    def write_all(self, contents: Mapping[str, bytes]) -> None:
        """Create files, and wait until they are on the disk."""
        one_by_one = len(contents) <= _MAX_SYNCED
        for name, content in contents.items():
            self.write(name, content, sync=one_by_one)
        if not one_by_one:
            os.sync()
        self.sync()

    @contextmanager
    def inside(self, name: str, *, create: bool = False) -> Iterator[PrivateFolder]:
        """Open a folder in it, which must be this user's."""
        if create:
            os.mkdir(name, 0o700, dir_fd=self.descriptor)
        descriptor = os.open(name, _FOLDER, dir_fd=self.descriptor)
        try:
            _require_owner(descriptor)
            yield PrivateFolder(descriptor)
        finally:
            os.close(descriptor)

    def rename(self, old: str, new: str) -> None:
        """Rename a file or folder; it replaces a file or an empty folder of the new name."""
        os.rename(old, new, src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor)

    def remove(self, name: str) -> None:
        """Remove a folder with its content, as far as possible; links in it are not followed."""
        shutil.rmtree(name, ignore_errors=True, dir_fd=self.descriptor)

    def sync(self) -> None:
        """Wait until its names are on the disk."""
        with suppress(OSError):  # some file systems cannot, for a folder
            os.fsync(self.descriptor)

    @contextmanager
    def locked(self, patience: float) -> Iterator[None]:
        """Keep other processes out, after waiting for them up to ``patience`` seconds."""
        end = time.monotonic() + patience
        while not self._try_lock():
            if time.monotonic() > end:
                raise OSError(errno.EAGAIN, "another process is using it")
            time.sleep(_POLL_INTERVAL)
        try:
            yield
        finally:
            fcntl.flock(self.descriptor, fcntl.LOCK_UN)

    def _try_lock(self) -> bool:
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@contextmanager
def private_folder(path: Path, *, create: bool = False) -> Iterator[PrivateFolder]:
    """Open a folder of this user alone; what others may do in it is revoked.

    Raises StateFolderError if it cannot be used, also for an OSError in the block.
    """
    try:
        _refuse_planted(path)
        if create:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(path, _FOLDER)
        try:
            _require_owner(descriptor)
            _revoke_others(descriptor)
            yield PrivateFolder(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise StateFolderError(f"{path} cannot be used: {_reason(error)}") from error


def _refuse_planted(path: Path) -> None:
    """Refuse a path through a folder or link that another user created in a folder such as /tmp."""
    absolute = path.absolute()
    for each in (absolute, *absolute.parents):
        try:
            owner, mode = each.lstat().st_uid, each.parent.stat().st_mode
        except FileNotFoundError:
            continue
        if owner not in {0, os.geteuid()} and mode & stat.S_ISVTX and mode & stat.S_IWOTH:
            raise PermissionError(errno.EPERM, f"{each} belongs to another user")


def _require_owner(descriptor: int) -> None:
    if os.fstat(descriptor).st_uid != os.geteuid():
        raise PermissionError(errno.EPERM, "it belongs to another user")


def _revoke_others(descriptor: int) -> None:
    mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
    if not mode & 0o077:
        return
    try:
        os.fchmod(descriptor, 0o700)
    except OSError:
        if mode & 0o022:
            raise


def _reason(error: OSError) -> str:
    if error.errno in {errno.ENOTDIR, errno.ELOOP}:
        return "it is a link, or not a folder"
    return error.strerror or str(error)
