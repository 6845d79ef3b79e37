"""Explain unexpected and missing keys."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from streamroute.config.findings.quoting import join_words, quote_value, requote
from streamroute.config.json_schema import schema_at
from streamroute.config.schema.explain.common_causes import (
    anchor_key,
    cause_of_keys,
)
from streamroute.config.schema.explain.labels import home_phrase, location_phrase
from streamroute.config.schema.explain.report import SchemaReport
from streamroute.config.schema.explain.synonyms import synonym_of
from streamroute.config.schema.fast_validator import compile_schema
from streamroute.config.schema.violations import Violation
from streamroute.config.yaml.source import DataPath
from streamroute.text.suggestions import did_you_mean


def explain_keys(report: SchemaReport, path: DataPath, violation: Violation) -> None:
    """Report the unexpected and the missing keys of a mapping."""
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
        renamed = _explain_unexpected(report, path, key, free)
        if renamed is not None:
            free.remove(renamed)
            missing = [name for name in missing if name != renamed]
            _read_as(report, path, key, renamed, present[key])
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


def _explain_unexpected(report: SchemaReport, path: DataPath, key: str, free: Sequence[str]) -> str | None:
    """Report an unexpected key; return the key among the ``free`` ones that was intended, if it is clear."""
    report.invalid.append((*path, key))
    misspelt = did_you_mean(key, free)
    intended = misspelt or synonym_of(key, free)
    message = f"unexpected key {quote_value(key)} {location_phrase(path)}"
    anchors = None if intended else anchor_key(report.source, (*path, key))
    if anchors is not None:
        message += ": keys for anchors start with x-"
        report.add("SR102", message, (*path, key), "key", suggestion=anchors)
        return None
    place = None if intended else home_phrase(key, report.schema)
    advice = f'"{key}" belongs {place}' if place else _ELSEWHERE.get((*path[:1], key))
    fix = requote(report.source.text_at((*path, key), "key"), misspelt) if misspelt else None
    report.add(
        "SR102",
        message,
        (*path, key),
        "key",
        suggestion=intended,
        advice=None if intended else advice,
        fix=fix,
    )
    return intended


def _read_as(report: SchemaReport, path: DataPath, key: str, renamed: str, value: Any) -> None:
    """Read the value as that of the intended key, so that it is checked in the same run."""
    if compile_schema(schema_at((*path, renamed), report.schema))(value):
        report.renamed[(*path, key)] = renamed
    else:
        report.invalid.append((*path, renamed))


_ELSEWHERE: Final[dict[DataPath, str]] = {
    ("tests", "type"): "write the type in the message: {type: booking.confirmed}",
    ("routes", "disabled"): "to disable a route, write enabled: false",
    **dict.fromkeys((("tests",), ("test",)), "tests belong in a file of their own: routes.test.yaml"),
    **{
        ("redis", key): "put it in the url: redis://USER:PASSWORD@HOST:6379/DATABASE"
        for key in ("host", "port", "db", "database", "username", "user", "password", "ssl", "tls")
    },
}
"""Advice for settings that have no key of their own."""


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
