"""Finds the configuration of a command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from streamroute.config.paths import exists, file_problem, is_folder, list_folder
from streamroute.text.truncation import clip_middle

if TYPE_CHECKING:
    import click

NAME: Final = "routes.yaml"

_MAX_SHOWN_LENGTH: Final = 300  # characters of a path in a message
_SUFFIXES: Final = frozenset({".yaml", ".yml"})


def config_path(argument: str | None) -> Path:
    """Return the path of the configuration: ``given``, or routes.yaml in the given or working folder.

    Raises click.UsageError if the file does not exist.
    """
    path = Path(argument) if argument is not None else Path(NAME)
    if is_folder(path):
        return _in_folder(path)
    if exists(path):
        return path
    if argument is None:
        similar = _similar_file(path)
        hint = f"did you mean {similar}? name it" if similar else "name one, or run: streamroute init"
        raise usage_error(f"there is no {NAME} in this folder; {hint}")
    raise usage_error(_missing(path))


def config_path_if_any(argument: str | None, *, may_be_missing: bool) -> Path:
    """Return what ``config_path`` does; if it ``may_be_missing``, also the path of no file.

    A folder that is named like a configuration is such a path, too: a file may have been there.
    """
    import click

    try:
        return config_path(argument)
    except click.UsageError:
        if not may_be_missing:
            raise
        path = Path(NAME if argument is None else argument)
        is_config_folder = is_folder(path) and path.suffix.lower() not in _SUFFIXES
        return path / NAME if is_config_folder else path


def _in_folder(folder: Path) -> Path:
    path = folder / NAME
    if is_folder(path):
        raise usage_error(f"{path} is a folder, not a file")
    if exists(path):
        return path
    if folder.name == NAME:
        raise usage_error(f"{folder} is a folder without a {NAME}; rename one of them")
    raise usage_error(_missing(path))


def _missing(path: Path) -> str:
    similar = _similar_file(path)
    hint = f"; did you mean {similar}?" if similar else ""
    return f"{clip_middle(str(path), _MAX_SHOWN_LENGTH)} {file_problem(path)}{hint}"


def _similar_file(path: Path) -> Path | None:
    """Return a file with a similar name in the same folder (usually .yml for .yaml), or None."""
    from streamroute.text.suggestions import did_you_mean

    siblings = [entry.name for entry in list_folder(path.parent) if entry.suffix.lower() in _SUFFIXES]
    suggestion = did_you_mean(path.name, sorted(siblings))
    return path.with_name(suggestion) if suggestion else None


def usage_error(message: str) -> click.UsageError:
    """Return the error to raise; imports click, which a command without an error may not need."""
    import click

    return click.UsageError(message)
