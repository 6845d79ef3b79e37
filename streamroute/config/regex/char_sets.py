"""Sets of characters, as sorted ranges of code points that neither touch nor overlap."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Final

Ranges = tuple[tuple[int, int], ...]

LAST: Final = sys.maxunicode
EVERYTHING: Final[Ranges] = ((0, LAST),)
DIGITS: Final[Ranges] = ((0x30, 0x39),)
WORD: Final[Ranges] = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
LINE_ENDS: Final[Ranges] = ((0x0A, 0x0A), (0x0D, 0x0D), (0x2028, 0x2029))
SPACE: Final[Ranges] = (
    *((0x09, 0x0D), (0x20, 0x20), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A)),
    *((0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF)),
)


def union(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Return the union of ranges, in normal form."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return tuple(merged)


def complement(ranges: Ranges) -> Ranges:
    """Return the set of all characters that are not in the set."""
    return tuple(_gaps(ranges))


def _gaps(ranges: Ranges) -> Iterator[tuple[int, int]]:
    start = 0
    for low, high in ranges:
        if start < low:
            yield start, low - 1
        start = high + 1
    if start <= LAST:
        yield start, LAST


def overlap(left: Ranges, right: Ranges) -> bool:
    """Whether the two sets have a character in common."""
    one, other = 0, 0
    while one < len(left) and other < len(right):
        if left[one][1] < right[other][0]:
            one += 1
        elif right[other][1] < left[one][0]:
            other += 1
        else:
            return True
    return False


def contains(ranges: Ranges, code: int) -> bool:
    """Whether a character is in the set."""
    low, high = 0, len(ranges)
    while low < high:
        middle = (low + high) // 2
        if code > ranges[middle][1]:
            low = middle + 1
        else:
            high = middle
    return low < len(ranges) and ranges[low][0] <= code


_CATEGORIES: Final = {
    "Letter": "L",
    "Cased_Letter": "LC",
    "Uppercase_Letter": "Lu",
    "Lowercase_Letter": "Ll",
    "Titlecase_Letter": "Lt",
    "Modifier_Letter": "Lm",
    "Other_Letter": "Lo",
    "Mark": "M",
    "Combining_Mark": "M",
    "Nonspacing_Mark": "Mn",
    "Spacing_Mark": "Mc",
    "Enclosing_Mark": "Me",
    "Number": "N",
    "Decimal_Number": "Nd",
    "digit": "Nd",
    "Letter_Number": "Nl",
    "Other_Number": "No",
    "Symbol": "S",
    "Math_Symbol": "Sm",
    "Currency_Symbol": "Sc",
    "Modifier_Symbol": "Sk",
    "Other_Symbol": "So",
    "Punctuation": "P",
    "punct": "P",
    "Connector_Punctuation": "Pc",
    "Dash_Punctuation": "Pd",
    "Open_Punctuation": "Ps",
    "Close_Punctuation": "Pe",
    "Initial_Punctuation": "Pi",
    "Final_Punctuation": "Pf",
    "Other_Punctuation": "Po",
    "Separator": "Z",
    "Space_Separator": "Zs",
    "Line_Separator": "Zl",
    "Paragraph_Separator": "Zp",
    "Other": "C",
    "Control": "Cc",
    "cntrl": "Cc",
    "Format": "Cf",
    "Surrogate": "Cs",
    "Private_Use": "Co",
    "Unassigned": "Cn",
}
"""The long names of general categories. Source: https://www.unicode.org/reports/tr44/#GC_Values_Table"""


def category(name: str) -> Ranges | None:
    """Return the characters of a general category, by its short or long name; None for any other property."""
    if name == "Any":
        return EVERYTHING
    if name == "ASCII":
        return ((0, 0x7F),)
    if name in ("White_Space", "space"):
        return union([*(each for each in SPACE if each != (0xFEFF, 0xFEFF)), (0x85, 0x85)])
    short = _CATEGORIES.get(name, name)
    return _category(short) if short in _CATEGORIES.values() else None


@cache
def _category(short: str) -> Ranges:
    wanted = ("Lu", "Ll", "Lt") if short == "LC" else (short,)
    return union(
        each for name, ranges in _by_category().items() if name.startswith(wanted) for each in ranges
    )


@cache
def _by_category() -> dict[str, list[tuple[int, int]]]:
    """Return the ranges of each general category.

    This takes a third of a second, so it runs only if a pattern uses a property.
    """
    ranges: dict[str, list[tuple[int, int]]] = {}
    previous = ""
    for code in range(LAST + 1):
        name = unicodedata.category(chr(code))
        if name == previous:
            ranges[name][-1] = (ranges[name][-1][0], code)
        else:
            ranges.setdefault(name, []).append((code, code))
            previous = name
    return ranges
