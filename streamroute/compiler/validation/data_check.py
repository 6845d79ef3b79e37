"""Validate the data of a message against the schema of its type.

jsonschema-rs, if it is installed, accepts valid data quickly. It cannot be stopped, and it blocks the
interpreter, so it is used only for schemas whose check is linear in the data. Data that it rejects, and
schemas that it may interpret differently, are checked here: these checks count their steps, are
authoritative, and give the reason.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from streamroute.compiler.validation.budget import CHARACTERS_PER_VALUE, STEPS_PER_VALUE, Budget
from streamroute.compiler.validation.building import SchemaChecks
from streamroute.compiler.validation.message import reason
from streamroute.compiler.validation.problems import DataProblemFinder
from streamroute.config.messages.catalog import MessageSchema
from streamroute.config.messages.dialects import Dialect
from streamroute.config.messages.keywords import walk
from streamroute.config.regex.matching import pattern_for
from streamroute.errors import CostlyDataError
from streamroute.system.extras import import_extra

Check = Callable[[Any], str | None]
"""Returns why data is invalid; None if it is valid."""

_EXACT: Final = 2**53  # beyond it, not every library distinguishes adjacent integers
_MAX_LINEAR_EFFORT: Final = STEPS_PER_VALUE // 4
"""The average number of checks of a value up to which the steps always suffice."""
_LONG_INTEGER: Final = 2**63
_SMALL: Final = 20_000  # values that jsonschema-rs checks at once; a long text counts as several
_NOT_DELEGATED: Final = frozenset(
    {"additionalItems", "unevaluatedItems", "unevaluatedProperties", "uniqueItems"}
)
"""Keywords that jsonschema-rs interprets differently, or is slow for."""
_MAX_DEPTH: Final = 50  # levels of a schema that jsonschema-rs may check
_TOO_DEEP: Final = "the data is nested too deep to be validated"


class DataCheck:
    """The check of a message's data. Returns why it is invalid; None if it is valid.

    Raises CostlyDataError for data that takes too many steps. ``is_linear``: for any message, the check takes
    at most a constant multiple of the time to decode it.
    """

    def __init__(self, schema: MessageSchema, *, fast: bool) -> None:
        self._checks = SchemaChecks(schema.root, schema.dialect)
        self._fits = self._checks.check_of(schema.root)
        self.is_linear = self._checks.effort <= _MAX_LINEAR_EFFORT
        self._accepts = _fast_validator(schema) if fast and self.is_linear else None

    def __call__(self, data: Any) -> str | None:
        """Return why the data is invalid; None if it is valid."""
        if self._accepts is not None and _is_small(data) and self._accepts(data):
            return None
        try:
            return None if self._fits(data, Budget(data)) else _reason(self._checks, data)
        except RecursionError:
            return _TOO_DEEP


def data_check(schema: MessageSchema, *, fast: bool = True) -> DataCheck:
    """Build the check of a message's data, without its envelope; ``fast`` allows jsonschema-rs."""
    return DataCheck(schema, fast=fast)


def _reason(checks: SchemaChecks, data: Any) -> str:
    try:
        text = reason(DataProblemFinder(checks, data).problems())
    except CostlyDataError:
        text = None
    return text or "the data does not fit its schema"


# jsonschema-rs


def _fast_validator(schema: MessageSchema) -> Callable[[Any], bool] | None:
    """A jsonschema-rs validator if it interprets the schema as the checks here do, else None."""
    try:
        library = import_extra("jsonschema_rs")
    except ImportError:
        return None
    if not _is_delegable(schema):
        return None
    try:
        root = _for_rust(schema)
        # The regex engine without backtracking.
        validator = library.validator_for(
            root, validate_formats=False, pattern_options=library.RegexOptions()
        )
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
    return _accepts(validator.is_valid)


def _is_small(data: Any) -> bool:
    """Whether jsonschema-rs, which cannot be stopped, validates the data within milliseconds.

    Its time is quadratic in the number of an integer's digits.
    """
    remaining, unvisited = _SMALL, [data]
    while unvisited:
        value = unvisited.pop()
        kind = type(value)
        if kind is int:
            remaining -= 1
            if not -_LONG_INTEGER < value < _LONG_INTEGER:
                return False
        elif kind is str:
            remaining -= 1 + len(value) // CHARACTERS_PER_VALUE
        elif kind is dict:
            remaining -= 1 + sum(1 + len(key) // CHARACTERS_PER_VALUE for key in value if type(key) is str)
            unvisited += value.values()
        elif kind is list:
            remaining -= 1 + len(value)
            unvisited += value
        if remaining < 0:
            return False
    return True


def _accepts(is_valid: Callable[[Any], bool]) -> Callable[[Any], bool]:
    def accepts(data: Any) -> bool:
        try:
            return is_valid(data)
        except (ValueError, TypeError):
            # A user's codec produced a value that JSON does not have: the other checks handle it.
            return False

    return accepts


def _is_delegable(schema: MessageSchema) -> bool:
    nodes = list(walk(schema.root, (), "", schema.dialect))
    return (
        _has_small_numbers(schema.root)
        and all(len(node.path) <= _MAX_DEPTH for node in nodes)
        and all(
            _is_delegable_keyword(keyword, value, schema.dialect)
            for node in nodes
            for keyword, value in node.schema.items()
        )
    )


def _is_delegable_keyword(keyword: str, value: Any, dialect: Dialect) -> bool:
    if keyword == "dependencies":
        return dialect is Dialect.DRAFT_07
    if keyword == "pattern":
        return isinstance(value, str) and pattern_for(value).for_rust is not None
    if keyword == "patternProperties":
        return isinstance(value, dict) and all(pattern_for(name).for_rust is not None for name in value)
    return keyword not in _NOT_DELEGATED


def _has_small_numbers(root: Any) -> bool:
    waiting = [root]
    while waiting:
        value = waiting.pop()
        if isinstance(value, (int, float)) and abs(value) > _EXACT:
            return False
        waiting += value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return True


def _for_rust(schema: MessageSchema) -> Any:
    """The schema with its regular expressions translated for Rust."""
    schemas = {id(node.schema) for node in walk(schema.root, (), "", schema.dialect)}
    return _rewritten(schema.root, schemas)


def _rewritten(value: Any, schemas: set[int]) -> Any:
    if isinstance(value, list):
        return [_rewritten(item, schemas) for item in value]
    if not isinstance(value, dict):
        return value
    made = {keyword: _rewritten(item, schemas) for keyword, item in value.items()}
    if id(value) not in schemas:
        return made
    if "pattern" in made:
        made["pattern"] = pattern_for(made["pattern"]).for_rust
    if "patternProperties" in made:
        by_name = made["patternProperties"].items()
        made["patternProperties"] = {pattern_for(name).for_rust: part for name, part in by_name}
    return made
