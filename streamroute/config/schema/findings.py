"""From violations of the schema to findings: one cause, one finding, in the right place."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeGuard

from streamroute.config.findings.finding import Finding
from streamroute.config.findings.quoting import describe_value, join_words, quote_value, quote_yaml, requote
from streamroute.config.findings.suggestions import did_you_mean, synonym_of
from streamroute.config.json_schema import ROUTES, schema_at, types_of
from streamroute.config.schema.common_causes import (
    Cause,
    belongs_to_a_stream,
    cause_of_keys,
    home_of_anchors,
    split_items,
)
from streamroute.config.schema.fast_validator import compile_schema
from streamroute.config.schema.labels import TYPE_LABELS, home_phrase, label, location_phrase
from streamroute.config.schema.normalized_guess import normalized_guess
from streamroute.config.schema.value_hints import NO_FILTER, hint_for_type
from streamroute.config.schema.violations import Violation, find_violations, violations_by_path
from streamroute.config.yaml.source import DataPath, Part, SourceFile


@dataclass(slots=True)
class SchemaReport:
    """What the schema says about a file: its findings, and the paths of what can't be used."""

    source: SourceFile
    replaced: Mapping[DataPath, str] = field(default_factory=dict)
    schema: str = ROUTES
    findings: list[Finding] = field(default_factory=list)
    invalid: list[DataPath] = field(default_factory=list)
    renamed: dict[DataPath, str] = field(default_factory=dict)
    """Misspelt keys whose values are as those of the keys that were meant."""

    def add(
        self,
        code: str,
        message: str,
        path: DataPath,
        on: Part = "value",
        *,
        advice: str | None = None,
        suggestion: str | None = None,
        fix: str | None = None,
    ) -> None:
        """Add a finding about the value, or the key, at ``path``."""
        span = self.source.span(path, on)
        self.findings.append(
            self.source.finding(code, message, span, help=advice, suggestion=suggestion, fix=fix)
        )

    def add_cause(self, cause: Cause | None) -> None:
        """Add the finding of a cause, unless it was told."""
        if cause is not None:
            self.add(
                cause.code,
                cause.message,
                cause.path,
                "key",
                advice=cause.advice,
                suggestion=cause.suggestion,
            )

    def display(self, violation: Violation) -> str:
        """The value as it may be shown: what a variable gave stays secret."""
        return quote_value(self.replaced.get(violation.path, violation.value))


def check_against_schema(
    source: SourceFile, data: Mapping[str, Any], replaced: Mapping[DataPath, str], schema: str = ROUTES
) -> SchemaReport:
    """Check ``data``, what is left of the source's data once variables are replaced (``replaced``)."""
    report = SchemaReport(source, replaced, schema)
    split = split_items(data.get("routes"), "routes") if schema == ROUTES else {}
    for path, group in violations_by_path(find_violations(data, schema)):
        keywords = {violation.keyword: violation for violation in group}
        if len(path) == 2 and path[1] in split:
            report.invalid.append(path)
            report.add_cause(split[int(path[1])])
            continue
        if keywords.keys() == {"pattern"} and _is_read_later(path, group[0].value):
            continue
        if "additionalProperties" in keywords or "required" in keywords:
            _explain_keys(report, path, group[0])
        else:
            report.invalid.append(("streams",) if belongs_to_a_stream(path) else path)
            _explain_value(report, next(keywords[word] for word in _WORDING if word in keywords))
    return report


def _is_read_later(path: DataPath, value: Any) -> bool:
    """Strings of which the compiler says more than that their form is wrong.

    It reads the address of Redis as `serve` does, and looks in the project for a function of this name.
    """
    names_function = path[-1:] == ("handler",) or path == ("container",)
    return path == ("redis", "url") or (names_function and str(value).isidentifier())


def _explain_keys(report: SchemaReport, path: DataPath, violation: Violation) -> None:
    present, properties = violation.value, violation.schema.get("properties", {})
    missing = [key for key in violation.schema.get("required", ()) if key not in present]
    free = [name for name in properties if name not in present]
    unexpected = _unexpected(violation)
    cause = cause_of_keys(path, present, unexpected, free, report.schema) if unexpected else None
    if cause is not None:
        report.invalid += [(*path, key) for key in (*unexpected, *missing)]
        report.add_cause(cause)
        return
    for key in unexpected:
        misspelt = did_you_mean(key, free)
        meant = misspelt or synonym_of(key, free)
        report.invalid.append((*path, key))
        anchors = None if meant else home_of_anchors(report.source, (*path, key))
        if anchors is not None:
            message = (
                f"unexpected key {quote_value(key)} {location_phrase(path)}: a key for anchors starts with x-"
            )
            report.add("SR102", message, (*path, key), "key", suggestion=anchors)
            continue
        if meant is not None:
            free.remove(meant)
            missing = [name for name in missing if name != meant]
            _read_as_meant(report, path, key, meant, present[key])
        _explain_unexpected(report, path, key, meant, is_safe=misspelt is not None)
    if missing:
        report.invalid += [(*path, key) for key in missing]
        _explain_missing(report, path, {key: properties[key] for key in missing})


def _unexpected(violation: Violation) -> list[str]:
    schema = violation.schema
    if schema.get("additionalProperties") is not False:
        return []
    patterns = list(schema.get("patternProperties", ()))
    return [
        key
        for key in violation.value
        if key not in schema.get("properties", {})
        and not any(re.search(pattern, key) for pattern in patterns)
    ]


def _read_as_meant(report: SchemaReport, path: DataPath, key: str, meant: str, value: Any) -> None:
    """Take the value for that of the key that was meant, so that it is checked in the same run."""
    if compile_schema(schema_at((*path, meant), report.schema))(value):
        report.renamed[(*path, key)] = meant
    else:
        report.invalid.append((*path, meant))


def _explain_unexpected(
    report: SchemaReport, path: DataPath, key: str, meant: str | None, *, is_safe: bool
) -> None:
    home = None if meant else home_phrase(key, report.schema)
    report.add(
        "SR102",
        f"unexpected key {quote_value(key)} {location_phrase(path)}",
        (*path, key),
        "key",
        suggestion=meant,
        advice=f'"{key}" belongs {home}' if home else None if meant else _ELSEWHERE.get((*path[:1], key)),
        fix=requote(report.source.text_at((*path, key), "key"), meant) if meant and is_safe else None,
    )


_ELSEWHERE: Final[dict[DataPath, str]] = {
    ("tests", "type"): "the type belongs in the message: {type: booking.confirmed}",
    ("routes", "disabled"): "to disable a route, write enabled: false",
    **dict.fromkeys((("tests",), ("test",)), "tests belong in a file of their own: routes.test.yaml"),
    **{
        ("redis", key): "put it in the url: redis://USER:PASSWORD@HOST:6379/DATABASE"
        for key in ("host", "port", "db", "database", "username", "user", "password", "ssl", "tls")
    },
}
"""Where settings are that have no key of their own."""


def _explain_missing(report: SchemaReport, path: DataPath, missing: Mapping[str, Mapping[str, Any]]) -> None:
    examples = {key: schema.get("examples", [None])[0] for key, schema in missing.items()}
    pairs = ", ".join(f"{key}: {example}" for key, example in examples.items() if example is not None)
    keys = join_words((f'"{key}"' for key in missing), "and")
    report.add(
        "SR103",
        f"missing key{'s' if len(missing) > 1 else ''} {keys} {location_phrase(path)}",
        path,
        "first-key",
        advice=f"for example: {pairs}" if pairs else None,
    )


def _explain_value(report: SchemaReport, violation: Violation) -> None:
    _WORDING[violation.keyword](report, violation)


def _wrong_type(report: SchemaReport, violation: Violation) -> None:
    path, value = violation.path, violation.value
    types = [name for name in types_of(violation.schema) if name != "null"]
    expected = join_words(TYPE_LABELS[name] for name in types)
    if value is None:
        advice = NO_FILTER if path[-1] == "filter" else _after_hash(report, path)
        report.add("SR104", f"{label(path)} must be {expected}, but is empty", path, advice=advice)
        return
    hint = hint_for_type(report.source, violation, types, is_replaced=path in report.replaced)
    message = f"{label(path)} must be {expected}, not {_actual(report, violation, types)}"
    report.add("SR104", message, path, advice=hint.advice, fix=hint.fix)


def _after_hash(report: SchemaReport, path: DataPath) -> str | None:
    """What to do about a value that YAML takes for a comment."""
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
    shown, meant = report.display(violation), None
    if violation.path not in report.replaced:
        meant = did_you_mean(str(violation.value), choices)
    report.add(
        "SR105",
        f"{label(violation.path)} must be {join_words(choices)}, not {shown}",
        violation.path,
        suggestion=meant,
    )


def _wrong_constant(report: SchemaReport, violation: Violation) -> None:
    constant = violation.schema["const"]
    report.add(
        "SR105",
        f"{label(violation.path)} must be {quote_value(constant)}, not {report.display(violation)}",
        violation.path,
    )


def _wrong_pattern(report: SchemaReport, violation: Violation) -> None:
    words = violation.schema.get("patternErrorMessage", "it has the wrong format")
    meant = None
    if violation.path not in report.replaced:
        meant = _nearest_form(violation.value, violation.schema)
    report.add(
        "SR107",
        f"invalid value {report.display(violation)} for {label(violation.path)}: {words}",
        violation.path,
        suggestion=meant,
    )


def _nearest_form(value: str, schema: Mapping[str, Any]) -> str | None:
    """The value in the form that is wanted, or an example that it looks like: no digit may be guessed."""
    meant = normalized_guess(value, schema["pattern"])
    if meant is None and not any(char.isdigit() for char in value):
        meant = did_you_mean(value, schema.get("examples", ()))
    return meant


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


_WORDING: Final[dict[str, Callable[[SchemaReport, Violation], None]]] = {
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
"""The keywords that a value may break, the one that names the cause best first."""
