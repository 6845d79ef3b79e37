"""Replace the values at hidden paths, whatever objects a payload consists of."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from streamroute.redaction.paths import PathMatcher

REDACTED: Final = "(redacted)"
"""Stands for a hidden value of any kind."""

_MAX_DEPTH: Final = 200  # levels, as many as the codecs read
_LEAVES: Final = frozenset({int, float, bool, type(None)})


class Redaction:
    """One pass over values; ``on_hidden`` is called with each value that is hidden.

    A list or dict in which nothing is hidden stays the same object.
    """

    def __init__(self, on_hidden: Callable[[Any], object] | None = None) -> None:
        self._on_hidden = on_hidden
        # Each container once: it may contain itself, or one part many times. The containers are kept, too,
        # since the id of one that is gone may be another's.
        self._done: dict[tuple[int, PathMatcher], tuple[Any, Any]] = {}

    def value(self, value: Any, place: PathMatcher, depth: int = 0) -> Any:
        """Return the value with what is hidden in it replaced, for its place among the paths."""
        if place.hides:
            return self.hidden(value)
        if place.is_idle or type(value) in _LEAVES:
            return value
        if type(value) is str:
            return self.text(value, place, depth)
        if depth >= _MAX_DEPTH or not isinstance(value, (dict, list, tuple)):
            return self.hidden(value)  # an object of a user's class: its fields are unknown
        key = id(value), place
        if key not in self._done:
            self._done[key] = value, REDACTED  # where it contains itself
            self._done[key] = value, self._container(value, place, depth + 1)
        return self._done[key][1]

    def text(self, text: str, place: PathMatcher, depth: int = 0) -> str:
        """Return a text with what is hidden replaced if it is JSON.

        A text that begins as JSON and cannot be read is hidden if it may contain what a path names.
        """
        if place.is_idle or not _may_be_json(text):
            return text
        try:
            value = json.loads(text, object_pairs_hook=_unique_keys)
        except (ValueError, RecursionError):
            return self.hidden(text) if _may_mention(text, place) else text
        redacted = self.value(value, place, depth + 1)
        return text if redacted is value else json.dumps(redacted, ensure_ascii=False)

    def hidden(self, value: Any) -> str:
        """Return what stands for a hidden value."""
        if self._on_hidden is not None:
            self._on_hidden(value)
        return REDACTED

    def _container(self, value: Any, place: PathMatcher, depth: int) -> Any:
        if isinstance(value, dict):
            pairs = dict.items(value)
            redacted = {key: self.value(item, place.field(key), depth) for key, item in pairs}
            return redacted if any(redacted[key] is not item for key, item in pairs) else value
        inner = place.elements()
        items = [self.value(item, inner, depth) for item in value]
        if all(new is old for new, old in zip(items, value, strict=True)):
            return value
        return items if isinstance(value, list) else tuple(items)


def _may_be_json(text: str) -> bool:
    """Whether a text begins as a JSON object, list or string does."""
    return text.lstrip()[:1] in ("{", "[", '"') and text != ""


def _may_mention(text: str, place: PathMatcher) -> bool:
    return place.hides_any_name or "\\u" in text or any(name in text for name in place.names)


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse an object with a key that occurs twice: only one of its values would be looked at."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key occurs twice")
    return found
