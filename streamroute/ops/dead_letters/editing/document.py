"""A payload as a text that people edit: JSON, and read as JSON or YAML."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from streamroute.adapters.codecs.strict_json import read_json
from streamroute.config.files.loader import load_bytes
from streamroute.errors import StreamrouteError
from streamroute.text.kinds import describe_kind

_HALF_PAIR: Final = re.compile("[\ud800-\udfff]")
_JSON_STARTS: Final = (b"{", b"[", b'"')


class InvalidEditError(StreamrouteError):
    """Raised for an edited payload that cannot be stored; the text says why, and where."""


def payload_text(payload: Mapping[str, Any]) -> str:
    """Return a payload as indented JSON.

    Raises InvalidEditError for a value that JSON does not have, which a codec of the project may return.
    """
    try:
        text = json.dumps(payload, indent=2, ensure_ascii=False, allow_nan=False)
        is_encodable = text.isascii() or not _HALF_PAIR.search(text)
        return (text if is_encodable else json.dumps(payload, indent=2)) + "\n"
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidEditError(f"the payload cannot be written as JSON: {error}") from None


def read_payload(content: bytes, name: str) -> dict[str, Any]:
    """Return the payload in a file of JSON or YAML; raises InvalidEditError."""
    try:
        value = read_json(content)
    except ValueError as error:
        if content.lstrip().startswith(_JSON_STARTS):
            raise InvalidEditError(f"{name}: {error}") from None
        return _read_yaml(content, name)
    if not isinstance(value, dict):
        raise InvalidEditError(f"{name}: a payload is an object, not {describe_kind(value)}")
    return value


def _read_yaml(content: bytes, name: str) -> dict[str, Any]:
    loaded = load_bytes(content, name)
    if loaded.source is None:
        raise InvalidEditError("\n".join(map(str, loaded.findings)) or f"{name}: it is not JSON or YAML")
    return dict(loaded.source.data)
