"""How often schemas check each value of the data, and which schemas are recursive."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import inf
from typing import Any, Final

from streamroute.config.messages.dialects import Dialect
from streamroute.config.messages.keywords import SCHEMA_MAP, known_subschemas

Resolve = Callable[[str], Any]

_DEFINITIONS: Final = frozenset({"$defs", "definitions"})
_ALTERNATIVES: Final = frozenset({"properties", "prefixItems"})
"""Keywords of which only one subschema checks each value."""


class SchemaGraph:
    """The graph of schemas: which subschemas check a schema's value, or a part of it."""

    def __init__(self, root: Mapping[str, Any], dialect: Dialect, target_of: Resolve) -> None:
        self._target_of = target_of
        self._dialect = dialect
        self._root = id(root)
        self._schemas: dict[int, Mapping[str, Any]] = {id(root): root}
        self._order = self._sorted()

    def schemas(self) -> Iterator[Mapping[str, Any]]:
        """Every schema that data may be checked against, inner ones first."""
        return (self._schemas[schema] for schema in self._order)

    def _next(self, schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        if isinstance(schema.get("$ref"), str):
            yield "$ref", self._target_of(schema["$ref"])
        for steps, part in known_subschemas(schema, self._dialect):
            if steps[0] not in _DEFINITIONS:
                yield str(steps[0]), part

    def _inner(self, schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        return [part for _, part in self._next(schema) if isinstance(part, dict)]

    def _sorted(self) -> list[int]:
        """Schema ids in postorder: each follows the schemas that it leads to, except for cycles."""
        order: list[int] = []
        work = [(self._root, iter(self._inner(self._schemas[self._root])))]
        while work:
            schema, following = work[-1]
            step = next((each for each in following if id(each) not in self._schemas), None)
            if step is None:
                order.append(schema)
                work.pop()
            else:
                self._schemas[id(step)] = step
                work.append((id(step), iter(self._inner(step))))
        return order

    def recursive(self) -> set[int]:
        """The ids of recursive schemas: at least one of each cycle."""
        order = {schema: number for number, schema in enumerate(self._order)}
        found: set[int] = set()
        for schema in self._order:
            for part in self._inner(self._schemas[schema]):
                if order[id(part)] >= order[schema]:
                    found.add(id(part))
        return found

    def effort(self) -> float:
        """A bound on how often schemas check a value of the data, on average; infinite if there is none.

        It adds up all schemas that may check the same value, along the costliest path.
        """
        efforts: dict[int, float] = {}
        for schema in self._order:
            efforts[schema] = self._effort_of(self._schemas[schema], efforts)
        return efforts[self._root]

    def _effort_of(self, schema: Mapping[str, Any], efforts: dict[int, float]) -> float:
        total = 1.0 + sum(map(_choices, (schema.get("enum"), [schema.get("const")])))
        alternatives: dict[str, float] = {}
        for keyword, part in self._next(schema):
            effort = efforts.get(id(part), inf) if isinstance(part, dict) else 1.0
            if keyword in _ALTERNATIVES:
                alternatives[keyword] = max(alternatives.get(keyword, 0.0), effort)
            elif keyword in SCHEMA_MAP or not isinstance(part, list):
                total += effort
        return total + sum(alternatives.values())


def _choices(values: Any) -> float:
    """The extra effort of enum values: containers among them are compared part by part."""
    return float(any(isinstance(value, (dict, list)) for value in values or ()))
