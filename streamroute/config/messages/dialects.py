"""The two dialects of JSON Schema that are read: draft-07 and 2020-12."""

from __future__ import annotations

from enum import StrEnum
from typing import Any


class Dialect(StrEnum):
    """A dialect, by the address that ``$schema`` gives it."""

    DRAFT_07 = "http://json-schema.org/draft-07/schema#"
    DRAFT_2020_12 = "https://json-schema.org/draft/2020-12/schema"


DEFAULT = Dialect.DRAFT_2020_12


def dialect_of(schema: Any, default: Dialect = DEFAULT) -> Dialect | None:
    """The dialect that a schema states, ``default`` where it states none; None for one that is not read."""
    stated = schema.get("$schema") if isinstance(schema, dict) else None
    if not isinstance(stated, str):
        return default
    return next((known for known in Dialect if _plain(known) == _plain(stated)), None)


def _plain(address: str) -> str:
    """Without what people write in several ways: the scheme, and an empty fragment."""
    return address.removesuffix("#").partition("://")[2]
