"""Explain invalid values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeGuard

from streamroute.config.findings.quoting import describe_value, join_words, quote_value, quote_yaml
from streamroute.config.json_schema import types_of
from streamroute.config.schema.explain.labels import label
from streamroute.config.schema.explain.normalized_guess import normalized_guess
from streamroute.config.schema.explain.report import SchemaReport
from streamroute.config.schema.explain.value_hints import NO_FILTER, hint_for_type
from streamroute.config.schema.violations import Violation
from streamroute.config.yaml.source import DataPath
from streamroute.text.kinds import YAML_TYPES
from streamroute.text.suggestions import did_you_mean


def explain_value(report: SchemaReport, violations: Mapping[str, Violation]) -> None:
    """Report the most informative of a value's violations, given by keyword."""
    keyword = next(keyword for keyword in _MESSAGES if keyword in violations)
    _MESSAGES[keyword](report, violations[keyword])


def _wrong_type(report: SchemaReport, violation: Violation) -> None:
    path, value = violation.path, violation.value
    types = [name for name in types_of(violation.schema) if name != "null"]
    expected = join_words(YAML_TYPES[name] for name in types)
    if value is None:
        advice = NO_FILTER if path[-1] == "filter" else _after_hash(report, path)
        report.add("SR104", f"{label(path)} must be {expected}, but is empty", path, advice=advice)
        return
    hint = hint_for_type(report.source, violation, types, is_replaced=path in report.replaced)
    message = f"{label(path)} must be {expected}, not {_actual(report, violation, types)}"
    report.add("SR104", message, path, advice=hint.advice, fix=hint.fix)


def _after_hash(report: SchemaReport, path: DataPath) -> str | None:
    """Return the advice for a value that YAML reads as a comment."""
    comment = report.source.comment_after(path)
    return f"YAML reads it as a comment; quote it: {quote_yaml(comment)}" if _is_word(comment) else None


def _is_word(comment: str | None) -> TypeGuard[str]:
    return comment is not None and re.fullmatch(r"#\S+", comment) is not None


def _actual(report: SchemaReport, violation: Violation, types: list[str]) -> str:
    value = violation.value
    if isinstance(value, bool) or not isinstance(value, (int, float)) or violation.path in report.replaced:
        return describe_value(value)
    raw = report.source.scalar_text(violation.path)
    return raw if {"integer", "number"} & set(types) else f"the number {raw}"


def _wrong_choice(report: SchemaReport, violation: Violation) -> None:
    choices = violation.schema["enum"]
    value, suggestion = report.display(violation), None
    if violation.path not in report.replaced:
        suggestion = did_you_mean(str(violation.value), choices)
    report.add(
        "SR105",
        f"{label(violation.path)} must be {join_words(choices)}, not {value}",
        violation.path,
        suggestion=suggestion,
    )


def _wrong_constant(report: SchemaReport, violation: Violation) -> None:
    constant = violation.schema["const"]
    report.add(
        "SR105",
        f"{label(violation.path)} must be {quote_value(constant)}, not {report.display(violation)}",
        violation.path,
    )


def _wrong_pattern(report: SchemaReport, violation: Violation) -> None:
    requirement = violation.schema.get("patternErrorMessage", "must match the required pattern")
    suggestion = None
    if violation.path not in report.replaced:
        suggestion = _similar_value(violation.value, violation.schema)
    report.add(
        "SR107",
        f"invalid value {report.display(violation)} for {label(violation.path)}: {requirement}",
        violation.path,
        suggestion=suggestion,
    )


def _similar_value(value: str, schema: Mapping[str, Any]) -> str | None:
    """Return the value in the required form, or a similar example, or None; digits are never guessed."""
    suggestion = normalized_guess(value, schema["pattern"])
    if suggestion is None and not any(char.isdigit() for char in value):
        suggestion = did_you_mean(value, schema.get("examples", ()))
    return suggestion


def _out_of_range(report: SchemaReport, violation: Violation) -> None:
    limit = violation.schema[violation.keyword]
    side = "at least" if violation.keyword == "minimum" else "at most"
    report.add(
        "SR106",
        f"{label(violation.path)} must be {side} {limit}, not {report.display(violation)}",
        violation.path,
    )


def _too_short(report: SchemaReport, violation: Violation) -> None:
    advice = NO_FILTER if violation.path[-1:] == ("filter",) else None
    report.add("SR108", f"{label(violation.path)} must not be empty", violation.path, advice=advice)


def _too_long(report: SchemaReport, violation: Violation) -> None:
    limit = violation.schema["maxLength"]
    report.add("SR108", f"{label(violation.path)} is longer than {limit} characters", violation.path)


def _repeated(report: SchemaReport, violation: Violation) -> None:
    items = violation.value
    later = next(position for position, item in enumerate(items) if item in items[:position])
    message = f"duplicate value {quote_value(items[later])} in {label(violation.path)}"
    report.add("SR108", message, (*violation.path, later))


def _wrong_name(report: SchemaReport, violation: Violation) -> None:
    report.add("SR108", f"empty name in {label(violation.path[:-1])}", violation.path, "key")


_MESSAGES: Final[dict[str, Callable[[SchemaReport, Violation], None]]] = {
    "type": _wrong_type,
    "const": _wrong_constant,
    "enum": _wrong_choice,
    "minLength": _too_short,
    "maxLength": _too_long,
    "pattern": _wrong_pattern,
    "minimum": _out_of_range,
    "maximum": _out_of_range,
    "minItems": _too_short,
    "uniqueItems": _repeated,
    "propertyNames": _wrong_name,
}
"""The keywords that a value may violate, the most informative first."""
