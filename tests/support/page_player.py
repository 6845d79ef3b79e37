"""Plays a page of the documentation: every file, command and script on it, from top to bottom.

A page is played in an empty folder, with ``streamroute``, ``python`` and ``pytest`` of this checkout on the
PATH, the embedded server, and ``REDIS_URL``, the address of an empty server. What a fenced block does:

a block whose first line is a comment with a path (``# shop/handlers.py``)
    is written as that file, the comment included. A file whose format has no comments is named by the
    directive ``<!-- file: events.jsonl -->`` before the block. A later block with the same path replaces it.
``console``
    each line ``$ command`` is run, and what it prints (stdout and stderr as in a terminal) is compared with
    the lines below it. A line ``...`` stands for any lines, and ``...`` within a line for any text. Entry
    ids (``1700000000000-0``) and times of day are equal to each other. A backslash at the end of a line
    continues the command. A command without lines below it must print nothing.
``sh``
    all lines are run; they must succeed, and what they print is not compared.
``python`` without a path
    is run as a script, with ``await`` at the top level allowed; it must succeed.
``text`` after the directive ``<!-- output -->``
    is compared with what the last command or script before it printed.
``yaml``, ``json``, ``jsonl``, ``toml`` without a path
    must be valid. Other languages are only shown.

Commands run in bash (``set -e``) and share the working folder and exported variables: ``cd shop`` lasts, for
files too. Directives stand on a line of their own before a block:

``<!-- not run: REASON -->``
    the block is only shown. ``tests/docs/test_pages.py`` counts these: use few.
``<!-- exit: 1 -->``
    the exit code of the block's last command; without it, 0.
``<!-- background: TEXT -->``
    the command of this ``sh`` block goes on until the end of the page; the next block is played once it has
    printed TEXT. A console block with one command is possible too; its output is not compared.

``pip install streamroute`` and ``python -m venv`` do nothing, since everything is installed. A page with more
than a few commands is a ``processes`` test (see ``is_slow``), so play yours with

    python -m pytest tests/docs -k publish -m ""      plays the pages with "publish" in their topic
"""

from __future__ import annotations

import json
import re
import shlex
import sys
import tomllib
from typing import TYPE_CHECKING, Final

import yaml

from doc_blocks import Block, Command, commands_of
from page_shell import PageShell

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

_COMMANDS_OF_A_QUICK_PAGE: Final = 4

_VARYING: Final = {
    r"\b\d{13}-\d+\b": "ID",
    r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:\d\d)?": "TIME",
    r"\b\d\d:\d\d:\d\d(?:[.,]\d+)?": "TIME",
    r"[ \t]+$": "",
}
"""What differs from run to run, and what stands for it."""

_RUN: Final = """
import ast, asyncio, sys
code = compile(sys.stdin.read(), "<page>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
sys.path[0:0] = [""]
waiting = eval(code, {"__name__": "__main__"})
if waiting is not None:
    asyncio.run(waiting)
"""


class PageError(AssertionError):
    """Raised when a block does not do what the page shows."""


def is_slow(blocks: Sequence[Block]) -> bool:
    """Return whether a page runs more commands than a quick test may."""
    played = [block for block in blocks if "not run" not in block.directives]
    scripts = sum(block.language == "python" and block.path is None for block in played)
    return scripts + sum(len(commands_of(block)) for block in played) > _COMMANDS_OF_A_QUICK_PAGE


def play_page(blocks: Iterable[Block], folder: Path, redis_url: str, prepare: str = "") -> None:
    """Play blocks in an empty folder. Raise PageError with the line of the first that fails.

    ``prepare`` is a command that fills the folder.
    """
    with PageShell(folder, redis_url) as shell:
        if prepare and (failed := shell.run(prepare))[0]:
            raise PageError(f"{prepare}: {failed[1]}")
        player = _Player(shell)
        for block in blocks:
            if "not run" in block.directives:
                continue
            try:
                player.play(block)
            except (PageError, ValueError, TimeoutError, SyntaxError, yaml.YAMLError) as error:
                raise PageError(f"line {block.line}, ```{block.language}: {error}") from error


class _Player:
    """Plays one block after the other; remembers what the last command printed."""

    def __init__(self, shell: PageShell) -> None:
        self._shell = shell
        self._printed = ""

    def play(self, block: Block) -> None:
        if block.path is not None:
            _require_form(block.path.rpartition(".")[2], block.text)
            self._shell.write(block.path, block.text)
        elif "output" in block.directives:
            require_output(block.text, self._printed)
        elif "background" in block.directives:
            (command,) = commands_of(block)
            self._shell.start(command.text, block.directives["background"])
        elif block.language == "python":
            command = Command(f"{shlex.quote(sys.executable)} -c {shlex.quote(_RUN)}", None, is_last=True)
            self._run(command, block, script=block.text)
        else:
            _require_form(block.language, block.text)
            for command in commands_of(block):
                self._run(command, block)

    def _run(self, command: Command, block: Block, script: str = "") -> None:
        code, self._printed = self._shell.run(command.text, script)
        expected = int(block.directives.get("exit", "0")) if command.is_last else 0
        if command.shown is not None:
            require_output(command.shown, self._printed)
        if code != expected:
            raise PageError(f"{command.text.strip()}: exit code {code}, not {expected}:\n{self._printed}")


def require_output(shown: str, printed: str) -> None:
    """Raise PageError if the text that was printed is not the one that the page shows."""
    pattern = "".join(map(_line_pattern, _steady(shown).splitlines()))
    if not re.fullmatch(pattern, _steady(printed)):
        raise PageError(f"the page shows\n{_steady(shown)}--- but printed was\n{printed}")


def _line_pattern(line: str) -> str:
    """Return the expression for a shown line and its line break."""
    if line.strip() == "...":
        return r"(?:.*\n)*"
    return ".*".join(map(re.escape, line.split("..."))) + r"\n"


def _steady(text: str) -> str:
    for pattern, replacement in _VARYING.items():
        text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
    return text.strip("\n") + "\n"


def _require_form(language: str, text: str) -> None:
    """Raise ValueError, SyntaxError or YAMLError if the text is not valid in its language."""
    if language in {"yaml", "yml"}:
        list(yaml.compose_all(text, yaml.SafeLoader))
    elif language == "json":
        json.loads(text)
    elif language == "jsonl":
        for line in text.splitlines():
            json.loads(line)
    elif language == "toml":
        tomllib.loads(text)
    elif language in {"python", "py"}:
        compile(text, "<page>", "exec", dont_inherit=True)
