"""Find schema violations with the jsonschema library."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from streamroute.config.json_schema import LISTS, ROUTES, checked_schema
from streamroute.config.schema.fast_validator import document_validator, is_integer, is_number, item_validator
from streamroute.config.yaml.source import DataPath


@dataclass(frozen=True, slots=True)
class Violation:
    """A schema keyword that a value violates; ``schema`` is the subschema that contains the keyword."""

    path: DataPath
    keyword: str
    schema: Mapping[str, Any]
    value: Any


def find_violations(data: Mapping[str, Any], schema: str = ROUTES) -> list[Violation]:
    """Return every violation in a file's data; jsonschema is imported only if there is one."""
    if document_validator(schema)(data):
        return []
    suspects, positions = _narrow(data, schema)
    errors = _validator(schema).iter_errors(suspects)
    return [_violation(error, LISTS[schema], positions) for error in errors]


def _narrow(data: Mapping[str, Any], schema: str) -> tuple[dict[str, Any], list[int]]:
    """Return the data with only its invalid routes, and their original positions.

    Without this, jsonschema would take seconds for 10,000 valid routes.
    """
    key = LISTS[schema]
    items = data.get(key)
    if not isinstance(items, list):
        return dict(data), []
    valid = item_validator(schema)
    positions = [position for position, item in enumerate(items) if not valid(item)]
    return {**data, key: [items[position] for position in positions]}, positions


def _violation(error: Any, key: str, positions: list[int]) -> Violation:
    path = tuple(error.absolute_path)
    if len(path) > 1 and path[0] == key and isinstance(path[1], int):
        path = (key, positions[path[1]], *path[2:])
    if "propertyNames" in error.absolute_schema_path:
        return Violation((*path, error.instance), "propertyNames", error.schema, error.instance)
    return Violation(path, str(error.validator), error.schema, error.instance)


@cache
def _validator(schema: str = ROUTES) -> Any:
    # Import late: it takes 100 ms, and a valid file does not need it.
    from jsonschema import Draft202012Validator, validators

    checker = Draft202012Validator.TYPE_CHECKER.redefine_many(
        {
            "integer": lambda _checker, value: is_integer(value),
            "number": lambda _checker, value: is_number(value),
        }
    )
    extend: Any = validators.extend
    return extend(Draft202012Validator, type_checker=checker)(checked_schema(schema))


def violations_by_path(violations: list[Violation]) -> Iterator[tuple[DataPath, list[Violation]]]:
    """Group the violations by path, in the order in which they were found."""
    groups: dict[DataPath, list[Violation]] = {}
    for violation in violations:
        groups.setdefault(violation.path, []).append(violation)
    yield from groups.items()
