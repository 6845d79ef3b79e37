"""The widths of columns in limited room: which are dropped, and how wide the others are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

GAP: Final = 2
"""Spaces between two columns."""
_LEAST: Final = 4  # columns of a column that has to give way, if it can be cut


@dataclass(frozen=True, slots=True)
class Need:
    """The width of a column's content, the one down to which it may be cut, and its rank.

    ``is_uniform``: the cells are all the same, so that a line below the table can say it instead.
    """

    natural: int
    least: int
    rank: int = 0
    is_uniform: bool = False

    @property
    def can_be_cut(self) -> bool:
        """Whether the column may be narrower than its content."""
        return self.least < self.natural


def fit_widths(needs: Sequence[Need], room: int) -> dict[int, int]:
    """Return the widths of the columns that stay, by number; with their gaps they fit in ``room``."""
    kept = dict(enumerate(needs))
    while _width_of(need.natural for need in kept.values()) > room:
        uniform = [number for number, need in kept.items() if need.is_uniform and need.rank]
        if not uniform:
            break
        del kept[max(uniform, key=lambda number: kept[number].rank)]
    while _width_of(need.least for need in kept.values()) > room:
        number = _first_to_drop(kept)
        if number is None:
            return _squeeze(kept, room)
        del kept[number]
    return _grow({number: need.least for number, need in kept.items()}, kept, room)


def _first_to_drop(kept: Mapping[int, Need]) -> int | None:
    """Return the column to drop next; None if all have to stay."""
    ranked = [number for number, need in kept.items() if need.rank]
    return max(ranked, key=lambda number: kept[number].rank, default=None)


def _squeeze(kept: Mapping[int, Need], room: int) -> dict[int, int]:
    """Return widths below the useful ones, first of the columns that can be cut, then of all."""
    for narrow in (
        {
            number: min(need.least, _LEAST) if need.can_be_cut else need.natural
            for number, need in kept.items()
        },
        dict.fromkeys(kept, 1),
    ):
        if _width_of(narrow.values()) <= room:
            return _grow(narrow, kept, room)
    return dict(list(dict.fromkeys(kept, 1).items())[: max(1, (room + GAP) // (1 + GAP))])


def _grow(widths: dict[int, int], needs: Mapping[int, Need], room: int) -> dict[int, int]:
    """Return the widths after the free room was given to the narrowest column, one column at a time."""
    for _ in range(room - _width_of(widths.values())):
        growing = [number for number, width in widths.items() if width < needs[number].natural]
        if not growing:
            break
        widths[min(growing, key=lambda number: widths[number])] += 1
    return widths


def _width_of(widths: Iterable[int]) -> int:
    columns = list(widths)
    return sum(columns) + GAP * max(0, len(columns) - 1)
