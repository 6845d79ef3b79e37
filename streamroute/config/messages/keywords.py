"""The keywords of JSON Schema that hold schemas.

Sources: https://json-schema.org/draft/2020-12/json-schema-core, sections 10 and 11, and
https://json-schema.org/draft-07/json-schema-validation, whose keywords 2020-12 still tolerates.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urljoin

from streamroute.config.messages.dialects import Dialect
from streamroute.config.yaml.source import DataPath

SINGLE_SCHEMA: Final = frozenset(
    {"additionalItems", "additionalProperties", "contains", "contentSchema", "else", "if", "items", "not"}
    | {"propertyNames", "then", "unevaluatedItems", "unevaluatedProperties"}
)
SCHEMA_LIST: Final = frozenset({"allOf", "anyOf", "items", "oneOf", "prefixItems"})
SCHEMA_MAP: Final = frozenset(
    {"$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties"}
)
IN_PLACE: Final = frozenset(
    {"allOf", "anyOf", "dependencies", "dependentSchemas", "else", "if", "not", "oneOf", "then"}
)
"""Those whose schemas look at the very value that the schema itself looks at."""


_FOREIGN: Final = {
    Dialect.DRAFT_07: frozenset(
        {"$defs", "contentSchema", "dependentSchemas", "prefixItems", "unevaluatedItems"}
        | {"unevaluatedProperties"}
    ),
    Dialect.DRAFT_2020_12: frozenset({"additionalItems"}),
}
"""Those that a dialect does not know: what they hold may be anything, unless a reference leads there."""


@dataclass(frozen=True, slots=True)
class SchemaNode:
    """A schema inside a document: where it stands there, and the address that its references count from."""

    path: DataPath
    schema: dict[str, Any]
    base: str


def subschemas(schema: Mapping[str, Any]) -> Iterator[tuple[DataPath, Any]]:
    """What stands where ``schema`` takes schemas, by path; it need not be one."""
    for word, value in schema.items():
        if word in SCHEMA_MAP and isinstance(value, dict):
            for name, part in value.items():
                yield (word, name), part
        elif word in SCHEMA_LIST and isinstance(value, list):
            for position, part in enumerate(value):
                yield (word, position), part
        elif word in SINGLE_SCHEMA:
            yield (word,), value


def known_subschemas(schema: Mapping[str, Any], dialect: Dialect) -> Iterator[tuple[DataPath, Any]]:
    """As ``subschemas``, of the keywords alone that the dialect knows."""
    return ((steps, part) for steps, part in subschemas(schema) if steps[0] not in _FOREIGN[dialect])


def walk(root: Any, path: DataPath, base: str, dialect: Dialect) -> Iterator[SchemaNode]:
    """``root`` and every schema inside it that is a mapping, outer ones first.

    ``base`` is the address that the root's own references count from.
    """
    waiting = [(path, root, base)]
    while waiting:
        path, schema, base = waiting.pop()
        if isinstance(schema, dict):
            yield SchemaNode(path, schema, base)
            below = [
                ((*path, *steps), part, base_below(part, base, dialect)) for steps, part in subschemas(schema)
            ]
            waiting += below[::-1]


def base_below(schema: Any, base: str, dialect: Dialect) -> str:
    """The address that references inside a schema count from: its own, if it has one."""
    own = schema.get("$id") if isinstance(schema, dict) else None
    if not isinstance(own, str) or hides_siblings(schema, dialect):
        return base
    try:
        return resolve_uri(base, own.partition("#")[0])
    except ValueError:
        # It is not an address: whatever refers to it does not find it.
        return base


def resolve_uri(base: str, reference: str) -> str:
    """The address that a reference means, seen from ``base``, which may be of any scheme."""
    plain = base.partition("#")[0]
    return plain + reference if reference[:1] in ("", "#") else urljoin(plain, reference)


def hides_siblings(schema: dict[str, Any], dialect: Dialect) -> bool:
    """Whether all but the ``$ref`` of a schema is ignored, as draft-07 has it."""
    return dialect is Dialect.DRAFT_07 and isinstance(schema.get("$ref"), str)


def anchors_of(schema: dict[str, Any], dialect: Dialect) -> Iterator[str]:
    """The names that a schema gives itself, for references such as ``#name``."""
    if dialect is Dialect.DRAFT_07:
        own = schema.get("$id")
        if isinstance(own, str) and own.startswith("#") and len(own) > 1:
            yield own[1:]
        return
    for word in ("$anchor", "$dynamicAnchor"):
        if isinstance(schema.get(word), str):
            yield schema[word]
