"""Writes files inside a given folder, without following links; errors become StreamrouteErrors."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from streamroute.errors import StreamrouteError
from streamroute.system.files import FileReader
from streamroute.system.named_files import real_path
from streamroute.system.opening import OutsideFolderError


def is_taken(path: Path) -> bool:
    """Whether the path exists, including a dangling link."""
    return os.path.lexists(path)


def create_all(contents: Mapping[Path, bytes], folder: Path) -> None:
    """Write new files inside a folder, all or none. Raises what ``create`` raises."""
    for path in contents:
        _refuse(path, folder)
    created: list[Path] = []
    try:
        for path, content in contents.items():
            create(path, content, folder)
            created.append(path)
    except BaseException:
        for path in created:
            with suppress(OSError), FileReader(folder).opened(path.parent) as inside:
                os.unlink(path.name, dir_fd=inside)
        raise


def _refuse(path: Path, folder: Path) -> None:
    """Raise StreamrouteError if the file cannot be created; ``create_all`` checks all files first."""
    with translate_write_errors(path):
        files = FileReader(real_path(folder, folder=True))
        for above in (path.parent, *path.parent.parents):
            if is_taken(above) and not above.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, f"{above} is not a folder")
        if not files.allows(path.parent):
            raise OutsideFolderError(f"{path.parent} is a link that leads out of the folder")


def create(path: Path, content: bytes, folder: Path) -> None:
    """Write a new file inside a folder, and create the folders between them.

    Raises StreamrouteError if that fails, if the file exists, or if a link leads out of the folder.
    """
    _refuse(path, folder)
    with translate_write_errors(path):
        folder.mkdir(parents=True, exist_ok=True)
        files = FileReader(folder)
        path.parent.mkdir(parents=True, exist_ok=True)
        with files.opened(path.parent) as inside:
            _write(path.name, content, 0o666, inside)


def replace(path: str, before: bytes, after: bytes, files: FileReader) -> bool:
    """Atomically replace a file whose content is ``before``; its mode is kept.

    Returns False if the content has changed. Raises StreamrouteError if the file cannot be written.
    """
    with translate_write_errors(path):
        if files.read(path) != before:
            return False
        target = Path(os.path.realpath(path))
        name = target.name
        with files.opened(target.parent) as inside:
            mode = stat.S_IMODE(os.stat(name, dir_fd=inside, follow_symlinks=False).st_mode)
            part = f".{name}.{secrets.token_hex(8)}"
            try:
                _write(part, after, 0o600, inside, mode)
                os.replace(part, name, src_dir_fd=inside, dst_dir_fd=inside)
            except BaseException:
                with suppress(OSError):
                    os.unlink(part, dir_fd=inside)
                raise
    return True


def _write(name: str, content: bytes, created: int, inside: int, mode: int | None = None) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(name, flags, created, dir_fd=inside), "wb") as stream:
        stream.write(content)
        if mode is not None:
            os.fchmod(stream.fileno(), mode)


@contextmanager
def translate_write_errors(path: Path | str) -> Iterator[None]:
    """Convert an OSError to a StreamrouteError that names the file."""
    try:
        yield
    except OSError as error:
        raise StreamrouteError(f"{path} cannot be written: {error.strerror}") from error
