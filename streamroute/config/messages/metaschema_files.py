"""JSON Schema's own schemas, as a package has them: a ``$ref`` to one needs no network."""

from __future__ import annotations

import json
from typing import Any, Final

from streamroute.config.messages.dialects import Dialect
from streamroute.config.messages.schema_files import JsonSource

_2020_12: Final = "https://json-schema.org/draft/2020-12/"
_ADDRESSES: Final = {
    "http://json-schema.org/draft-07/schema": Dialect.DRAFT_07,
    **dict.fromkeys(
        [f"{_2020_12}schema"]
        + [
            f"{_2020_12}meta/{name}"
            for name in (
                *("applicator", "content", "core", "format-annotation", "meta-data"),
                *("unevaluated", "validation"),
            )
        ],
        Dialect.DRAFT_2020_12,
    ),
}


def metaschema(uri: str) -> tuple[JsonSource, Dialect] | None:
    """A schema of JSON Schema's by its address; None for any other."""
    dialect = _ADDRESSES.get(uri)
    if dialect is None:
        return None
    data = {word: _without_scopes(value) for word, value in _as_published(uri).items()}
    # What was reached by its own address has its own address as the place that references count from.
    return JsonSource(uri, json.dumps(data), data), dialect


def is_metaschema_uri(uri: str) -> bool:
    """Whether this is the address of one of JSON Schema's own schemas."""
    return uri in _ADDRESSES


def differs_from_metaschema(uri: str, schema: Any) -> bool:
    """Whether a schema that has such an address is not the one that it is the address of."""
    published = _as_published(uri)
    return schema not in (published, _without_scopes(published))


def _as_published(uri: str) -> Any:
    from jsonschema_specifications import REGISTRY  # only those pay for it who refer to one

    return REGISTRY.get_or_retrieve(uri).value.contents


def _without_scopes(value: Any) -> Any:
    """Replace ``$dynamicRef: #meta`` by the metaschema, which nothing extends here."""
    if isinstance(value, list):
        return [_without_scopes(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value == {"$dynamicRef": "#meta"}:
        return {"$ref": f"{_2020_12}schema"}
    return {word: _without_scopes(part) for word, part in value.items()}
