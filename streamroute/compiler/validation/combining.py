"""Keywords that combine the results of several schemas for the same value."""

from __future__ import annotations

from typing import Any

from streamroute.compiler.validation.budget import Budget
from streamroute.compiler.validation.containers import Checks
from streamroute.compiler.validation.scalars import Check, Schema


def all_of(checks: list[Check]) -> Check:
    """Require all of several checks."""
    if len(checks) == 1:
        return checks[0]

    def check(value: Any, budget: Budget) -> bool:
        for one in checks:  # noqa: SIM110 - a generator doubles the time, and the depth
            if not one(value, budget):
                return False
        return True

    return check


def check_all(checks: Checks, schema: Schema) -> Check:
    """``allOf``."""
    return all_of([checks.check_of(part) for part in schema["allOf"]])


def check_any(checks: Checks, schema: Schema) -> Check:
    """``anyOf``."""
    parts = [checks.check_of(part) for part in schema["anyOf"]]

    def check(value: Any, budget: Budget) -> bool:
        budget.spend(1)
        for one in parts:  # noqa: SIM110 - as above
            if one(value, budget):
                return True
        return False

    return check


def check_one(checks: Checks, schema: Schema) -> Check:
    """``oneOf``."""
    parts = [checks.check_of(part) for part in schema["oneOf"]]

    def check(value: Any, budget: Budget) -> bool:
        budget.spend(1)
        matches = 0
        for one in parts:
            matches += one(value, budget)
            if matches > 1:
                return False
        return matches == 1

    return check


def check_not(checks: Checks, schema: Schema) -> Check:
    """``not``."""
    excluded = checks.check_of(schema["not"])
    return lambda value, budget: not excluded(value, budget)


def check_if(checks: Checks, schema: Schema) -> Check:
    """``if``, ``then`` and ``else``."""
    condition = checks.check_of(schema["if"])
    then, otherwise = (checks.check_of(schema.get(keyword, True)) for keyword in ("then", "else"))
    return lambda value, budget: (then if condition(value, budget) else otherwise)(value, budget)


def check_dependent(checks: Checks, schema: Schema, keyword: str = "dependentSchemas") -> Check:
    """``dependentSchemas``, and ``dependencies`` with schemas."""
    parts = {
        name: checks.check_of(part) for name, part in schema[keyword].items() if not isinstance(part, list)
    }

    def check(value: Any, budget: Budget) -> bool:
        if not isinstance(value, dict):
            return True
        budget.spend(1 + len(parts))
        return all(one(value, budget) for name, one in parts.items() if name in value)

    return check
