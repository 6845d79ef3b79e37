"""The reference of the command line: each command with its arguments and options, from click."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Final

import click

from streamroute.cli.main import streamroute
from streamroute.cli.process.exit_codes import ExitCode
from streamroute.docs.build.attributes import attribute_docs
from streamroute.docs.build.markdown import block, code, page, table

_SUMMARY: Final = (
    "Every command of `streamroute`, with its arguments and options, "
    "as `streamroute COMMAND --help` prints them."
)
_CONFIG: Final = (
    "By default, every command uses routes.yaml in the working folder; a folder stands for its routes.yaml."
)
_EXITS: Final = """\
Ctrl-C ends a command with 130. Output that cannot be written is an error with 1; a reader that closes the \
pipe (`| head`) does not change the exit code."""


def command_pages() -> dict[str, str]:
    """Return topic -> page: the list of commands, and a page for each."""
    commands = dict(_subcommands(streamroute))
    pages = {f"reference/commands/{name}": _command_page(name, command) for name, command in commands.items()}
    rows = [
        (f"[{code(f'streamroute {name}')}](commands/{name}.md)", _first_sentence(command))
        for name, command in commands.items()
    ]
    codes = [(str(code.value), text) for code, text in attribute_docs(ExitCode)]
    parts = (
        table(("command", "does"), rows),
        _CONFIG,
        "## Exit codes",
        table(("code", "meaning"), codes),
        _EXITS,
        "## Shell completion",
        _completion(),
    )
    return {"reference/commands": page("Commands", _SUMMARY, *parts), **pages}


def _subcommands(group: click.Group) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is not None and not command.hidden:
            yield name, command


def _command_page(name: str, command: click.Command) -> str:
    path = f"streamroute {name}"
    return page(path, *_sections(path, command, 2))


def _sections(path: str, command: click.Command, level: int) -> Iterator[str]:
    context = click.Context(command, info_name=path)
    usage = " ".join(command.collect_usage_pieces(context))
    summary, *others = _help(command)
    yield summary
    yield block(f"{path} {usage}")
    yield from others
    rows = [_option(option, context) for option in command.params if isinstance(option, click.Option)]
    shown = [row for row in rows if row]
    if shown:
        yield table(("option", "does"), shown)
    if isinstance(command, click.Group):
        for name, inner in _subcommands(command):
            yield f"{'#' * level} {path} {name}"
            yield from _sections(f"{path} {name}", inner, min(level + 1, 6))


def _first_sentence(command: click.Command) -> str:
    text = inspect.cleandoc(command.help or "").replace("\b", "").strip().split("\n\n", 1)[0]
    sentence = re.match(r".+?[.](?=\s|$)", " ".join(text.split()))
    return sentence[0] if sentence else " ".join(text.split())


def _help(command: click.Command) -> Iterator[str]:
    """Return the paragraphs of a command's help; one whose lines are kept, such as examples, as a block."""
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        head, kept, text = paragraph.strip("\n").partition("\b\n")
        if not kept:
            yield " ".join(paragraph.split())
            continue
        if head.strip():
            yield " ".join(head.split())
        title, _, lines = text.partition("\n")
        if lines and not title.startswith(" ") and lines.startswith(" "):
            yield title
            text = lines
        yield block(inspect.cleandoc(text))


def _option(option: click.Option, context: click.Context) -> tuple[str, str] | None:
    record = option.get_help_record(context)
    if record is None:
        return None
    names, text = record
    return code(names), _escaped(text)


def _escaped(text: str) -> str:
    return text.replace("<", r"\<").replace("*", r"\*")


def _completion() -> str:
    (found,) = [part for part in _help(streamroute) if "bash_source" in part]
    return found
