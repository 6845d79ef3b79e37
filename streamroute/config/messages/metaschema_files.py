"""The metaschemas, from the package jsonschema-specifications: a ``$ref`` to one needs no network."""

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
    """Return the metaschema with this URI and its dialect; None for any other URI."""
    dialect = _ADDRESSES.get(uri)
    if dialect is None:
        return None
    data = {keyword: _without_scopes(value) for keyword, value in _as_published(uri).items()}
    # The document's URI is its base URI, so relative references between metaschemas resolve.
    return JsonSource(uri, json.dumps(data), data), dialect


def is_metaschema_uri(uri: str) -> bool:
    """Whether ``uri`` is that of a metaschema."""
    return uri in _ADDRESSES


def differs_from_metaschema(uri: str, schema: Any) -> bool:
    """Whether ``schema`` differs from the published metaschema with this URI."""
    published = _as_published(uri)
    return schema not in (published, _without_scopes(published))


def _as_published(uri: str) -> Any:
    from jsonschema_specifications import REGISTRY  # imported only if a schema refers to a metaschema

    return REGISTRY.get_or_retrieve(uri).value.contents


def _without_scopes(value: Any) -> Any:
    """Replace ``$dynamicRef: #meta`` by a ``$ref`` to the metaschema, which nothing here extends."""
    if isinstance(value, list):
        return [_without_scopes(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value == {"$dynamicRef": "#meta"}:
        return {"$ref": f"{_2020_12}schema"}
    return {keyword: _without_scopes(part) for keyword, part in value.items()}
