"""Finds a version of a configuration: files, or the same files at a revision of their git repository."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from streamroute.cli.arguments.paths import NAME, config_path, outside_allowed
from streamroute.config.root_file import find_root
from streamroute.system.opening import FileKind
from streamroute.text.truncation import clip_middle

if TYPE_CHECKING:
    from streamroute.system.files import FileReader
    from streamroute.system.git.objects import GitObjects
    from streamroute.system.git.tree_files import GitFiles

GIT: Final = "git:"
_REVISION: Final = re.compile(r"((?:@\{[^}]*\}|[^:])+)(?::(.+))?", re.DOTALL)
"""A revision in git's syntax, which may contain a colon in ``@{...}``, and a path."""
_LONGEST: Final = 300  # characters of an argument in a message


@dataclass(frozen=True, slots=True)
class ConfigVersion:
    """A version of a configuration: its name for messages, its root file, and what reads its files.

    ``files`` is None for files on the disk.
    """

    name: str
    root: Path
    files: FileReader | None = None


@contextmanager
def open_version(argument: str, other: str) -> Iterator[ConfigVersion]:
    """Find the version that an argument names; ``other`` is the one that it is compared with.

    ``git:REV`` is the file of ``other``, or routes.yaml in the working folder, at a revision. Raises
    click.UsageError if there is no such file or revision, GitError if git fails.
    """
    if not argument.startswith(GIT):
        root = find_root(config_path(argument))
        yield ConfigVersion(str(root), root)
        return
    from streamroute.system.git.objects import GitObjects, top_level

    matched = _REVISION.fullmatch(argument.removeprefix(GIT))
    if matched is None:
        raise click.UsageError(f"{_shown(argument)} names no revision; write git:REV or git:REV:PATH")
    revision, path = matched.groups()
    beside = Path(NAME) if other.startswith(GIT) else find_root(config_path(other))
    top = top_level(os.curdir if path is not None else str(beside.parent))
    with GitObjects(top) as objects:
        yield _at_revision(objects, top, argument, revision, _in_working_tree(path, beside, top))


def _in_working_tree(path: str | None, beside: Path, top: str) -> str:
    """Return the path of a file in the working tree; ``path`` is relative to its top, ``./path`` to here."""
    if path is None:
        return os.path.join(os.path.realpath(beside.parent), beside.name)  # noqa: PTH118 - paths are text here
    start = os.getcwd() if path.startswith(("./", "../")) else top  # noqa: PTH109 - as above
    return os.path.join(start, path)  # noqa: PTH118 - as above


def _at_revision(objects: GitObjects, top: str, argument: str, revision: str, path: str) -> ConfigVersion:
    from streamroute.system.git.objects import GitError
    from streamroute.system.git.tree_files import GitFiles

    try:
        files = GitFiles(objects, top, revision)
    except GitError as error:
        raise click.UsageError(f"{_shown(argument)}: {error}") from None
    root = _root(files, path)
    if files.kind(root) is not FileKind.FILE:
        raise click.UsageError(f"{_shown(argument)}: there is no {_shown(str(root))} at this revision")
    if not outside_allowed():
        files.folder = files.real_path(root.parent)
    return ConfigVersion(argument, root, files)


def _root(files: GitFiles, path: str) -> Path:
    """Return the root file, relative to the working folder; for a folder, its routes.yaml."""
    relative = Path(os.path.relpath(path))
    return relative / NAME if files.kind(relative) is FileKind.FOLDER else relative


def _shown(text: str) -> str:
    return clip_middle(text, _LONGEST)
