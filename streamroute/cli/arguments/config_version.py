"""Finds a version of a configuration: files, their git repository at a revision, or a stored generation."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from streamroute.cli.arguments.path_options import outside_allowed
from streamroute.cli.arguments.paths import NAME, config_path
from streamroute.config.paths import exists
from streamroute.config.root_file import find_root
from streamroute.system.opening import FileKind
from streamroute.text.truncation import clip_middle

if TYPE_CHECKING:
    from streamroute.system.files import FileReader
    from streamroute.system.git.objects import GitObjects
    from streamroute.system.git.tree_files import GitFiles

GIT: Final = "git:"
_REVISION: Final = re.compile(r"((?:@\{[^{}]*\}|[^:])++)(?::(.+))?", re.DOTALL)
"""A revision in git's syntax, which may contain a colon in ``@{...}``, and a path; read in one pass."""
_HASH: Final = re.compile(r"[0-9a-fA-F]{4,12}")
"""A generation's hash, or its start."""
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
def open_version(argument: str, other: str, state_dir: str | None = None) -> Iterator[ConfigVersion]:
    """Find the version that an argument names; ``other`` is the one that it is compared with.

    ``git:REV`` and a generation's hash are versions of the file that ``other`` names, or of routes.yaml in
    the working folder; ``state_dir`` is the state folder. Raises click.UsageError if there is no such file,
    revision or generation, GitError if git fails, StateFolderError if the state folder cannot be used.
    """
    if argument.startswith(GIT):
        with _open_revision(argument, _file_of(other)) as version:
            yield version
    elif _is_generation(argument):
        yield _generation(argument, _file_of(other), state_dir)
    else:
        root = find_root(config_path(argument))
        yield ConfigVersion(str(root), root)


def _file_of(argument: str) -> str | None:
    """Return the path that an argument names; None if it names a revision or a generation."""
    return None if argument.startswith(GIT) or _is_generation(argument) else argument


# Generations


def _is_generation(argument: str) -> bool:
    """Whether an argument may be a generation's hash; a file of that name takes precedence."""
    return _HASH.fullmatch(argument) is not None and not exists(argument)


def _generation(argument: str, beside: str | None, state_dir: str | None) -> ConfigVersion:
    from streamroute.cli.arguments.state_dir import stored_generations
    from streamroute.ops.generations.store import UnknownGenerationError
    from streamroute.system.recording import RecordedFiles

    try:
        loaded = stored_generations(beside, state_dir).load(argument)
    except UnknownGenerationError as error:
        raise click.UsageError(f"{argument} is neither a file nor a stored generation: {error}") from None
    name = f"generation {loaded.stored.generation}"
    return ConfigVersion(name, Path(loaded.record.path), RecordedFiles(loaded.record))


# Revisions


@contextmanager
def _open_revision(argument: str, beside: str | None) -> Iterator[ConfigVersion]:
    from streamroute.system.git.objects import GitObjects, top_level

    matched = _REVISION.fullmatch(argument.removeprefix(GIT))
    if matched is None:
        raise click.UsageError(f"{_shown(argument)} names no revision; write git:REV or git:REV:PATH")
    revision, path = matched.groups()
    file = Path(NAME) if beside is None else find_root(config_path(beside))
    top = top_level(os.curdir if path is not None else str(file.parent))
    with GitObjects(top) as objects:
        yield _at_revision(objects, top, argument, revision, _in_working_tree(path, file, top))


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
        advice = "" if argument.count(":") > 1 else f"; name its path then: {_shown(argument)}:PATH"
        raise click.UsageError(
            f"{_shown(argument)}: there is no {_shown(str(root))} at this revision{advice}"
        )
    if not outside_allowed():
        files.folder = files.real_path(root.parent)
    return ConfigVersion(argument, root, files)


def _root(files: GitFiles, path: str) -> Path:
    """Return the root file, relative to the working folder; for a folder, its routes.yaml."""
    relative = Path(os.path.relpath(path))
    return relative / NAME if files.kind(relative) is FileKind.FOLDER else relative


def _shown(text: str) -> str:
    return clip_middle(text, _LONGEST)
