"""Keywords about a single value: type, size, equality, pattern."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from math import isfinite
from typing import Any, Final

from streamroute.compiler.validation.budget import BITS_PER_VALUE, Budget
from streamroute.compiler.validation.equality import frozen
from streamroute.config.regex.matching import pattern_for

Check = Callable[[Any, Budget], bool]
Schema = Mapping[str, Any]


def is_number(value: Any) -> bool:
    """Whether this is a number in JSON Schema; JSON has neither infinity nor NaN."""
    if isinstance(value, int):
        return not isinstance(value, bool)
    return isinstance(value, (float, Decimal)) and isfinite(value)


def is_integer(value: Any) -> bool:
    """Whether this is an integer in JSON Schema: 1.0 is one, true is not."""
    return is_number(value) and (isinstance(value, int) or value == int(value))


def is_array(value: Any) -> bool:
    """Whether this is an array in JSON Schema; a user's codec may produce tuples."""
    return isinstance(value, (list, tuple))


_TYPES: Final[Mapping[str, Check]] = {
    "array": lambda value, _: isinstance(value, (list, tuple)),
    "boolean": lambda value, _: isinstance(value, bool),
    "integer": lambda value, _: is_integer(value),
    "null": lambda value, _: value is None,
    "number": lambda value, _: is_number(value),
    "object": lambda value, _: isinstance(value, dict),
    "string": lambda value, _: isinstance(value, str),
}


def check_type(schema: Schema) -> Check:
    """``type``."""
    names = schema["type"]
    checks = [_TYPES[name] for name in ([names] if isinstance(names, str) else names)]
    return checks[0] if len(checks) == 1 else lambda value, budget: any(c(value, budget) for c in checks)


def check_enum(schema: Schema) -> Check:
    """``enum``."""
    return _one_of(schema["enum"])


def check_const(schema: Schema) -> Check:
    """``const``."""
    return _one_of([schema["const"]])


def _one_of(values: list[Any]) -> Check:
    choices = frozenset(frozen(value, Budget(values)) for value in values)
    has_containers = any(isinstance(value, (dict, list)) for value in values)

    def check(value: Any, budget: Budget) -> bool:
        if isinstance(value, (dict, list, tuple)) and not has_containers:
            return False
        return frozen(value, budget) in choices

    return check


def check_number(schema: Schema) -> Check:
    """``minimum``, ``maximum``, and their exclusive forms."""
    low, high = schema.get("minimum", float("-inf")), schema.get("maximum", float("inf"))
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")

    def check(value: Any, _: Budget) -> bool:
        if not is_number(value):
            return True
        return bool(
            not (value < low or value > high)
            and (above is None or value > above)
            and (below is None or value < below)
        )

    return check


def check_multiple(schema: Schema) -> Check:
    """``multipleOf``, exact in decimal: 0.3 is a multiple of 0.1."""
    factor = _exact(schema["multipleOf"])

    def check(value: Any, budget: Budget) -> bool:
        if not is_number(value):
            return True
        if isinstance(value, int):
            budget.spend(value.bit_length() // BITS_PER_VALUE)
        return _exact(value) % factor == 0

    return check


def _exact(number: Any) -> Fraction:
    return Fraction(number) if isinstance(number, int) else Fraction(str(number))


def check_length(schema: Schema) -> Check:
    """``minLength`` and ``maxLength``."""
    shortest, longest = schema.get("minLength", 0), schema.get("maxLength", float("inf"))
    return lambda value, _: not isinstance(value, str) or shortest <= len(value) <= longest


def check_pattern(schema: Schema) -> Check:
    """``pattern``."""
    matches = pattern_for(schema["pattern"]).matches
    return lambda value, budget: not isinstance(value, str) or matches(value, budget.spend)
