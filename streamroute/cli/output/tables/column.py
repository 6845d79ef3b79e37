"""A column of a table: its head, and what happens to it where the table is too wide."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple


class Fit(Enum):
    """How the cells of a column are made narrower; each has a width that is still useful."""

    KEEP = 0
    """Not at all: numbers, ages, states."""
    TIME = 16
    """The seconds of a time in ISO 8601 and its zone are cut."""
    ID = 30
    """They are cut in the middle, late: people copy them."""
    NAME = 12
    """They are cut in the middle."""
    PATH = 13
    """The folder that all cells share is cut, then their middle."""
    TEXT = 20
    """They are wrapped."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column.

    Where there is no room, columns are dropped from the highest ``rank`` on; those of rank 0 always stay.
    ``right``: align to the right, as columns of integers always are.
    """

    head: str
    fit: Fit = Fit.KEEP
    rank: int = 0
    right: bool = False


class Painted(NamedTuple):
    """A cell in a color of ``click.style``."""

    text: str
    color: str | None


Cell = str | int | Painted

NOTHING: Final = "-"
"""The text of an empty cell."""
