"""A bar chart as SVG, without a library and with readable diffs."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

_ROW: Final = 28
_LABELS: Final = 240
_BARS: Final = 480


def bars(title: str, values: Sequence[tuple[str, float]]) -> str:
    """Return one horizontal bar per named value, to scale, with its number."""
    most = max(value for _, value in values)
    height = _ROW * (len(values) + 1) + 16
    rows = [_bar(index, name, value, most) for index, (name, value) in enumerate(values)]
    heading = f'<text x="8" y="20" font-weight="bold">{escape(title)}</text>'
    size = f'width="{_LABELS + _BARS + 100}" height="{height}"'
    style = 'font-family="sans-serif" font-size="13"'
    return "\n".join(
        [f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>', heading, *rows, "</svg>", ""]
    )


def _bar(index: int, name: str, value: float, most: float) -> str:
    top = _ROW * (index + 1) + 4
    width = max(1, round(value / most * _BARS))
    color = "#2563eb" if name.startswith("streamroute") else "#9ca3af"
    return (
        f'<text x="8" y="{top + 15}">{escape(name)}</text>'
        f'<rect x="{_LABELS}" y="{top}" width="{width}" height="20" fill="{color}"/>'
        f'<text x="{_LABELS + width + 6}" y="{top + 15}">{value:,.0f}</text>'
    )
