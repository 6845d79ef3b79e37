"""Schema keywords that have no effect: validators silently ignore them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from streamroute.config.messages.dialects import Dialect
from streamroute.config.messages.keywords import hides_siblings

_OF_THE_OTHER: Final[dict[Dialect, dict[str, str | None]]] = {
    Dialect.DRAFT_2020_12: {
        "additionalItems": 'write "items", which applies to the items after those of "prefixItems"',
        "dependencies": 'write "dependentRequired" or "dependentSchemas"',
    },
    Dialect.DRAFT_07: {
        "dependentRequired": 'write "dependencies"',
        "dependentSchemas": 'write "dependencies"',
        "maxContains": None,
        "minContains": None,
        "prefixItems": 'write a list as "items"',
        "unevaluatedItems": None,
        "unevaluatedProperties": None,
    },
}
_NEEDED: Final = {"then": "if", "else": "if", "minContains": "contains", "maxContains": "contains"}
_CHECKING: Final = frozenset(
    {"additionalProperties", "allOf", "anyOf", "const", "contains", "dependencies", "enum"}
    | {"exclusiveMaximum", "exclusiveMinimum", "if", "items", "maxItems", "maxLength", "maxProperties"}
    | {"maximum", "minItems", "minLength", "minProperties", "minimum", "multipleOf", "not", "oneOf"}
    | {"pattern", "patternProperties", "properties", "propertyNames", "required", "type", "uniqueItems"}
)


def ignored_keywords(schema: dict[str, Any], dialect: Dialect) -> Iterator[tuple[str, str, str | None]]:
    """Yield each ignored keyword of a schema, the reason, and what to write instead."""
    if hides_siblings(schema, dialect):
        for keyword in schema.keys() & _CHECKING:
            yield keyword, "keywords beside a $ref", 'move the $ref into "allOf"'
        return
    for keyword in schema:
        if keyword in _OF_THE_OTHER[dialect]:
            yield keyword, "this keyword", _OF_THE_OTHER[dialect][keyword]
        elif keyword in _NEEDED and _NEEDED[keyword] not in schema:
            yield keyword, f'this keyword without "{_NEEDED[keyword]}"', None
    if (
        dialect is Dialect.DRAFT_07
        and "additionalItems" in schema
        and not isinstance(schema.get("items"), list)
    ):
        yield "additionalItems", 'this keyword without a list as "items"', None
