"""Text in lines of a given width; it may have the styles of ``click.style``, which take no room."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from streamroute.text.display_width import clusters, display_width, shorten, take_start
from streamroute.text.lazy_pattern import lazy_pattern

_STYLE: Final = lazy_pattern(r"\x1b\[[0-9;]*m")


def wrap(text: str, width: int, lines: int | None = None) -> list[str]:
    """Return the text in lines of at most ``width`` columns, broken between words where that is possible.

    Of more than ``lines`` lines, the last one ends with dots.
    """
    found = list(_wrapped(text.split(" "), width, width))
    if lines is None or len(found) <= lines:
        return found or [""]
    return [*found[: lines - 1], shorten(" ".join(found[lines - 1 :]), width)]


def hang(text: str, width: int | None, indent: int) -> str:
    """Return the text in lines of at most ``width`` columns (None: in one), all but the first indented."""
    if width is None or _width(text) <= width:
        return text
    start = text[: len(text) - len(text.lstrip(" "))]
    first, *others = _wrapped(text[len(start) :].split(" "), width - len(start), width - indent)
    return "\n".join([start + first, *(" " * indent + line for line in others)])


def _wrapped(words: list[str], first: int, width: int) -> Iterator[str]:
    """Yield lines, of which the first has a width of its own."""
    line, room = "", first
    for word in filter(None, words):
        joined = f"{line} {word}" if line else word
        if _width(joined) <= room:
            line = joined
            continue
        if line:
            yield line
            room = width
        while "\x1b" not in word and display_width(word) > room:  # one with styles stays whole
            piece = take_start(word, room) or next(clusters(word))
            yield piece
            word, room = word[len(piece) :], width  # noqa: PLW2901 - the rest of it
        line = word
    yield line


def _width(text: str) -> int:
    return display_width(_STYLE.sub("", text) if "\x1b" in text else text)
