"""The README's picture: ``python tests/benchmarks/picture.py`` draws the throughput of ``about/speed.md``.

A bar chart as SVG, without a library and with readable diffs. ``run.py --svg`` draws the same of a new run.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Final

PICTURE: Final = Path(__file__).with_name("throughput.svg")
PAGE: Final = Path(__file__).parents[2] / "streamroute" / "docs" / "about" / "speed.md"
TITLE: Final = "messages a second, no-op handlers"
_HEAD: Final = "| no-op async handlers | messages/s |"
_ROW: Final = 28
_LABELS: Final = 240
_BARS: Final = 480
_BACKGROUND: Final = '<rect width="100%" height="100%" rx="6" fill="#ffffff"/>'  # readers use dark pages, too


def bars(title: str, values: Sequence[tuple[str, float]]) -> str:
    """Return one horizontal bar per named value, to scale, with its number."""
    most = max(round(value) for _, value in values)
    height = _ROW * (len(values) + 1) + 16
    rows = [_bar(index, name, round(value), most) for index, (name, value) in enumerate(values)]
    heading = f'<text x="8" y="20" font-weight="bold">{escape(title)}</text>'
    size = f'width="{_LABELS + _BARS + 100}" height="{height}"'
    style = 'font-family="sans-serif" font-size="13"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>',
            _BACKGROUND,
            heading,
            *rows,
            "</svg>",
            "",
        ]
    )


def rates(page: str) -> list[tuple[str, float]]:
    """Return the names and rates of the page's table. Raise ValueError if it has none."""
    _, found, rest = page.partition(_HEAD)
    rows = re.findall(r"^\| ([^|]+) \| ([\d,]+) \|", rest.partition("\n\n")[0], re.MULTILINE)
    if not found or not rows:
        raise ValueError("the page has no table of throughput")
    return [(name, float(rate.replace(",", ""))) for name, rate in rows]


def _bar(index: int, name: str, value: int, most: int) -> str:
    top = _ROW * (index + 1) + 4
    width = max(1, round(value / most * _BARS))
    color = "#2563eb" if name.startswith("streamroute") else "#9ca3af"
    return (
        f'<text x="8" y="{top + 15}">{escape(name)}</text>'
        f'<rect x="{_LABELS}" y="{top}" width="{width}" height="20" fill="{color}"/>'
        f'<text x="{_LABELS + width + 6}" y="{top + 15}">{value:,.0f}</text>'
    )


if __name__ == "__main__":
    PICTURE.write_text(bars(TITLE, rates(PAGE.read_text(encoding="utf-8"))), encoding="utf-8")
