"""Finds the configuration of a command."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from streamroute.config.paths import exists, file_problem, is_folder, list_folder
from streamroute.text.truncation import clip_middle

NAME: Final = "routes.yaml"

_MAX_SHOWN_LENGTH: Final = 300  # characters of a path in a message
_SUFFIXES: Final = frozenset({".yaml", ".yml"})
_OUTSIDE: Final = "streamroute.allow-outside"

PATH: Final = click.Path(readable=False)
"""A path that shells complete; errors are reported when the file is read."""


def _allow(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    context.meta[_OUTSIDE] = value


ALLOW_OUTSIDE: Final = click.option(
    "--allow-outside",
    is_flag=True,
    expose_value=False,
    callback=_allow,
    help="Allow files and embedded data outside the configuration folder.",
)
"""The option of all commands that read a configuration; ``outside_allowed`` returns its value."""


def outside_allowed() -> bool:
    """Whether the running command may read files outside the folder of the configuration."""
    allowed: bool = click.get_current_context().meta.get(_OUTSIDE, False)
    return allowed


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
        raise click.UsageError(f"there is no {NAME} in this folder; {hint}")
    raise click.UsageError(_missing(path))


def config_path_if_any(argument: str | None, *, may_be_missing: bool) -> Path:
    """Return what ``config_path`` does; if it ``may_be_missing``, also the path of no file.

    A folder that is named like a configuration is such a path, too: a file may have been there.
    """
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
        raise click.UsageError(f"{path} is a folder, not a file")
    if exists(path):
        return path
    if folder.name == NAME:
        raise click.UsageError(f"{folder} is a folder without a {NAME}; rename one of them")
    raise click.UsageError(_missing(path))


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
