"""Hide values in texts that may quote them: errors, tracebacks, log lines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from streamroute.redaction.values import REDACTED
from streamroute.text.limits import LONG
from streamroute.text.truncation import MORE

_SHORTEST: Final = 4
"""Characters of a value that is hidden in texts; a shorter one would blank unrelated words."""
_MAX_VALUES: Final = 1_000
_MAX_DEPTH: Final = 20
_LONGEST_WHOLE: Final = 40  # characters of a value that a text surely quotes as a whole
_QUOTED: Final = re.compile(r"""'(?:[^'\\]|\\.)*(?:'|\\?\Z)|"(?:[^"\\]|\\.)*(?:"|\\?\Z)""", re.DOTALL)
_MAX_QUOTES: Final = 200


class HiddenValues:
    """The values that a payload hides, as the texts by which an error may quote them."""

    def __init__(self) -> None:
        self._whole: set[str] = set()
        self._texts: dict[str, None] = {}

    def add(self, value: Any) -> None:
        """Add a value, and all that it contains."""
        for text in _texts_of(value, 0):
            if len(self._whole) >= _MAX_VALUES:
                return
            self._whole.add(text)
            if len(text) >= _SHORTEST:
                self._texts.update(dict.fromkeys(_spellings(text)))

    def contains(self, value: str | float) -> bool:
        """Whether a text or number is one of the values, however short."""
        return bool(self._whole) and (value if isinstance(value, str) else json.dumps(value)) in self._whole

    def redact(self, text: str) -> str:
        """Return a text without the values, and without quotes that are parts of long ones."""
        for value in sorted(self._texts, key=len, reverse=True):
            text = text.replace(value, REDACTED)
        if not any(len(value) > _LONGEST_WHOLE for value in self._texts):
            return text
        return _QUOTED.sub(self._without_excerpt, text, count=_MAX_QUOTES)

    def _without_excerpt(self, quote: re.Match[str]) -> str:
        """Return a quote, hidden if it is a part of a value: errors quote the start, or around a position."""
        mark = quote[0][0]
        inner = quote[0][1:].removesuffix(mark)  # a text that was cut lacks the end of its quote
        parts = [part for part in inner.split(MORE) if len(part) >= _SHORTEST]
        if any(part in value for value in self._texts if len(value) > _LONGEST_WHOLE for part in parts):
            return f"{mark}{REDACTED}{mark}"
        return quote[0]


def _texts_of(value: Any, depth: int) -> Iterator[str]:
    if type(value) is str:
        yield value[:LONG]
    elif type(value) is bytes:
        yield value[:LONG].decode(errors="replace")
        yield repr(value[:LONG])[2:-1]
    elif type(value) in (int, float):
        yield json.dumps(value)
    elif depth < _MAX_DEPTH and isinstance(value, (dict, list, tuple)):
        items: Iterable[Any] = dict.values(value) if isinstance(value, dict) else value
        for item in items:
            yield from _texts_of(item, depth + 1)


def _spellings(text: str) -> Iterator[str]:
    """Yield a text as it is, and as Python (text and bytes) and JSON quote it."""
    yield text
    yield repr(text)[1:-1]
    yield repr(text.encode(errors="surrogatepass"))[2:-1]
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
