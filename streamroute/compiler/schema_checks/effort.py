"""What a schema may cost for each value of the data, and which schemas come back to themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import inf
from typing import Any, Final

from streamroute.config.catalogue.dialects import Dialect
from streamroute.config.catalogue.keywords import OF_A_MAPPING, parts, walk

Resolve = Callable[[str], Any]

_DEFINITIONS: Final = frozenset({"$defs", "definitions"})
_ALTERNATIVES: Final = frozenset({"properties", "prefixItems"})
"""Of the schemas of these keywords, one looks at each value."""


def recursive_schemas(root: Any, dialect: Dialect, target_of: Resolve) -> set[int]:
    """The ids of schemas that a reference leads to from inside themselves."""
    return _Graph(root, dialect, target_of).recursive()


def effort_of(root: Any, dialect: Dialect, target_of: Resolve) -> float:
    """A bound on how often schemas look at a value of the data; infinite where there is none."""
    return _Graph(root, dialect, target_of).effort(root)


class _Graph:
    """Which schemas a schema hands a value, or a part of it, on to."""

    def __init__(self, root: Any, dialect: Dialect, target_of: Resolve) -> None:
        self._target_of = target_of
        self._schemas = {id(node.schema): node.schema for node in walk(root, (), "", dialect)}
        self._order = self._sorted()

    def _next(self, schema: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        if isinstance(schema.get("$ref"), str):
            yield "$ref", self._target_of(schema["$ref"])
        for steps, part in parts(schema):
            if steps[0] not in _DEFINITIONS:
                yield str(steps[0]), part

    def _inner(self, schema: dict[str, Any]) -> list[dict[str, Any]]:
        return [part for _, part in self._next(schema) if isinstance(part, dict)]

    def _sorted(self) -> list[int]:
        """Schemas by id, each behind those that it leads to, as far as they do not lead back to it."""
        order: list[int] = []
        entered: set[int] = set()
        for start in self._schemas:
            work = [(start, iter(self._inner(self._schemas[start])))] if start not in entered else []
            entered.add(start)
            while work:
                schema, following = work[-1]
                step = next((each for each in following if id(each) not in entered), None)
                if step is None:
                    order.append(schema)
                    work.pop()
                else:
                    entered.add(id(step))
                    work.append((id(step), iter(self._inner(step))))
        return order

    def recursive(self) -> set[int]:
        """Targets of references that go back: on each way around, one of them is passed."""
        place = {schema: number for number, schema in enumerate(self._order)}
        found: set[int] = set()
        for schema in self._order:
            for part in self._inner(self._schemas[schema]):
                if place[id(part)] >= place[schema]:
                    found.add(id(part))
        return found

    def effort(self, root: Any) -> float:
        """The sum along the costliest way down, over all that may look at one value."""
        efforts: dict[int, float] = {}
        for schema in self._order:
            efforts[schema] = self._of_one(self._schemas[schema], efforts)
        return efforts.get(id(root), 1.0)

    def _of_one(self, schema: dict[str, Any], efforts: dict[int, float]) -> float:
        total = 1.0 + sum(map(_choices, (schema.get("enum"), [schema.get("const")])))
        alternatives: dict[str, float] = {}
        for word, part in self._next(schema):
            effort = efforts.get(id(part), inf) if isinstance(part, dict) else 1.0
            if word in _ALTERNATIVES:
                alternatives[word] = max(alternatives.get(word, 0.0), effort)
            elif word in OF_A_MAPPING or not isinstance(part, list):
                total += effort
        return total + sum(alternatives.values())


def _choices(values: Any) -> float:
    """Containers among the values of an enum are compared part by part."""
    return float(any(isinstance(value, (dict, list)) for value in values or ()))
