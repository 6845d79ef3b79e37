"""The width of text in the columns of a terminal, and cuts at such a width.

A character is zero, one or two columns wide (Unicode Standard Annex #11, East Asian Width). A cut is
never between a character and the marks on it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from streamroute.text.truncation import MORE

_EMOJI_STYLE: Final = "\ufe0f"  # widens a narrow character that it follows
_MAX_MARKS: Final = 3  # on one character; more would cover the lines around it


def display_width(text: str) -> int:
    """Return the width of a text of printable characters."""
    if text.isascii():
        return len(text)
    return sum(_cluster_width(cluster) for cluster in clusters(text))


def clusters(text: str) -> Iterator[str]:
    """Yield each character together with the characters of no width after it."""
    start = 0
    for position in range(1, len(text) + 1):
        if position == len(text) or not _is_mark(text[position]):
            yield text[start:position]
            start = position


def limit_marks(text: str) -> str:
    """Return the text with at most three combining marks on each character."""
    if text.isascii():
        return text
    return "".join(cluster[: 1 + _MAX_MARKS] for cluster in clusters(text))


def take_start(text: str, width: int) -> str:
    """Return the longest beginning of a text that fits in ``width`` columns."""
    if text.isascii():
        return text[: max(0, width)]
    return "".join(_fitting(clusters(text), width))


def take_end(text: str, width: int) -> str:
    """Return the longest end of a text that fits in ``width`` columns."""
    if text.isascii():
        return text[max(0, len(text) - max(0, width)) :]
    return "".join(reversed(list(_fitting(reversed(list(clusters(text))), width))))


def shorten(text: str, width: int) -> str:
    """Return a text of at most ``width`` columns; one that is cut ends with dots, if they fit."""
    if display_width(text) <= width:
        return text
    mark = MORE if width > len(MORE) else ""
    return take_start(text, width - len(mark)) + mark


def shorten_middle(text: str, width: int) -> str:
    """Return a text of at most ``width`` columns; of a longer one, both ends, with dots between them."""
    if display_width(text) <= width:
        return text
    room = width - len(MORE)
    if room < 2:
        return take_start(text, width)
    return f"{take_start(text, room - room // 2)}{MORE}{take_end(text, room // 2)}"


def _fitting(parts: Iterator[str], width: int) -> Iterator[str]:
    for part in parts:
        width -= _cluster_width(part)
        if width < 0:
            return
        yield part


def _cluster_width(cluster: str) -> int:
    width = char_width(cluster[0])
    return 2 if width == 1 and _EMOJI_STYLE in cluster else width


def _is_mark(char: str) -> bool:
    return not char.isascii() and char_width(char) == 0


@lru_cache(maxsize=4096)
def char_width(char: str) -> int:
    """Return the width of one printable character: 0, 1 or 2."""
    if unicodedata.category(char) in {"Mn", "Me"} or unicodedata.combining(char) or _is_medial_jamo(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _is_medial_jamo(char: str) -> bool:
    """Whether a character joins the Hangul syllable that a character before it has begun."""
    return "\u1160" <= char <= "\u11ff" or "\ud7b0" <= char <= "\ud7ff"
