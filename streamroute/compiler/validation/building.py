"""Build the check of each schema in a document, once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import unquote

from streamroute.compiler.validation import combining, containers, evaluated, scalars
from streamroute.compiler.validation.budget import Budget
from streamroute.compiler.validation.effort import SchemaGraph
from streamroute.compiler.validation.scalars import Check, Schema
from streamroute.config.messages.dialects import Dialect

CheckBuilder = Callable[["SchemaChecks", Schema], Check]


class SchemaChecks:
    """The checks of a document whose references are JSON pointers into itself.

    Raises RegexError for a pattern that cannot be matched; the check of the catalogue reports it earlier.
    """

    def __init__(self, root: Mapping[str, Any], dialect: Dialect) -> None:
        self.root, self.dialect = root, dialect
        self._built: dict[int, Check] = {}
        self._keywords: dict[tuple[int, str], Check] = {}
        graph = SchemaGraph(root, dialect, self.target_of)
        self.effort = graph.effort()
        """A bound on how often schemas check a value of the data, on average."""
        self._recursive = graph.recursive()
        # Inner schemas first: a schema's parts must be built before it. References are resolved later.
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

    def is_keyword(self, keyword: str) -> bool:
        """Whether a keyword has a meaning in the document's dialect."""
        return any(keyword in keywords for keywords, _ in self._builders())

    def check_keyword(self, schema: Schema, keyword: str) -> Check:
        """The check of one keyword of a schema, together with the keywords that modify it."""
        key = (id(schema), keyword)
        if key not in self._keywords:
            builders = [make for keywords, make in self._builders() if keyword in keywords]
            self._keywords[key] = combining.all_of([make(self, schema) for make in builders] or [_anything])
        return self._keywords[key]

    def target_of(self, reference: str) -> Any:
        """The target of a ``$ref``; a chain of bare references is followed to its end."""
        target = self._referenced_schema(reference)
        passed: set[str] = set()
        while isinstance(target, dict) and target.keys() == {"$ref"} and target["$ref"] not in passed:
            passed.add(target["$ref"])
            target = self._referenced_schema(target["$ref"])
        return target

    def _referenced_schema(self, reference: str) -> Any:
        value: Any = self.root
        for step in unquote(reference).split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            value = value[int(name)] if isinstance(value, list) else value[name]
        return value

    def _build(self, schema: Schema) -> Check:
        builders = [make for keywords, make in self._builders() if keywords & schema.keys()]
        check = combining.all_of([make(self, schema) for make in builders] or [_anything])
        return _remembered(id(schema), check) if id(schema) in self._recursive else check

    def _builders(self) -> tuple[tuple[frozenset[str], CheckBuilder], ...]:
        return _BUILDERS + (_DRAFT_07 if self.dialect is Dialect.DRAFT_07 else _DRAFT_2020_12)


def _anything(_value: Any, _budget: Budget) -> bool:
    return True


def _nothing(_value: Any, _budget: Budget) -> bool:
    return False


def _remembered(schema: int, check: Check) -> Check:
    """Check each value only once against a recursive schema, however often it is reached."""

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


def _plain(make: Callable[[Schema], Check]) -> CheckBuilder:
    return lambda _checks, schema: make(schema)


def _unique(schema: Schema) -> Check:
    return containers.check_unique(schema) if schema["uniqueItems"] else _anything


def _keywords(*keywords: str) -> frozenset[str]:
    return frozenset(keywords)


_BUILDERS: Final[tuple[tuple[frozenset[str], CheckBuilder], ...]] = (
    (_keywords("$ref"), _check_reference),
    (_keywords("type"), _plain(scalars.check_type)),
    (_keywords("enum"), _plain(scalars.check_enum)),
    (_keywords("const"), _plain(scalars.check_const)),
    (
        _keywords("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
        _plain(scalars.check_number),
    ),
    (_keywords("multipleOf"), _plain(scalars.check_multiple)),
    (_keywords("minLength", "maxLength"), _plain(scalars.check_length)),
    (_keywords("pattern"), _plain(scalars.check_pattern)),
    (_keywords("minProperties", "maxProperties"), _plain(containers.check_object_size)),
    (_keywords("required"), _plain(containers.check_required)),
    (_keywords("minItems", "maxItems"), _plain(containers.check_array_size)),
    (_keywords("properties", "patternProperties", "additionalProperties"), containers.check_properties),
    (_keywords("propertyNames"), containers.check_names),
    (_keywords("items", "prefixItems", "additionalItems"), containers.check_items),
    (_keywords("contains"), containers.check_contains),
    (_keywords("uniqueItems"), _plain(_unique)),
    (_keywords("allOf"), combining.check_all),
    (_keywords("anyOf"), combining.check_any),
    (_keywords("oneOf"), combining.check_one),
    (_keywords("not"), combining.check_not),
    (_keywords("if"), combining.check_if),
)
_DRAFT_07: Final[tuple[tuple[frozenset[str], CheckBuilder], ...]] = (
    (_keywords("dependencies"), lambda _, own: containers.check_dependent_required(own, "dependencies")),
    (
        _keywords("dependencies"),
        lambda checks, schema: combining.check_dependent(checks, schema, "dependencies"),
    ),
)
_DRAFT_2020_12: Final[tuple[tuple[frozenset[str], CheckBuilder], ...]] = (
    (_keywords("dependentRequired"), _plain(containers.check_dependent_required)),
    (_keywords("dependentSchemas"), combining.check_dependent),
    (_keywords("unevaluatedItems"), evaluated.check_unevaluated_items),
    (_keywords("unevaluatedProperties"), evaluated.check_unevaluated_properties),
)
