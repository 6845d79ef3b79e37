"""``streamroute init``."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import click

from streamroute.cli.output.streams import echo
from streamroute.cli.process.exit_codes import ExitCode
from streamroute.cli.process.files import create_all, is_taken
from streamroute.cli.starter.project import project_files, project_name
from streamroute.cli.starter.template import PLAIN, TEMPLATES, Template


@click.command(name="init")
@click.argument(
    "folder", default=".", type=click.Path(file_okay=False, readable=False, path_type=Path), metavar="[DIR]"
)
@click.option(
    "--template",
    "chosen",
    type=click.Choice(list(TEMPLATES)),
    default=PLAIN.name,
    show_default=True,
    help="What runs the router: the command serve, a FastAPI application, or an aiogram bot.",
)
@click.option("--missing", is_flag=True, help="Write the files that do not exist, and keep the others.")
def command(folder: Path, chosen: str, missing: bool) -> int:
    """Create a project in DIR or the working folder.

    It has routes, handlers, sample events, a route test, a pytest test, pyproject.toml, hooks for
    pre-commit, a workflow for GitHub Actions, a systemd unit, a Containerfile and .gitignore. All pass
    their own checks. Existing files are not overwritten: if there are any, nothing is written without
    --missing.

    \b
    Examples:
      streamroute init shop
      streamroute init shop --template fastapi
    """
    template = TEMPLATES[chosen]
    files = project_files(template, project_name(_name_of(folder), template))
    taken = [name for name in files if is_taken(folder / name)]
    if taken and not missing:
        echo(f"nothing was written: {folder} already has {', '.join(taken)}", err=True)
        echo("--missing writes the others", err=True)
        return ExitCode.FOUND
    written = {folder / name: content for name, content in files.items() if name not in taken}
    create_all(written, folder)
    for path in written:
        echo(f"wrote {path}")
    for name in taken:
        echo(f"kept {folder / name}")
    echo("\nnow try:\n" + "\n".join(f"  {line}" for line in _next_commands(folder, template)))
    return ExitCode.OK


def _name_of(folder: Path) -> str:
    return Path(os.path.abspath(folder)).name  # noqa: PTH100 - a link keeps the name that the user gave


def _next_commands(folder: Path, template: Template) -> list[str]:
    here = [] if folder == Path() else [f"cd {shlex.quote(os.fspath(folder))}"]
    return [
        *here,
        "pip install -e '.[dev]'",
        "streamroute check",
        *template.start,
        "streamroute test",
        "pytest",
    ]
