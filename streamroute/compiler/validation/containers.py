"""Keywords about the contents of an object or an array."""

from __future__ import annotations

from operator import length_hint
from typing import Any, Protocol

from streamroute.compiler.validation.budget import Budget
from streamroute.compiler.validation.equality import frozen
from streamroute.compiler.validation.scalars import Check, Schema, is_array
from streamroute.config.messages.dialects import Dialect
from streamroute.config.regex.matching import Pattern, pattern_for


class Checks(Protocol):
    """The checks of a schema's subschemas."""

    dialect: Dialect

    def check_of(self, schema: Any) -> Check:
        """The check of a subschema, which was built before the schema around it."""
        ...


def patterns_of(schema: Schema) -> list[tuple[Pattern, Any]]:
    """The patterns of ``patternProperties``, with their schemas."""
    return [(pattern_for(name), part) for name, part in schema.get("patternProperties", {}).items()]


def fits_pattern(pattern: Pattern, key: Any, budget: Budget) -> bool:
    """Whether a pattern matches a key; a user's codec may produce keys that are not strings."""
    return isinstance(key, str) and pattern.matches(key, budget.spend)


def check_properties(checks: Checks, schema: Schema) -> Check:
    """``properties``, ``patternProperties`` and ``additionalProperties``."""
    known = {name: checks.check_of(part) for name, part in schema.get("properties", {}).items()}
    rest = checks.check_of(schema.get("additionalProperties", True))
    if "patternProperties" in schema:
        patterns = [(pattern, checks.check_of(part)) for pattern, part in patterns_of(schema)]
        return _by_pattern(known, patterns, rest)

    def check(value: Any, budget: Budget) -> bool:
        if not isinstance(value, dict):
            return True
        remaining = iter(value.items())
        for key, item in remaining:
            if not known.get(key, rest)(item, budget):
                budget.spend(len(value) - length_hint(remaining))
                return False
        budget.spend(1 + len(value))
        return True

    return check


def _by_pattern(known: dict[str, Check], patterns: list[tuple[Pattern, Check]], rest: Check) -> Check:
    def applying(key: str, budget: Budget) -> list[Check]:
        declared = [known[key]] if key in known else []
        matching = [check for pattern, check in patterns if fits_pattern(pattern, key, budget)]
        return declared + matching or [rest]

    def check(value: Any, budget: Budget) -> bool:
        if not isinstance(value, dict):
            return True
        budget.spend(1 + len(value))
        return all(one(item, budget) for key, item in value.items() for one in applying(key, budget))

    return check


def check_names(checks: Checks, schema: Schema) -> Check:
    """``propertyNames``."""
    check_name = checks.check_of(schema["propertyNames"])

    def check(value: Any, budget: Budget) -> bool:
        if not isinstance(value, dict):
            return True
        budget.spend(1 + len(value))
        return all(check_name(key, budget) for key in value)

    return check


def check_required(schema: Schema) -> Check:
    """``required``."""
    required = frozenset(schema["required"])
    return lambda value, _: (
        not isinstance(value, dict) or (len(required) <= len(value) and required <= value.keys())
    )


def check_dependent_required(schema: Schema, keyword: str = "dependentRequired") -> Check:
    """``dependentRequired``, and ``dependencies`` with lists of names."""
    lists = {name: frozenset(names) for name, names in schema[keyword].items() if isinstance(names, list)}

    def check(value: Any, budget: Budget) -> bool:
        if not isinstance(value, dict):
            return True
        budget.spend(1 + len(lists))
        return all(
            len(names) <= len(value) and names <= value.keys()
            for name, names in lists.items()
            if name in value
        )

    return check


def check_object_size(schema: Schema) -> Check:
    """``minProperties`` and ``maxProperties``."""
    minimum, maximum = schema.get("minProperties", 0), schema.get("maxProperties", float("inf"))
    return lambda value, _: not isinstance(value, dict) or minimum <= len(value) <= maximum


def check_array_size(schema: Schema) -> Check:
    """``minItems`` and ``maxItems``."""
    minimum, maximum = schema.get("minItems", 0), schema.get("maxItems", float("inf"))
    return lambda value, _: not is_array(value) or minimum <= len(value) <= maximum


def items_of(schema: Schema, dialect: Dialect) -> tuple[list[Any], Any]:
    """The schemas of an array's first items, and that of all others; None if there is none."""
    if dialect is Dialect.DRAFT_2020_12:
        return schema.get("prefixItems", []), schema.get("items")
    items = schema.get("items")
    # Source: draft-07 validation, 6.4.2: without a list of schemas, "additionalItems" has no effect.
    return (items, schema.get("additionalItems")) if isinstance(items, list) else ([], items)


def check_items(checks: Checks, schema: Schema) -> Check:
    """``items``, ``prefixItems`` and ``additionalItems``."""
    first, other = items_of(schema, checks.dialect)
    begin = [checks.check_of(part) for part in first]
    rest = None if other is None else checks.check_of(other)

    def check(value: Any, budget: Budget) -> bool:
        if not isinstance(value, (list, tuple)):
            return True
        budget.spend(1 + len(begin))
        for item_check, item in zip(begin, value, strict=False):
            if not item_check(item, budget):
                return False
        if rest is not None:
            remaining = iter(value[len(begin) :] if begin else value)
            for item in remaining:
                if not rest(item, budget):
                    budget.spend(len(value) - length_hint(remaining))
                    return False
            budget.spend(len(value))
        return True

    return check


def check_contains(checks: Checks, schema: Schema) -> Check:
    """``contains``, with ``minContains`` and ``maxContains`` (2020-12)."""
    check_item = checks.check_of(schema["contains"])
    bounds = schema if checks.dialect is Dialect.DRAFT_2020_12 else {}
    minimum, maximum = bounds.get("minContains", 1), bounds.get("maxContains", float("inf"))

    def check(value: Any, budget: Budget) -> bool:
        if not is_array(value):
            return True
        budget.spend(1 + len(value))
        return bool(minimum <= sum(check_item(item, budget) for item in value) <= maximum)

    return check


def check_unique(_schema: Schema) -> Check:
    """``uniqueItems: true``, in time linear in the array and its contents."""

    def check(value: Any, budget: Budget) -> bool:
        if not is_array(value):
            return True
        seen = set()
        for item in value:
            one = frozen(item, budget)
            if one in seen:
                return False
            seen.add(one)
        return True

    return check
