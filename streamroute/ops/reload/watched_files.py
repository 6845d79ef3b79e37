"""The state of files on disk, to notice that they differ from what was read."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, Protocol, Self

from streamroute.ops.reload.wildcards import NO_WILDCARDS, Wildcards
from streamroute.system.opening import content_of, open_anywhere

_MAX_NAMES: Final = 100_000  # names of one folder

Signatures = Mapping[str, Hashable]
"""Path -> what ``stat`` and a folder's listing say: equal while nothing has changed, as far as they tell."""


class Watched(Protocol):
    """The state of some files when they were read; two are equal if the files have the same contents."""

    def signatures(self) -> Signatures:
        """Return the present state of the files without reading any content."""
        ...

    def now(self) -> Self:
        """Read the same files again; returns their present state."""
        ...


@dataclass(frozen=True, slots=True)
class WatchedFiles:
    """Files and folders that were read, with their state then.

    ``digests`` are the hashes of the files' contents; None for a file that is missing or cannot be read.
    ``names`` are the names in each folder that was listed, as far as ``wildcards`` match them.
    """

    digests: Mapping[str, bytes | None] = field(default_factory=dict)
    names: Mapping[str, frozenset[str]] = field(default_factory=dict)
    wildcards: Wildcards = NO_WILDCARDS

    def signatures(self) -> Signatures:
        """Return the present state of the paths without reading any content; links are followed."""
        return {
            **{path: signature(path) for path in self.digests},
            **{os.path.join(path, ""): names_in(path, self.wildcards) for path in self.names},  # noqa: PTH118 - text
        }

    def now(self) -> Self:
        """Read the same files and folders again; returns their present state."""
        return type(self)(
            {path: digest_of(path) for path in self.digests},
            {path: names_in(path, self.wildcards) for path in self.names},
            self.wildcards,
        )


@dataclass(frozen=True, slots=True)
class WatchedTogether:
    """Files of several kinds, watched as one."""

    parts: tuple[Watched, ...]

    def signatures(self) -> Signatures:
        """See ``Watched``."""
        return {path: state for part in self.parts for path, state in part.signatures().items()}

    def now(self) -> Self:
        """See ``Watched``."""
        return type(self)(tuple(part.now() for part in self.parts))


def signature(path: str) -> Hashable:
    """Return what changes whenever the file at a path does, as far as ``stat`` tells; links are followed."""
    try:
        status = os.stat(path)  # noqa: PTH116 - pathlib raises other errors for odd paths
    except (OSError, ValueError) as error:
        return type(error).__name__
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def names_in(folder: str, wildcards: Wildcards) -> frozenset[str]:
    """Return the names in a folder that wildcards match; empty if it cannot be read."""
    try:
        with os.scandir(folder or os.curdir) as entries:
            return frozenset(entry.name for entry in islice(entries, _MAX_NAMES) if wildcards.match(entry))
    except (OSError, ValueError):
        return frozenset()


def digest_of(path: str) -> bytes | None:
    """Return the hash of a file's content; None if it is missing, special, too large or unreadable."""
    try:
        return digest(content_of(open_anywhere(path)))
    except (OSError, ValueError):
        return None


def digest(content: bytes) -> bytes:
    """Return the hash of a content."""
    return hashlib.sha256(content).digest()
