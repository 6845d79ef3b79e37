"""Hide the values of a payload in the raw fields of its entry."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from streamroute.redaction.paths import ANY, PathMatcher, Step
from streamroute.redaction.values import Redaction

_PAYLOADS: Final = frozenset({"data", "cloudevent"})
"""Fields that hold a JSON object, or the entry cannot be decoded."""


def entry_paths(paths: Iterable[tuple[Step, ...]]) -> Iterator[tuple[Step, ...]]:
    """Yield where the paths of a payload lead in its entry, whichever codec wrote it.

    The fields are the payload's keys, or one of them holds the payload as JSON, or an event with the payload
    under ``data``.
    """
    for path in paths:
        yield path
        yield ANY, *path
        yield ANY, "data", *path
        yield ANY, "data_base64"


def redact_entry(
    fields: Mapping[bytes, bytes], place: PathMatcher, on_hidden: Callable[[Any], object] | None = None
) -> dict[bytes, bytes]:
    """Return the fields with the hidden values replaced; ``on_hidden`` is called with each of them.

    A value that cannot be read is hidden as a whole: bytes that are not UTF-8, ``data`` that is no object.
    """
    redaction = Redaction(on_hidden)
    return {name: _field(name, value, place, redaction) for name, value in fields.items()}


def _field(name: bytes, value: bytes, place: PathMatcher, redaction: Redaction) -> bytes:
    name_text = name.decode(errors="replace")
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return redaction.hidden(value).encode()
    if name_text.lower() in _PAYLOADS and not text.lstrip().startswith("{"):
        return redaction.hidden(text).encode()
    redacted = redaction.value(text, place.field(name_text))
    return value if redacted is text else redacted.encode()
