"""``unevaluatedProperties`` and ``unevaluatedItems``: parts that no other keyword evaluated.

Source: https://json-schema.org/draft/2020-12/json-schema-core, section 11.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from streamroute.compiler.validation.budget import Budget
from streamroute.compiler.validation.containers import Checks, fits_pattern, items_of, patterns_of
from streamroute.compiler.validation.scalars import Check, Schema, is_array


class Parts(Checks, Protocol):
    """The checks of all schemas in a document."""

    def fits(self, schema: Any, value: Any, budget: Budget) -> bool:
        """Whether a value is valid under a schema of the document."""
        ...

    def target_of(self, reference: str) -> Any:
        """The target of a ``$ref``."""
        ...


def check_unevaluated_properties(parts: Parts, schema: Schema) -> Check:
    """``unevaluatedProperties``."""
    check_value = parts.check_of(schema["unevaluatedProperties"])

    def check(value: Any, budget: Budget) -> bool:
        if not isinstance(value, dict):
            return True
        budget.spend(1 + len(value))
        remaining = unevaluated_keys(parts, schema, value, budget)
        return all(check_value(value[key], budget) for key in remaining)

    return check


def unevaluated_keys(parts: Parts, schema: Schema, value: dict[Any, Any], budget: Budget) -> list[Any]:
    """The keys that no other keyword of this schema evaluated."""
    seen = _keys(parts, schema, value, budget, is_own=True)
    return [key for key in value if key not in seen]


def _keys(
    parts: Parts, schema: Schema, value: dict[Any, Any], budget: Budget, *, is_own: bool = False
) -> set[Any]:
    budget.spend(1 + len(value))
    if "additionalProperties" in schema or ("unevaluatedProperties" in schema and not is_own):
        return set(value)
    seen = {key for key in schema.get("properties", ()) if key in value}
    for pattern, _ in patterns_of(schema):
        seen.update(key for key in value if fits_pattern(pattern, key, budget))
    for part in _valid_parts(parts, schema, value, budget):
        seen |= _keys(parts, part, value, budget)
    return seen


def check_unevaluated_items(parts: Parts, schema: Schema) -> Check:
    """``unevaluatedItems``."""
    check_value = parts.check_of(schema["unevaluatedItems"])

    def check(value: Any, budget: Budget) -> bool:
        if not is_array(value):
            return True
        return all(
            check_value(value[at], budget) for at in unevaluated_positions(parts, schema, value, budget)
        )

    return check


def unevaluated_positions(parts: Parts, schema: Schema, value: Any, budget: Budget) -> list[int]:
    """The positions that no other keyword of this schema evaluated."""
    seen = _positions(parts, schema, value, budget, is_own=True)
    return [at for at in range(len(value)) if at not in seen]


def _positions(parts: Parts, schema: Schema, value: Any, budget: Budget, *, is_own: bool = False) -> set[int]:
    budget.spend(1 + len(value))
    first, rest = items_of(schema, parts.dialect)
    if rest is not None or ("unevaluatedItems" in schema and not is_own):
        return set(range(len(value)))
    seen = set(range(min(len(first), len(value))))
    if "contains" in schema:
        seen.update(at for at, item in enumerate(value) if parts.fits(schema["contains"], item, budget))
    for part in _valid_parts(parts, schema, value, budget):
        seen |= _positions(parts, part, value, budget)
    return seen


def _valid_parts(parts: Parts, schema: Schema, value: Any, budget: Budget) -> Iterator[Schema]:
    """Subschemas that apply to the same value, and accept it."""
    for part in _in_place(parts, schema, value, budget):
        if isinstance(part, dict) and parts.fits(part, value, budget):
            yield part


def _in_place(parts: Parts, schema: Schema, value: Any, budget: Budget) -> Iterator[Any]:
    if "$ref" in schema:
        yield parts.target_of(schema["$ref"])
    for keyword in ("allOf", "anyOf", "oneOf"):
        yield from schema.get(keyword, ())
    if "if" in schema:
        yield schema["if"]
        yield schema.get("then" if parts.fits(schema["if"], value, budget) else "else", True)
    if isinstance(value, dict):
        yield from (part for name, part in schema.get("dependentSchemas", {}).items() if name in value)
