"""The fenced blocks of a page of the documentation, with the directives before them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NAME: Final = r"((?:[\w.-]+/)*(?:[\w.-]*\.[a-z]+|Dockerfile|Makefile))"
_PATH: Final = re.compile(rf"^(?:#|//|--|;) ?{_NAME}$")
_DIRECTIVE: Final = re.compile(r"<!-- ?(not run|file|exit|background|output)(?:: *(.*?))? ?-->", re.DOTALL)
_SHOWN: Final = frozenset({"console", "sh", "text"})
"""Languages of blocks that are no files, whatever their first line."""


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: its language, its text, its line in the page, and its directives."""

    language: str
    text: str
    line: int
    directives: dict[str, str] = field(default_factory=dict)

    @property
    def path(self) -> str | None:
        """The file that the block is written as: named by a directive, or by the block's first line."""
        if "file" in self.directives:
            return self.directives["file"]
        found = None if self.language in _SHOWN else _PATH.match(self.text.partition("\n")[0].strip())
        return found[1] if found else None


@dataclass(frozen=True, slots=True)
class Command:
    """A command of a ``console`` or ``sh`` block, and the output that is shown below it."""

    text: str
    shown: str | None
    is_last: bool


def blocks_of(page: Path) -> list[Block]:
    """Return the page's fenced blocks, from top to bottom."""
    return parse_blocks(page.read_text(encoding="utf-8"))


def parse_blocks(markdown: str) -> list[Block]:
    """Return the fenced blocks of a text. Raise ValueError for a directive without a block after it."""
    found: list[Block] = []
    waiting: dict[str, str] = {}
    for token in MarkdownIt("commonmark").parse(markdown):
        if token.type == "html_block":
            waiting |= {match[1]: (match[2] or "").strip() for match in _DIRECTIVE.finditer(token.content)}
        elif token.type == "fence":
            line = (token.map or [0])[0] + 1
            found.append(Block(token.info.strip().partition(" ")[0], token.content, line, waiting))
            waiting = {}
        elif waiting and token.type in {"heading_open", "inline"}:
            raise ValueError(f"a text follows a directive, not a block: {waiting}")
    if waiting:
        raise ValueError(f"no block follows a directive: {waiting}")
    return found


def commands_of(block: Block) -> list[Command]:
    """Return the commands of a block; one for all lines of an ``sh`` block."""
    if block.language == "sh":
        return [Command(block.text, None, is_last=True)]
    if block.language != "console":
        return []
    pairs = list(_session(block.text))
    return [Command(text, shown, at == len(pairs)) for at, (text, shown) in enumerate(pairs, 1)]


def _session(text: str) -> Iterator[tuple[str, str]]:
    """Return each command of a console session with the text below it."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        lines = part.split("\n")
        size = next((at for at, line in enumerate(lines, 1) if not line.endswith("\\")), len(lines))
        yield "\n".join(lines[:size]), "\n".join(lines[size:])
