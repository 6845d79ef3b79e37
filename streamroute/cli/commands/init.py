"""``streamroute init``."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

import click

from streamroute.cli.output.streams import echo
from streamroute.cli.process.exit_codes import ExitCode
from streamroute.cli.process.files import create_all, is_taken
from streamroute.config.json_schema import schema_text


@click.command(name="init")
@click.argument(
    "folder", default=".", type=click.Path(file_okay=False, readable=False, path_type=Path), metavar="[DIR]"
)
def command(folder: Path) -> int:
    """Create a starter project in DIR or the working folder: routes, handlers and sample events.

    Existing files are not overwritten.
    """
    files = dict(_starter())
    taken = [name for name in files if is_taken(folder / name)]
    if taken:
        echo(f"nothing was written: {folder} already has {', '.join(taken)}", err=True)
        return ExitCode.FOUND
    create_all({folder / name: content for name, content in files.items()}, folder)
    for name in files:
        echo(f"wrote {folder / name}")
    here = "" if folder == Path() else f"cd {shlex.quote(os.fspath(folder))} && "
    echo(f"\nnow try:\n  {here}streamroute serve --feed events.jsonl --drain")
    return ExitCode.OK


def _starter() -> Iterator[tuple[str, bytes]]:
    yield from _files(resources.files("streamroute.cli.starter"), "")
    yield "routes.schema.json", schema_text().encode()


def _files(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    """Yield the path and content of every file of the starter, except the package's own __init__.py."""
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        name = f"{prefix}{entry.name}"
        if entry.is_dir() and entry.name != "__pycache__":
            yield from _files(entry, f"{name}/")
        elif entry.is_file() and name != "__init__.py":
            yield name, entry.read_bytes()
