"""Compute the type of a JSON Schema's instances; it is never too small.

Draft-07 and 2020-12 are treated alike where they agree. An unsupported keyword (``if``, ``not``, a ``$ref``
out of the document ...) excludes nothing, and makes the type uncertain if it may exclude a missing value or
null.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote

from streamroute.expressions.types.algebra.json_types import (
    BOOLEAN,
    NEVER,
    NULL,
    NUMBER,
    OBJECT,
    STRING,
    UNKNOWN,
    Deferred,
    LazyType,
    Property,
    Shape,
    Type,
    array_of,
    as_uncertain,
    nullable,
)
from streamroute.expressions.types.algebra.type_operations import intersect, of_value, union_all

_TYPES: Final = {
    "null": NULL,
    "boolean": BOOLEAN,
    "integer": NUMBER,
    "number": NUMBER,
    "string": STRING,
    "object": OBJECT,
    "array": array_of(UNKNOWN),
}
_OBJECT_WORDS: Final = frozenset({"properties", "required", "additionalProperties", "patternProperties"})
_ARRAY_WORDS: Final = frozenset({"items", "prefixItems", "minItems"})
_NOT_UNDERSTOOD: Final = frozenset(
    {"if", "not", "dependencies", "dependentRequired", "dependentSchemas", "minProperties", "contains"}
    | {"$dynamicRef", "$recursiveRef", "extends", "disallow"}
)
"""Unsupported keywords that may exclude values which the others allow."""
_ANNOTATIONS: Final = frozenset(
    {"$ref", "$comment", "$defs", "definitions", "title", "description", "examples", "default", "nullable"}
    | {"deprecated", "readOnly", "writeOnly"}
)
_WITH_SIBLINGS: Final = ("2019-09", "2020-12")
"""From these drafts on, keywords beside a ``$ref`` apply; before, they are ignored."""


def from_schema(schema: Any) -> Type:
    """Return the type of a schema's instances. Never raises; ``UNKNOWN`` for an invalid schema."""
    return _Schemas(schema).of(schema)


class _Schemas:
    """The types of one document's schemas, each computed once."""

    def __init__(self, root: Any) -> None:
        self.root = root
        dialect = root.get("$schema") if isinstance(root, dict) else None
        self.dialect = dialect if isinstance(dialect, str) else None
        self.types: dict[int, Type] = {}
        self.underway: set[int] = set()

    def of(self, schema: Any) -> Type:
        if schema is False:
            return NEVER
        if not isinstance(schema, dict) or self._is_elsewhere(schema):
            return UNKNOWN
        key = id(schema)
        if key in self.underway:  # a $ref to itself, which allows anything
            return UNKNOWN
        if key not in self.types:
            self.underway.add(key)
            try:
                self.types[key] = self._intersection(schema)
            finally:
                self.underway.discard(key)
        return self.types[key]

    def _is_elsewhere(self, schema: dict[str, Any]) -> bool:
        """Whether a schema has its own base address, which its references are relative to."""
        address = schema.get("$id", schema.get("id"))
        return schema is not self.root and isinstance(address, str)

    def _lazy(self, schema: Any) -> Deferred:
        return LazyType(lambda: self.of(schema))

    def _intersection(self, schema: dict[str, Any]) -> Type:
        result = UNKNOWN
        for part in self._parts(schema):
            result = intersect(result, part)
        if self._is_uncertain(schema):
            result = as_uncertain(result)
        return nullable(result) if schema.get("nullable") is True else result

    def _parts(self, schema: dict[str, Any]) -> Iterator[Type]:
        """The types of a schema's keywords, to be intersected."""
        if "$ref" in schema:
            yield self._reference_type(schema["$ref"])
            if not self._siblings_count():
                return
        yield from _of_values(schema)
        if not _OBJECT_WORDS.isdisjoint(schema):
            yield self._of_object(schema)
        if not _ARRAY_WORDS.isdisjoint(schema):
            yield self._of_array(schema)
        for branch in _list(schema.get("allOf")):
            yield self.of(branch)
        for keyword in ("anyOf", "oneOf"):
            if _list(schema.get(keyword)):
                yield union_all(self.of(branch) for branch in schema[keyword])

    def _siblings_count(self) -> bool:
        return self.dialect is not None and any(draft in self.dialect for draft in _WITH_SIBLINGS)

    def _is_uncertain(self, schema: dict[str, Any]) -> bool:
        if "$ref" in schema and not self._siblings_count():
            return self.dialect is None and not schema.keys() <= _ANNOTATIONS
        return not _NOT_UNDERSTOOD.isdisjoint(schema)

    def _reference_type(self, reference: Any) -> Type:
        target = self._target(reference) if isinstance(reference, str) else None
        return as_uncertain(UNKNOWN) if target is None else self.of(target)

    def _target(self, reference: str) -> Any:
        """The target of a JSON Pointer in this document, or None."""
        if reference in ("#", "#/"):
            return self.root if reference == "#" else None
        if not reference.startswith("#/"):
            return None
        at = self.root
        for step in reference[2:].split("/"):
            at = _step(at, unquote(step).replace("~1", "/").replace("~0", "~"))
            if isinstance(at, dict) and self._is_elsewhere(at):
                return None
        return at

    def _of_object(self, schema: dict[str, Any]) -> Type:
        declared = schema.get("properties")
        names = declared if isinstance(declared, dict) else {}
        required = {name for name in _list(schema.get("required")) if isinstance(name, str)}
        rest = self._rest(schema)
        properties = {name: Property(self._lazy(value), name in required) for name, value in names.items()}
        for name in required - names.keys():
            properties[name] = Property(NEVER if rest is None else rest, required=True)
        shape = Shape(properties, rest, declared=True)
        empty = UNKNOWN.empty - {"object"} if required else UNKNOWN.empty
        return UNKNOWN._replace(objects=(shape,), empty=empty)

    def _rest(self, schema: dict[str, Any]) -> Deferred | None:
        if schema.get("patternProperties"):
            return UNKNOWN
        rest = schema.get("additionalProperties", True)
        return None if rest is False else self._lazy(rest)

    def _of_array(self, schema: dict[str, Any]) -> Type:
        empty = UNKNOWN.empty - {"array"} if _at_least_one(schema.get("minItems")) else UNKNOWN.empty
        return UNKNOWN._replace(items=self._items(schema), empty=empty)

    def _items(self, schema: dict[str, Any]) -> Deferred:
        items = schema.get("items", True)
        if isinstance(items, list):
            first, others = items, schema.get("additionalItems", True)
        else:
            first, others = _list(schema.get("prefixItems")), items
        if not first:
            return self._lazy(others)
        return LazyType(lambda: union_all(self.of(item) for item in [*first, others]))


def _of_values(schema: dict[str, Any]) -> Iterator[Type]:
    yield _of_type(schema.get("type"))
    if "const" in schema:
        yield of_value(schema["const"])
    if isinstance(schema.get("enum"), list):
        yield union_all(of_value(value) for value in schema["enum"])
    if _at_least_one(schema.get("minLength")):
        yield UNKNOWN._replace(empty=UNKNOWN.empty - {"string"})


def _of_type(names_or_name: Any) -> Type:
    names = names_or_name if isinstance(names_or_name, list) else [names_or_name]
    if not names or not all(isinstance(each, str) and each in _TYPES for each in names):
        return UNKNOWN
    return union_all(_TYPES[each] for each in names)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _at_least_one(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 1


def _step(at: Any, name: str) -> Any:
    if isinstance(at, Mapping):
        return at.get(name)
    if isinstance(at, list) and name.isdecimal() and int(name) < len(at):
        return at[int(name)]
    return None
