"""Writing files: what the system refuses is said in a line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from streamroute.errors import StreamrouteError


def write(path: Path, content: bytes) -> None:
    """Write a file, and the folders above it. Raises StreamrouteError where that cannot be."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@contextmanager
def writing(path: Path | str) -> Iterator[None]:
    """Raise what the system refuses as a StreamrouteError that names the file."""
    try:
        yield
    except OSError as error:
        raise StreamrouteError(f"{path} cannot be written: {error.strerror}") from error
