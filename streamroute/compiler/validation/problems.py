"""Find the keywords that invalid data violates.

Valid parts are skipped, and problems are found lazily: the first few cost only their own steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from streamroute.compiler.validation.budget import Budget
from streamroute.compiler.validation.building import SchemaChecks
from streamroute.compiler.validation.containers import (
    check_dependent_required,
    fits_pattern,
    items_of,
    patterns_of,
)
from streamroute.compiler.validation.evaluated import unevaluated_keys, unevaluated_positions
from streamroute.compiler.validation.scalars import Schema, is_array
from streamroute.config.yaml.source import DataPath

_A_SCHEMA: Final = 8  # steps for each keyword
_MAX_COMPARED: Final = 10  # problems of each form, to find the nearest form
_DEEPEST_COMPARED: Final = 4  # nested choices: each level multiplies the forms to compare


@dataclass(frozen=True, slots=True)
class DataProblem:
    """A value that violates a keyword of ``schema``; for the schema ``false``, that keyword is ``not``."""

    path: DataPath
    keyword: str
    schema: Schema
    value: Any

    @property
    def expected(self) -> Any:
        """The keyword's value in the schema."""
        return self.schema[self.keyword]


_Problems = Iterator[DataProblem]
_FORBIDDEN: Final[Schema] = {"not": {}}


class DataProblemFinder:
    """Finds the problems of one value, with its own budget."""

    def __init__(self, checks: SchemaChecks, data: Any) -> None:
        self._checks = checks
        self._data = data
        self._budget = Budget(data)
        self._compared = 0  # nesting depth of the choices whose forms are being compared

    def problems(self) -> _Problems:
        """Find all problems lazily. Raises CostlyDataError if the next one takes too many steps."""
        return self._in(self._checks.root, self._data, ())

    def _in(self, schema: Any, value: Any, path: DataPath) -> _Problems:
        if schema is False:
            yield DataProblem(path, "not", _FORBIDDEN, value)
        if isinstance(schema, dict):
            self._budget.spend(_A_SCHEMA * len(schema))
            for keyword in filter(self._checks.is_keyword, schema):
                yield from _FINDERS.get(keyword, DataProblemFinder._leaf)(self, keyword, schema, value, path)

    def _if_invalid(self, schema: Any, value: Any, path: DataPath) -> _Problems:
        if not self._checks.fits(schema, value, self._budget):
            yield from self._in(schema, value, path)

    def _leaf(self, keyword: str, schema: Schema, value: Any, path: DataPath) -> _Problems:
        if not self._checks.check_keyword(schema, keyword)(value, self._budget):
            yield DataProblem(path, keyword, schema, value)

    # Subschemas for the same value.

    def _reference(self, _word: str, schema: Schema, value: Any, path: DataPath) -> _Problems:
        yield from self._if_invalid(self._checks.target_of(schema["$ref"]), value, path)

    def _all(self, keyword: str, schema: Schema, value: Any, path: DataPath) -> _Problems:
        for part in schema[keyword]:
            yield from self._if_invalid(part, value, path)

    def _choice(self, keyword: str, schema: Schema, value: Any, path: DataPath) -> _Problems:
        """If no form fits, yield the first problem of the nearest one."""
        if self._checks.check_keyword(schema, keyword)(value, self._budget):
            return
        if self._compared == _DEEPEST_COMPARED:
            yield DataProblem(path, "anyOf", {"anyOf": schema[keyword]}, value)
            return
        self._compared += 1
        forms = [list(islice(self._in(part, value, path), _MAX_COMPARED)) for part in schema[keyword]]
        self._compared -= 1
        if not all(forms):
            yield DataProblem(path, keyword, schema, value)
        else:
            yield min(forms, key=lambda form: _distance(form, path))[0]

    def _if(self, _word: str, schema: Schema, value: Any, path: DataPath) -> _Problems:
        branch = "then" if self._checks.fits(schema["if"], value, self._budget) else "else"
        yield from self._if_invalid(schema.get(branch, True), value, path)

    def _dependent(self, keyword: str, schema: Schema, value: Any, path: DataPath) -> _Problems:
        if not check_dependent_required(schema, keyword)(value, self._budget):
            yield DataProblem(path, keyword, schema, value)
        for name, part in schema[keyword].items() if isinstance(value, dict) else ():
            if name in value and not isinstance(part, list):
                yield from self._if_invalid(part, value, path)

    # Subschemas for parts of the value.

    def _properties(self, _word: str, schema: Schema, value: Any, path: DataPath) -> _Problems:
        for name, part in schema["properties"].items() if isinstance(value, dict) else ():
            if name in value:
                yield from self._if_invalid(part, value[name], (*path, name))

    def _matching(self, _word: str, schema: Schema, value: Any, path: DataPath) -> _Problems:
        for pattern, part in patterns_of(schema) if isinstance(value, dict) else ():
            for name in value:
                if fits_pattern(pattern, name, self._budget):
                    yield from self._if_invalid(part, value[name], (*path, name))

    def _additional(self, keyword: str, schema: Schema, value: Any, path: DataPath) -> _Problems:
        if not isinstance(value, dict):
            return
        names = other_keys(schema, value, self._budget)
        yield from self._rest(keyword, schema, value, path, names)

    def _unevaluated(self, keyword: str, schema: Schema, value: Any, path: DataPath) -> _Problems:
        if keyword == "unevaluatedProperties" and isinstance(value, dict):
            names = unevaluated_keys(self._checks, schema, value, self._budget)
            yield from self._rest(keyword, schema, value, path, names)
        elif keyword == "unevaluatedItems" and is_array(value):
            at = unevaluated_positions(self._checks, schema, value, self._budget)
            yield from self._rest(keyword, schema, value, path, at)

    def _rest(self, keyword: str, schema: Schema, value: Any, path: DataPath, steps: list[Any]) -> _Problems:
        if schema[keyword] is False and steps:
            yield DataProblem(path, keyword, schema, value)
        elif isinstance(schema[keyword], dict):
            for step in steps:
                yield from self._if_invalid(schema[keyword], value[step], (*path, step))

    def _names(self, _word: str, schema: Schema, value: Any, path: DataPath) -> _Problems:
        for name in value if isinstance(value, dict) else ():
            yield from self._if_invalid(schema["propertyNames"], name, path)

    def _items(self, keyword: str, schema: Schema, value: Any, path: DataPath) -> _Problems:
        if not is_array(value):
            return
        first, rest = items_of(schema, self._checks.dialect)
        is_first = schema[keyword] is first
        for position, item in enumerate(value):
            part = first[position] if position < len(first) else rest
            if part is not None and (position < len(first)) is is_first:
                yield from self._if_invalid(part, item, (*path, position))


def other_keys(schema: Schema, value: dict[Any, Any], budget: Budget) -> list[Any]:
    """The keys that ``additionalProperties`` applies to."""
    known, patterns = schema.get("properties", {}), patterns_of(schema)
    return [
        name
        for name in value
        if name not in known and not any(fits_pattern(pattern, name, budget) for pattern, _ in patterns)
    ]


def _distance(problems: list[DataProblem], path: DataPath) -> tuple[bool, int]:
    """Sort key: a form of another type is farthest; otherwise, fewer problems are nearer."""
    return any(each.keyword == "type" and each.path == path for each in problems), len(problems)


def _nothing(
    _finder: DataProblemFinder, _word: str, _schema: Schema, _value: Any, _path: DataPath
) -> _Problems:
    """A keyword that is checked together with another one, or is an annotation."""
    yield from ()


_Finder = Callable[[DataProblemFinder, str, Schema, Any, DataPath], _Problems]
# ruff: noqa: SLF001 - the table belongs to the class above
_FINDERS: Final[Mapping[str, _Finder]] = {
    **dict.fromkeys(("$defs", "definitions", "then", "else", "minContains", "maxContains"), _nothing),
    **dict.fromkeys(("anyOf", "oneOf"), DataProblemFinder._choice),
    **dict.fromkeys(("dependencies", "dependentSchemas"), DataProblemFinder._dependent),
    **dict.fromkeys(("items", "prefixItems", "additionalItems"), DataProblemFinder._items),
    **dict.fromkeys(("unevaluatedItems", "unevaluatedProperties"), DataProblemFinder._unevaluated),
    "$ref": DataProblemFinder._reference,
    "additionalProperties": DataProblemFinder._additional,
    "allOf": DataProblemFinder._all,
    "if": DataProblemFinder._if,
    "patternProperties": DataProblemFinder._matching,
    "properties": DataProblemFinder._properties,
    "propertyNames": DataProblemFinder._names,
}
