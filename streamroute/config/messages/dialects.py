"""The two supported dialects of JSON Schema: draft-07 and 2020-12."""

from __future__ import annotations

from enum import StrEnum
from typing import Any


class Dialect(StrEnum):
    """A dialect; its value is the URI used in ``$schema``."""

    DRAFT_07 = "http://json-schema.org/draft-07/schema#"
    DRAFT_2020_12 = "https://json-schema.org/draft/2020-12/schema"


DEFAULT = Dialect.DRAFT_2020_12


def dialect_of(schema: Any, default: Dialect = DEFAULT) -> Dialect | None:
    """Return the schema's dialect: ``default`` without ``$schema``, None if the dialect is unsupported."""
    declared = schema.get("$schema") if isinstance(schema, dict) else None
    if not isinstance(declared, str):
        return default
    return next((known for known in Dialect if _plain(known) == _plain(declared)), None)


def _plain(address: str) -> str:
    """Strip the parts of a dialect URI whose spelling varies: the scheme and an empty fragment."""
    return address.removesuffix("#").partition("://")[2]
