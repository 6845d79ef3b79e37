"""Renders a page of the documentation for a terminal: wrapped, with its headings in bold."""

from __future__ import annotations

import posixpath
import re
import textwrap
from collections.abc import Iterable, Iterator
from typing import Final

import click

from streamroute.cli.output.table import table
from streamroute.manual.blocks import BlockKind, PageBlock, cells_of, split_blocks
from streamroute.text.display_width import display_width

_LINK: Final = re.compile(r"!?\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(([^()\s]+)\)")
_CODE: Final = re.compile(r"``(?:[^`]|`(?!`))+``|`[^`]+`")
_ESCAPE: Final = re.compile(r"\\([\\`*_<>|#\[\]])")
_BULLET: Final = re.compile(r"( *)([-*]|\d+\.) +")
_NARROWEST: Final = 20


def render_page(markdown: str, topic: str, width: int, *, color: bool) -> str:
    """Return a page, whose links are relative to ``topic``, in lines of at most ``width`` columns.

    Fenced blocks and words that are longer keep their lines.
    """
    rendered: list[str] = []
    previous: PageBlock | None = None
    for block in split_blocks(markdown):
        if previous is not None and not (block.kind is previous.kind is BlockKind.ITEM):
            rendered.append("")
        rendered += _lines(block, topic, max(width, _NARROWEST), color=color)
        previous = block
    return "\n".join(rendered)


def _lines(block: PageBlock, topic: str, width: int, *, color: bool) -> Iterable[str]:
    if block.kind is BlockKind.CODE:
        return [f"  {line}".rstrip() for line in block.lines]
    if block.kind is BlockKind.TABLE:
        return _table(block.lines, topic, width)
    text = inline_text(" ".join(line.strip() for line in block.lines), topic)
    if block.kind is BlockKind.HEADING:
        return [click.style(text, bold=True) if color else text]
    if block.kind is BlockKind.ITEM:
        return _item(block.lines, topic, width)
    return _wrap(text, width)


def _item(lines: tuple[str, ...], topic: str, width: int) -> list[str]:
    bullet = _BULLET.match(lines[0])
    head = bullet[0] if bullet else ""
    words = " ".join((lines[0][len(head) :], *(line.strip() for line in lines[1:])))
    return _wrap(inline_text(words, topic), width, head)


def _table(lines: tuple[str, ...], topic: str, width: int) -> Iterable[str]:
    """Align the columns if that fits; else write each row as its first cell, and the others below it."""
    head, _, *rows = ([inline_text(cell, topic) for cell in cells_of(line)] for line in lines)
    aligned = table(head, rows).split("\n")
    return aligned if max(map(display_width, aligned)) <= width else _stacked(head, rows, width)


def _stacked(head: list[str], rows: list[list[str]], width: int) -> Iterator[str]:
    for row in rows:
        yield from _wrap(row[0], width)
        for name, cell in zip(head[1:], row[1:], strict=False):
            if cell:
                yield from _wrap(cell if len(head) == 2 else f"{name}: {cell}", width, "    ")


def _wrap(text: str, width: int, head: str = "") -> list[str]:
    indent = " " * len(head)
    return textwrap.wrap(
        text,
        width,
        initial_indent=head,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [head.rstrip()]


def inline_text(markdown: str, topic: str) -> str:
    """Return a text without marks of emphasis; a link is followed by the topic of its page, or its URL."""
    linked = _LINK.sub(lambda link: _link(link[1], link[2], topic), markdown)
    parts: list[str] = []
    end = 0
    for code in _CODE.finditer(linked):
        parts += [_plain(linked[end : code.start()]), code[0]]
        end = code.end()
    return "".join((*parts, _plain(linked[end:])))


def _plain(text: str) -> str:
    return _ESCAPE.sub(r"\1", re.sub(r"\*\*(.+?)\*\*", r"\1", text))


def _link(text: str, target: str, topic: str) -> str:
    path = target.partition("#")[0]
    if not path or text == target:
        return text
    if "://" in path:
        return f"{text} ({target})"
    return (
        f"{text} ({posixpath.normpath(posixpath.join(posixpath.dirname(topic), path)).removesuffix('.md')})"
    )
