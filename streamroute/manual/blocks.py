"""Splits the Markdown of a page into blocks: the dialect that the pages use, not all of Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import groupby
from operator import itemgetter
from typing import Final

_COMMENT: Final = re.compile(r"^[ \t]*<!--.*?-->[ \t]*(?:\n[ \t]*$)?\n?", re.DOTALL | re.MULTILINE)
_FENCE: Final = re.compile(r" *(`{3,})")
_HEADING: Final = re.compile(r"(#{1,6}) +(\S.*)")
_ITEM: Final = re.compile(r" *(?:[-*]|\d+\.) +")


class BlockKind(Enum):
    """The kinds of blocks."""

    HEADING = "heading"
    """One line; it begins with its ``#``."""
    PARAGRAPH = "paragraph"
    """Lines that are wrapped."""
    ITEM = "item"
    """An item of a list: its first line begins with ``-`` or a number."""
    TABLE = "table"
    """Lines that begin with ``|``: a head, a rule, and rows."""
    CODE = "code"
    """The lines of a fenced block, without its fences."""


@dataclass(frozen=True, slots=True)
class PageBlock:
    """A block of a page: its kind and its lines."""

    kind: BlockKind
    lines: tuple[str, ...]


def without_comments(markdown: str) -> str:
    """Return a page without the comments that stand on lines of their own, outside of fenced blocks."""
    lines = re.split(r"(?<=\n)", markdown)
    parts = groupby(zip(fenced(lines), lines, strict=True), key=itemgetter(0))
    texts = ((is_code, "".join(line for _, line in part)) for is_code, part in parts)
    return "".join(text if is_code else _COMMENT.sub("", text) for is_code, text in texts)


def fenced(lines: Iterable[str]) -> Iterator[bool]:
    """Yield for each line whether it belongs to a fenced block, whose fences belong to it."""
    fence = ""
    for line in lines:
        if fence:
            yield True
            fence = "" if line.strip() == fence else fence
        else:
            opening = _FENCE.match(line)
            fence = opening[1] if opening else ""
            yield bool(opening)


def split_blocks(markdown: str) -> Iterator[PageBlock]:
    """Yield the blocks of a page."""
    lines = without_comments(markdown).split("\n")
    at = 0
    while at < len(lines):
        kind, end = _block_at(lines, at)
        if kind is BlockKind.CODE:
            yield PageBlock(kind, tuple(lines[at + 1 : end - 1]))
        elif kind is not None:
            yield PageBlock(kind, tuple(lines[at:end]))
        at = end


def _block_at(lines: list[str], at: int) -> tuple[BlockKind | None, int]:
    """Return the kind of the block that begins at a line (None: the line is empty), and where it ends."""
    line = lines[at]
    if not line.strip():
        return None, at + 1
    fence = _FENCE.match(line)
    if fence:
        return BlockKind.CODE, _end_of_code(lines, at, fence[1])
    if _HEADING.match(line):
        return BlockKind.HEADING, at + 1
    kind = (
        BlockKind.TABLE
        if line.startswith("|")
        else BlockKind.ITEM
        if _ITEM.match(line)
        else BlockKind.PARAGRAPH
    )
    end = at + 1
    while end < len(lines) and lines[end].strip() and not _begins_block(lines[end], kind):
        end += 1
    return kind, end


def _begins_block(line: str, inside: BlockKind) -> bool:
    if inside is BlockKind.TABLE:
        return not line.startswith("|")
    return bool(line.startswith("|") or _ITEM.match(line) or _FENCE.match(line) or _HEADING.match(line))


def _end_of_code(lines: list[str], at: int, fence: str) -> int:
    for end in range(at + 1, len(lines)):
        if lines[end].strip() == fence:
            return end + 1
    return len(lines) + 1  # it is not closed: its last line is the page's


def cells_of(row: str) -> list[str]:
    """Return the cells of a row of a table."""
    return [cell.strip().replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", row.strip().strip("|"))]
