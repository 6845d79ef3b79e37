"""The step budget for validating one message."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from streamroute.errors import CostlyDataError

FREE_STEPS: Final = 100_000
"""Steps for any message; a step is a fraction of a microsecond."""

STEPS_PER_VALUE: Final = 64
"""Additional steps for each value of the data: about the time that decoding it took."""

CHARACTERS_PER_VALUE: Final = 8
"""Characters that count as one value."""

BITS_PER_VALUE: Final = 64
"""Bits of an integer that count as one value."""

_SMALL: Final = frozenset({bool, float, int, type(None)})


class Budget:
    """The remaining steps of one message. Its size is computed only if it needs many."""

    __slots__ = ("_data", "_is_extended", "known", "remaining")

    max_added: ClassVar[int] = 20_000_000
    """The most additional steps of a message, however large it is: some ten seconds."""

    def __init__(self, data: Any) -> None:
        self.remaining = FREE_STEPS
        self.known: dict[tuple[int, int], bool] = {}
        """Results by schema and value, for recursive schemas."""
        self._data = data
        self._is_extended = False

    def spend(self, steps: int) -> None:
        """Consume steps. Raises CostlyDataError if none are left."""
        self.remaining -= steps
        if self.remaining < 0:
            self.extend()

    def extend(self) -> None:
        """Add steps for large data, once. Raises CostlyDataError if they do not suffice."""
        if not self._is_extended:
            self._is_extended = True
            self.remaining += min(STEPS_PER_VALUE * size_of(self._data), self.max_added)
        if self.remaining < 0:
            raise CostlyDataError


def size_of(data: Any) -> int:
    """The number of values in the data: each container counts once, texts and integers by their length."""
    size, waiting, seen = 0, [data], set[int]()
    while waiting:
        value = waiting.pop()
        size += 1
        if isinstance(value, str):
            size += len(value) // CHARACTERS_PER_VALUE
        elif isinstance(value, (dict, list, tuple)) and id(value) not in seen:
            seen.add(id(value))
            if isinstance(value, dict):
                size += sum([len(key) for key in value if isinstance(key, str)]) // CHARACTERS_PER_VALUE
                value = value.values()
            larger = [one for one in value if type(one) not in _SMALL]
            size += len(value) - len(larger)
            size += sum([one.bit_length() for one in value if type(one) is int]) // BITS_PER_VALUE
            waiting += larger
    return size
