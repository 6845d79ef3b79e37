"""The keywords of JSON Schema that contain schemas.

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
"""Keywords whose subschemas apply to the same instance as the schema that contains them."""


_FOREIGN: Final = {
    Dialect.DRAFT_07: frozenset(
        {"$defs", "contentSchema", "dependentSchemas", "prefixItems", "unevaluatedItems"}
        | {"unevaluatedProperties"}
    ),
    Dialect.DRAFT_2020_12: frozenset({"additionalItems"}),
}
"""Keywords unknown to a dialect: their values are not checked as schemas unless referenced."""


@dataclass(frozen=True, slots=True)
class SchemaNode:
    """A schema inside a document: its path there, and the base URI of its references."""

    path: DataPath
    schema: dict[str, Any]
    base: str


def subschemas(schema: Mapping[str, Any]) -> Iterator[tuple[DataPath, Any]]:
    """Yield path and value at each place where ``schema`` takes a schema; the value may be invalid."""
    for keyword, value in schema.items():
        if keyword in SCHEMA_MAP and isinstance(value, dict):
            for name, part in value.items():
                yield (keyword, name), part
        elif keyword in SCHEMA_LIST and isinstance(value, list):
            for position, part in enumerate(value):
                yield (keyword, position), part
        elif keyword in SINGLE_SCHEMA:
            yield (keyword,), value


def known_subschemas(schema: Mapping[str, Any], dialect: Dialect) -> Iterator[tuple[DataPath, Any]]:
    """As ``subschemas``, but only for keywords that the dialect knows."""
    return ((steps, part) for steps, part in subschemas(schema) if steps[0] not in _FOREIGN[dialect])


def walk(root: Any, path: DataPath, base: str, dialect: Dialect) -> Iterator[SchemaNode]:
    """Yield ``root`` and every schema inside it that is a mapping, outer schemas first.

    ``base`` is the base URI of the root's references.
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
    """Return the base URI of a schema's references: ``base``, or its ``$id`` resolved against ``base``."""
    identifier = schema.get("$id") if isinstance(schema, dict) else None
    if not isinstance(identifier, str) or hides_siblings(schema, dialect):
        return base
    try:
        return resolve_uri(base, identifier.partition("#")[0])
    except ValueError:
        # Not a valid URI: references to it are reported as unresolved.
        return base


def resolve_uri(base: str, reference: str) -> str:
    """Resolve a reference against ``base``, a URI of any scheme."""
    plain = base.partition("#")[0]
    return plain + reference if reference[:1] in ("", "#") else urljoin(plain, reference)


def hides_siblings(schema: dict[str, Any], dialect: Dialect) -> bool:
    """Whether a schema's ``$ref`` makes validators ignore its other keywords, as draft-07 specifies."""
    return dialect is Dialect.DRAFT_07 and isinstance(schema.get("$ref"), str)


def anchors_of(schema: dict[str, Any], dialect: Dialect) -> Iterator[str]:
    """Yield the schema's anchors: the names that references such as ``#name`` use."""
    if dialect is Dialect.DRAFT_07:
        identifier = schema.get("$id")
        if isinstance(identifier, str) and identifier.startswith("#") and len(identifier) > 1:
            yield identifier[1:]
        return
    for keyword in ("$anchor", "$dynamicAnchor"):
        if isinstance(schema.get(keyword), str):
            yield schema[keyword]
