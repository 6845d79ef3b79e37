"""Fields as Redis sends and takes them: a flat list of names and values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence


def flatten_fields(fields: Mapping[bytes, bytes]) -> list[bytes]:
    """Return fields as arguments of XADD: name, value, name, value."""
    return [part for field in fields.items() for part in field]


def fields_from_reply(parts: Sequence[bytes] | Mapping[bytes, bytes] | None) -> dict[bytes, bytes]:
    """Parse the fields in a reply: a flat list (in RESP2 and RESP3), or None."""
    if parts is None:
        return {}
    if isinstance(parts, Mapping):
        return dict(parts)
    pairs: Iterable[bytes] = iter(parts)
    return dict(zip(pairs, pairs, strict=True))
