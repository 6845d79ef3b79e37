"""Validation: whether the data of a message is what the schema of its type says.

jsonschema-rs, where it is installed, says yes quickly. What it refuses, and what the two libraries
might see differently, the jsonschema library judges, which has the last word and gives the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, Final

from streamroute.compiler.imports import without_users_folders
from streamroute.compiler.invalid_data import reason
from streamroute.config.catalogue.dialects import Dialect
from streamroute.config.catalogue.keywords import OF_A_LIST, OF_A_MAPPING, walk
from streamroute.config.catalogue.messages import MessageSchema
from streamroute.config.catalogue.patterns import python_pattern, shared_pattern
from streamroute.extras import import_extra

Check = Callable[[Any], str | None]
"""Says why data is invalid; None where it is valid."""

_FORBIDDEN: Final[Mapping[str, Any]] = {"not": {}}
_EXACT: Final = 2**53  # beyond it, not every library keeps an integer apart from its neighbors


def data_check(schema: MessageSchema, *, fast: bool = True) -> Check:
    """The check of a message's data, apart from its envelope; ``fast`` lets jsonschema-rs help."""
    is_valid = _quick(schema) if fast else None
    validator = _judge(schema)

    def check(data: Any) -> str | None:
        if is_valid is not None and _says_yes(is_valid, data):
            return None
        try:
            return reason(validator.iter_errors(data))
        except RecursionError:
            return "the data is nested too deep to be validated"

    return check


def _says_yes(is_valid: Callable[[Any], bool], data: Any) -> bool:
    try:
        return is_valid(data)
    except (ValueError, TypeError):
        # A codec of the user's gave what JSON cannot hold: the other library can tell.
        return False


# The judge.


def _judge(schema: MessageSchema) -> Any:
    return _validator_class(schema.dialect)(_with_patterns(schema, python_pattern))


@cache
def _validator_class(dialect: Dialect) -> Any:
    # The import takes 100 ms, which only those pay who validate.
    with without_users_folders():
        from jsonschema import Draft7Validator, Draft202012Validator, validators

    extend: Any = validators.extend
    known = Draft7Validator if dialect is Dialect.DRAFT_07 else Draft202012Validator
    return extend(known, {"multipleOf": _multiple_of})


def _multiple_of(validator: Any, factor: Any, value: Any, _schema: Any) -> Iterator[Any]:
    """Exact, as the numbers are written: 0.3 is a multiple of 0.1."""
    from fractions import Fraction

    from jsonschema import ValidationError

    if validator.is_type(value, "number") and Fraction(str(value)) % Fraction(str(factor)):
        yield ValidationError(f"{value!r} is not a multiple of {factor!r}")


def _with_patterns(schema: MessageSchema, write: Callable[[str], str]) -> Any:
    """The schema with each regular expression in it written anew."""
    schemas = {id(node.schema) for node in walk(schema.root, (), "", schema.dialect)}
    return _rewritten(schema.root, write, schemas)


def _rewritten(value: Any, write: Callable[[str], str], schemas: set[int]) -> Any:
    if isinstance(value, list):
        return [_rewritten(item, write, schemas) for item in value]
    if not isinstance(value, dict):
        return value
    made = {word: _rewritten(item, write, schemas) for word, item in value.items()}
    if id(value) not in schemas:
        return made
    if isinstance(made.get("pattern"), str):
        made["pattern"] = write(made["pattern"])
    if isinstance(made.get("patternProperties"), dict):
        made["patternProperties"] = {write(name): part for name, part in made["patternProperties"].items()}
    return {word: _with_place(word, part) for word, part in made.items()}


def _with_place(word: str, value: Any) -> Any:
    """The jsonschema library forgets to say where a part stands that is plainly ``false``."""
    if word in OF_A_LIST and isinstance(value, list):
        return [_FORBIDDEN if part is False else part for part in value]
    if word in OF_A_MAPPING and isinstance(value, dict):
        return {name: _FORBIDDEN if part is False else part for name, part in value.items()}
    return value


# The quick look.


def _quick(schema: MessageSchema) -> Callable[[Any], bool] | None:
    """jsonschema-rs for a schema of which both libraries think the same, or None."""
    try:
        library = import_extra("jsonschema_rs")
    except ImportError:
        return None
    if not _is_common(schema):
        return None
    root = _with_patterns(schema, lambda pattern: shared_pattern(pattern) or pattern)
    try:
        validator = library.validator_for(root, validate_formats=False)
    except (ValueError, TypeError):
        return None
    is_valid: Callable[[Any], bool] = validator.is_valid
    return is_valid


def _is_common(schema: MessageSchema) -> bool:
    return _has_small_numbers(schema.root) and all(
        _is_common_word(word, value, schema.dialect)
        for node in walk(schema.root, (), "", schema.dialect)
        for word, value in node.schema.items()
    )


def _is_common_word(word: str, value: Any, dialect: Dialect) -> bool:
    if word == "dependencies":
        return dialect is Dialect.DRAFT_07
    if word == "pattern":
        return shared_pattern(value) is not None
    if word == "patternProperties":
        return all(shared_pattern(name) is not None for name in value)
    return True


def _has_small_numbers(value: Any) -> bool:
    if isinstance(value, (int, float)):
        return abs(value) <= _EXACT
    if isinstance(value, dict):
        return all(map(_has_small_numbers, value.values()))
    return not isinstance(value, list) or all(map(_has_small_numbers, value))
