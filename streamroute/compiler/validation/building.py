"""Build the checks of a schema and of all schemas inside it, each once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import unquote

from streamroute.compiler.validation import combining, containers, evaluated, scalars
from streamroute.compiler.validation.budget import Budget
from streamroute.compiler.validation.effort import SchemaGraph
from streamroute.compiler.validation.scalars import Check, Schema
from streamroute.config.messages.dialects import Dialect

Maker = Callable[["SchemaChecks", Schema], Check]


class SchemaChecks:
    """The checks of a document whose references are JSON pointers into itself.

    Raises RegexError for a pattern that cannot be matched; the check of the catalogue has found it before.
    """

    def __init__(self, root: Mapping[str, Any], dialect: Dialect) -> None:
        self.root, self.dialect = root, dialect
        self._built: dict[int, Check] = {}
        self._words: dict[tuple[int, str], Check] = {}
        graph = SchemaGraph(root, dialect, self.target_of)
        self.effort = graph.effort()
        """A bound on how often schemas check a value of the data, on average."""
        self._recursive = graph.recursive()
        # Inner schemas first: what a schema is made of is there when it is built. References come later.
        for schema in graph.schemas():
            self._built[id(schema)] = self._build(schema)

    def check_of(self, schema: Any) -> Check:
        """The check of a schema of the document."""
        if isinstance(schema, bool):
            return _anything if schema else _nothing
        return self._built[id(schema)]

    def fits(self, schema: Any, value: Any, budget: Budget) -> bool:
        """Whether a value is valid under a schema of the document."""
        return self.check_of(schema)(value, budget)

    def is_known(self, word: str) -> bool:
        """Whether a keyword means something in the dialect of the document."""
        return any(word in words for words, _ in self._makers())

    def check_word(self, schema: Schema, word: str) -> Check:
        """The check of one keyword of a schema of the document, with those that it goes with."""
        key = (id(schema), word)
        if key not in self._words:
            makers = [make for words, make in self._makers() if word in words]
            self._words[key] = combining.all_of([make(self, schema) for make in makers] or [_anything])
        return self._words[key]

    def target_of(self, reference: str) -> Any:
        """What a ``$ref`` leads to; of a chain of nothing but references, what is at its end."""
        target = self._pointed_at(reference)
        passed: set[str] = set()
        while isinstance(target, dict) and target.keys() == {"$ref"} and target["$ref"] not in passed:
            passed.add(target["$ref"])
            target = self._pointed_at(target["$ref"])
        return target

    def _pointed_at(self, reference: str) -> Any:
        value: Any = self.root
        for step in unquote(reference).split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            value = value[int(name)] if isinstance(value, list) else value[name]
        return value

    def _build(self, schema: Schema) -> Check:
        makers = [make for words, make in self._makers() if words & schema.keys()]
        check = combining.all_of([make(self, schema) for make in makers] or [_anything])
        return _remembered(id(schema), check) if id(schema) in self._recursive else check

    def _makers(self) -> tuple[tuple[frozenset[str], Maker], ...]:
        return _MAKERS + (_DRAFT_07 if self.dialect is Dialect.DRAFT_07 else _DRAFT_2020_12)


def _anything(_value: Any, _budget: Budget) -> bool:
    return True


def _nothing(_value: Any, _budget: Budget) -> bool:
    return False


def _remembered(schema: int, check: Check) -> Check:
    """Check a value once against a recursive schema, however often it is reached."""

    def once(value: Any, budget: Budget) -> bool:
        if not isinstance(value, (dict, list)):
            return check(value, budget)
        key = (schema, id(value))
        known = budget.known.get(key)
        if known is None:
            budget.spend(4)
            known = budget.known[key] = check(value, budget)
        return known

    return once


def _check_reference(checks: SchemaChecks, schema: Schema) -> Check:
    target = checks.target_of(schema["$ref"])
    if isinstance(target, bool):
        return checks.check_of(target)
    built: list[Check] = []

    def check(value: Any, budget: Budget) -> bool:
        if not built:
            built.append(checks.check_of(target))
        return built[0](value, budget)

    return check


def _plain(make: Callable[[Schema], Check]) -> Maker:
    return lambda _checks, schema: make(schema)


def _unique(schema: Schema) -> Check:
    return containers.check_unique(schema) if schema["uniqueItems"] else _anything


def _words(*words: str) -> frozenset[str]:
    return frozenset(words)


_MAKERS: Final[tuple[tuple[frozenset[str], Maker], ...]] = (
    (_words("$ref"), _check_reference),
    (_words("type"), _plain(scalars.check_type)),
    (_words("enum"), _plain(scalars.check_enum)),
    (_words("const"), _plain(scalars.check_const)),
    (
        _words("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
        _plain(scalars.check_number),
    ),
    (_words("multipleOf"), _plain(scalars.check_multiple)),
    (_words("minLength", "maxLength"), _plain(scalars.check_length)),
    (_words("pattern"), _plain(scalars.check_pattern)),
    (_words("minProperties", "maxProperties"), _plain(containers.check_object_size)),
    (_words("required"), _plain(containers.check_required)),
    (_words("minItems", "maxItems"), _plain(containers.check_array_size)),
    (_words("properties", "patternProperties", "additionalProperties"), containers.check_properties),
    (_words("propertyNames"), containers.check_names),
    (_words("items", "prefixItems", "additionalItems"), containers.check_items),
    (_words("contains"), containers.check_contains),
    (_words("uniqueItems"), _plain(_unique)),
    (_words("allOf"), combining.check_all),
    (_words("anyOf"), combining.check_any),
    (_words("oneOf"), combining.check_one),
    (_words("not"), combining.check_not),
    (_words("if"), combining.check_if),
)
_DRAFT_07: Final[tuple[tuple[frozenset[str], Maker], ...]] = (
    (_words("dependencies"), lambda _, own: containers.check_dependent_required(own, "dependencies")),
    (
        _words("dependencies"),
        lambda checks, schema: combining.check_dependent(checks, schema, "dependencies"),
    ),
)
_DRAFT_2020_12: Final[tuple[tuple[frozenset[str], Maker], ...]] = (
    (_words("dependentRequired"), _plain(containers.check_dependent_required)),
    (_words("dependentSchemas"), combining.check_dependent),
    (_words("unevaluatedItems"), evaluated.check_unevaluated_items),
    (_words("unevaluatedProperties"), evaluated.check_unevaluated_properties),
)
