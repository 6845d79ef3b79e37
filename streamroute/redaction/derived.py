"""Hide values in what was computed from a payload: parts of it, the result of a transform, an error."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from streamroute.redaction.texts import HiddenValues
from streamroute.redaction.values import REDACTED

_MAX_DEPTH: Final = 200


class DerivedValues:
    """What a payload hides, wherever it got to: its values, and fields with the names that ``names`` are.

    A value that was changed on the way, such as a hash or a part of a text, is not recognized.
    """

    def __init__(self, hidden: HiddenValues, names: Collection[str]) -> None:
        self._hidden = hidden
        self.names = frozenset(names)

    def value(self, value: Any) -> Any:
        """Return a value without what is hidden."""
        return self._value(value, 0, {})

    def text(self, text: str) -> str:
        """Return a text without what is hidden."""
        return self._hidden.redact(text)

    def _value(self, value: Any, depth: int, done: dict[int, tuple[Any, Any]]) -> Any:
        if value is None or type(value) is bool:
            return value
        if type(value) in (str, int, float):
            return self._scalar(value)
        if depth >= _MAX_DEPTH or not isinstance(value, (dict, list, tuple)):
            return REDACTED
        if id(value) not in done:
            done[id(value)] = value, REDACTED  # where it contains itself
            done[id(value)] = value, self._container(value, depth + 1, done)
        return done[id(value)][1]

    def _scalar(self, value: str | float) -> Any:
        if self._hidden.contains(value):
            return REDACTED
        return self._hidden.redact(value) if isinstance(value, str) else value

    def _container(self, value: Any, depth: int, done: dict[int, tuple[Any, Any]]) -> Any:
        if not isinstance(value, dict):
            return [self._value(item, depth, done) for item in value]
        return {
            key: REDACTED if key in self.names else self._value(item, depth, done)
            for key, item in dict.items(value)
        }
