"""Text in lines of a given width."""

from __future__ import annotations

from collections.abc import Iterator

from streamroute.text.display_width import clusters, display_width, shorten, take_start


def wrap(text: str, width: int, lines: int | None = None) -> list[str]:
    """Return the text in lines of at most ``width`` columns, broken between words where that is possible.

    Of more than ``lines`` lines, the last one ends with dots.
    """
    found = list(_wrapped(text.split(" "), max(width, 2)))
    if lines is None or len(found) <= lines:
        return found or [""]
    return [*found[: lines - 1], shorten(" ".join(found[lines - 1 :]), width)]


def hang(text: str, width: int | None, indent: int) -> str:
    """Return the text in lines of at most ``width`` columns (None: in one), all but the first indented."""
    if width is None or display_width(text) <= width:
        return text
    start = text[: len(text) - len(text.lstrip(" "))]
    first, *others = wrap(text[len(start) :], width - max(indent, len(start)))
    return "\n".join([start + first, *(" " * indent + line for line in others)])


def _wrapped(words: list[str], width: int) -> Iterator[str]:
    line = ""
    for word in words:
        for part in _pieces(word, width):
            joined = f"{line} {part}" if line else part
            if display_width(joined) <= width:
                line = joined
            else:
                yield line
                line = part
    if line:
        yield line


def _pieces(word: str, width: int) -> Iterator[str]:
    """Yield a word in pieces that fit on a line each."""
    while display_width(word) > width:
        piece = take_start(word, width) or next(clusters(word))
        yield piece
        word = word[len(piece) :]
    if word:
        yield word
