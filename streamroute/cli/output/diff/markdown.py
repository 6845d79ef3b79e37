"""Writes foreign text in Markdown: as code, in which nothing is a link, a mention, HTML or an emphasis."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from streamroute.cli.output.streams import printable

_BACKTICKS: Final = re.compile("`+")


def code(text: str) -> str:
    """Return the text as inline code, on one line."""
    text = printable(text) or " "
    longest = max(map(len, _BACKTICKS.findall(text)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def fitting(parts: Iterable[str], limit: int, rest: str) -> Iterator[str]:
    """Yield as many parts as fit into ``limit`` bytes, then ``rest`` with the number of those left out."""
    left = limit
    waiting = list(parts)
    for at, part in enumerate(waiting):
        left -= len(part.encode())
        if left < 0:
            yield rest.format(len(waiting) - at)
            return
        yield part
