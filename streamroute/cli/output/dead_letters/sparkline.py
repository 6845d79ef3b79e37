"""Counts as a line of bars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_BARS: Final = "▁▂▃▄▅▆▇█"
_ASCII_BARS: Final = "_.-~=+*#"


def sparkline(counts: Sequence[int], encoding: str | None) -> str:
    """Return a bar for each count, as high as its share of the highest; a dot for zero.

    Without UTF-8 in the terminal's ``encoding``, the bars are ASCII characters.
    """
    bars = _BARS if (encoding or "").lower().replace("-", "") == "utf8" else _ASCII_BARS
    highest = max(counts, default=0)
    return "".join(bars[(len(bars) - 1) * count // highest] if count else "." for count in counts)


def merged(counts: Sequence[int], size: int) -> list[int]:
    """Return the sums of ``size`` consecutive counts each."""
    return [sum(counts[start : start + size]) for start in range(0, len(counts), size)]
