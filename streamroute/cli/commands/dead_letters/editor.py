"""A payload in a private file, edited by the user's editor."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, Self, TypeVar

import click

from streamroute.cli.output.streams import ask, echo
from streamroute.errors import StreamrouteError

Checked = TypeVar("Checked")

_EDITORS: Final = ("VISUAL", "EDITOR")


class EditedFile:
    """A file that only the user can read; it is deleted at the end of the block, unless the edit was lost.

    Raises click.UsageError if there is neither a terminal nor an editor.
    """

    def __init__(self, letter_id: str, text: str) -> None:
        if not any(os.environ.get(name) for name in _EDITORS) and not _has_terminal():
            raise click.UsageError("there is no terminal for an editor; give the payload with --file")
        descriptor, path = tempfile.mkstemp(prefix=f"dead-{letter_id}-", suffix=".json")
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        self._path = path
        self._is_kept = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if not self._is_kept:
            with suppress(OSError):
                Path(self._path).unlink()

    def until_valid(self, check: Callable[[bytes, str], Checked]) -> Checked:
        """Open the editor until ``check`` accepts the content and its file's name; returns its result.

        On a terminal, the user is asked whether to edit again; otherwise, the error is raised, and the file
        is kept.
        """
        while True:
            click.edit(filename=self._path)
            try:
                return check(Path(self._path).read_bytes(), self._path)
            except StreamrouteError as error:
                self._is_kept = True
                if not _has_terminal():
                    raise
                echo(f"error: {error}", err=True)
                if not ask("Edit again?", default=True):
                    raise
                self._is_kept = False

    def keep_after_conflict(self) -> str:
        """Keep the file, and return where it is."""
        self._is_kept = True
        return f"the edited payload is kept in {self._path}"


def _has_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()
