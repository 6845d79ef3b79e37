"""Advice for values of the wrong type."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from streamroute.config.findings.quoting import hide_secrets, quote_yaml
from streamroute.config.schema.explain.common_causes import belongs_to_a_stream, indent_below
from streamroute.config.schema.explain.written_conditions import as_condition
from streamroute.config.schema.fast_validator import compile_schema
from streamroute.config.schema.violations import Violation
from streamroute.config.yaml.scalars import read_plain
from streamroute.config.yaml.source import DataPath, SourceFile

_BOOLEANS: Final = {"on": "true", "yes": "true", "off": "false", "no": "false"}
"""Booleans in YAML 1.1 that are strings in YAML 1.2."""

_NUMBER: Final = re.compile(r"[0-9]{1,18}(\.[0-9]{1,18})?|true|false")


@dataclass(frozen=True, slots=True)
class Hint:
    """Advice, and a replacement text that is certainly right, if there is one."""

    advice: str | None = None
    fix: str | None = None


def hint_for_type(source: SourceFile, violation: Violation, types: list[str], *, is_replaced: bool) -> Hint:
    """Return advice for a value that must be one of ``types``.

    ``is_replaced``: the value comes from a variable, and must not appear in the advice.
    """
    if path_is_expression(violation.path):
        return Hint(_to_expression(source, violation))
    form = form_of(violation.path, violation.value)
    if form is not None or isinstance(violation.value, (dict, list)) or is_replaced:
        return Hint(None if is_replaced and isinstance(violation.value, str) else form)
    if "string" in types:
        return _to_string(source, violation)
    if types == ["boolean"]:
        return _to_boolean(source, violation)
    return _to_number(source, violation) if types in (["integer"], ["number"]) else Hint()


def path_is_expression(path: DataPath) -> bool:
    """Whether the value at a path must be a JMESPath expression."""
    return path[-1:] in (("filter",), ("transform",), ("order_by",)) or path[-2:] in _EXPRESSION_KEYS


_EXPRESSION_KEYS: Final = (("dedupe", "key"), ("canary", "key"))


def _to_expression(source: SourceFile, violation: Violation) -> str:
    value = violation.value
    if violation.path[-1] == "filter" and (value is True or not value):
        return NO_FILTER if value is not False else "to disable a route, write enabled: false"
    if isinstance(value, (dict, list)):
        return _collection_hint(source, violation)
    if violation.path[-1] == "filter":
        return "write a path in the message, or a comparison such as nights >= `3`"
    return "write a path in the message, such as guest.id"


def _collection_hint(source: SourceFile, violation: Violation) -> str:
    """Return advice for a list or mapping; as a filter it would match every message."""
    value, raw = violation.value, source.scalar_text(violation.path)
    if violation.path[-1] == "filter":
        condition = as_condition(value)
        if condition is None:
            return "write one expression; join its parts with && or ||"
        is_multiple = isinstance(value, list) and len(value) > 1
        return f"write {'one' if is_multiple else 'an'} expression: {condition}"
    if raw[:1] in ("{", "[") and not ("\n" in raw and "#" in raw):
        return f"quote the whole expression: {quote_yaml(' '.join(raw.split()))}"
    if isinstance(value, dict) and all(isinstance(item, str) for item in value.values()):
        pairs = ", ".join(f"{name}: {item}" for name, item in value.items())
        if len(pairs) <= _MAX_ADVICE_LENGTH and "\n" not in pairs:
            return f"write the object in braces: {quote_yaml(f'{{{pairs}}}')}"
    return "write it as one expression, in a block under >-"


_MAX_ADVICE_LENGTH: Final = 100  # characters of advice


PLACES_OF_VARIABLES: Final = (("redis",), ("streams",))
"""The top-level keys below which variables are expanded."""

NO_CLASS: Final = "a schema is a JSON Schema, in a file or inline; a Python class is not read"
NO_FILTER: Final = "remove it: a route without a filter matches every message of its type"


def form_of(path: DataPath, value: Any) -> str | None:
    """Return how to write a value that has an entirely wrong form, or None if there is no advice."""
    if path[2:] == ("routes",) and str(value).lower() in _NONE:
        return "write [] if no route matches it"
    if isinstance(value, str) and (path[-1] in _LISTS or path[2:] == ("routes",)):
        return f"write [{value}]" if value else None
    if path[2:3] == ("type",) and isinstance(value, (dict, list)):
        return _form_of_types(value)
    entry = _form_of_entry(path, value)
    if entry is not None:
        return entry
    form = _FORMS.get(str(path[-1]))
    if form and _is_short(value):
        return form.format(value=hide_secrets(str(value)))
    return _WHOLE_VALUE_HINTS.get(str(path[-1]))


def is_class_name(reference: str) -> bool:
    """Return whether a path looks like the dotted name of a class, as handlers are named."""
    parts = reference.split(".")
    return len(parts) > 1 and parts[-1][:1].isupper() and all(part.isidentifier() for part in parts)


def _form_of_types(value: Any) -> str:
    """Return advice for a route's types written as a mapping or a nested list."""
    names = list(value)
    are_names = all(isinstance(name, str) for name in names)
    if isinstance(value, dict) and any(item is not None for item in value.values()):
        are_names = False
    return f"write [{', '.join(names)}]" if names and are_names else "write a name, or a list of names"


def _form_of_entry(path: DataPath, value: Any) -> str | None:
    """Return how to write a route, a stream, a message type, or a variable in its place."""
    if path[:1] in PLACES_OF_VARIABLES and isinstance(value, dict) and list(value.values()) == [None]:
        return f"write a variable as ${{{next(iter(value))}}}"
    if belongs_to_a_stream(path):
        return indent_below(path)
    if path[:-1] == ("messages",) and isinstance(value, str) and _is_short(value):
        return NO_CLASS if is_class_name(value) else f"write {{schema: {value}}}"
    if isinstance(value, list):
        return _form_of_list(path, value)
    if len(path) == 2 and path[0] == "routes":
        is_glued = isinstance(value, str) and re.match(r"[a-z_]+:\S", value)
        return 'missing space after ":": write name: welcome' if is_glued else _ROUTE
    return _ENTRIES.get(str(path[0])) if len(path) == 2 else None


def _form_of_list(path: DataPath, items: list[Any]) -> str | None:
    """Return advice for a list where another type is required."""
    are_mappings = bool(items) and all(isinstance(item, dict) for item in items)
    if path[-1] == "with" and are_mappings:
        return 'write one mapping: remove the "- "'
    if path[-1] == "handler":
        return "a route has one handler; write one route per handler"
    if len(path) == 2 and path[0] == "routes":
        braces = "write the mapping in braces: { } instead of [ ]"
        return braces if are_mappings else _ROUTE
    return _ENTRIES.get(str(path[0])) if len(path) == 2 else None


_ROUTE: Final = "write {name: welcome, type: booking.confirmed, handler: shop.handlers.welcome}"


def _is_short(value: Any) -> bool:
    return not isinstance(value, (dict, list, bool)) and len(str(value)) <= 60


_NONE: Final = frozenset({"", "none", "null", "nothing", "false", "~"})
_LISTS: Final = frozenset({"include", "tags", "allow"})
_FORMS: Final = {
    "trim": "write {{keep: {value}}}",
    "dedupe": "write {{key: {value}, ttl: 1d}}",
    "redis": "write {{url: {value}}}",
    "retry": "write {{max_attempts: {value}}}",
    "pause_when": "write {{failures: {value}}}",
    "schema": "write its file, such as schemas/{value}.json",
}
_WHOLE_VALUE_HINTS: Final = {
    "retry": "write {max_attempts: 1} for no retry",
    "dedupe": "write {key: order.id, ttl: 1d}: a path in the message, and how long to remember it",
    "canary": "write {percent: 5, key: guest.id}: the share, and a path in the message",
    "pause_when": "write {failures: 20, within: 1m, for: 5m}",
    "stop_at": "write {dead: 1%, retry: 5%, of: 200}",
    "streams": "write each stream as a key with its settings below: bot_events: {group: notifications}",
    "messages": "write each type as a key: booking.confirmed: {schema: schemas/booking.confirmed.json}",
    "routes": "write each route as a list item with a name: - name: welcome",
    "with": "write the handler's arguments as keys: {template: welcome}",
    "handlers": "write {allow: [shop]}",
    "handler": "write a dotted path: shop.handlers.welcome; its arguments belong under with:",
    "tests": "write each test as a list item with a name: - name: a gold guest is welcomed",
    "message": "write a mapping, {type: booking.confirmed, nights: 3}, or the path of a JSON file",
}
_ENTRIES: Final = {
    "streams": "write a mapping of settings: {group: notifications}, or {} for the defaults",
    "messages": "write {schema: FILE}, or {} for a type without a schema",
}


def _to_string(source: SourceFile, violation: Violation) -> Hint:
    raw, pattern = source.scalar_text(violation.path), violation.schema.get("pattern", "")
    if raw not in violation.schema.get("enum", [raw]):
        return Hint()  # quoting would not make it valid
    if re.search(pattern, raw):
        return Hint(f"quote it: {quote_yaml(raw)}", _in_place(source, violation, quote_yaml(raw)))
    if re.search(pattern, f"{raw}%"):
        return Hint(f"write {raw}%", _in_place(source, violation, f"{raw}%"))
    lacks_unit = re.search(pattern, f"{raw}s") and not isinstance(violation.value, bool)
    return Hint(f"write a unit: {raw}s" if lacks_unit else None)


def _to_boolean(source: SourceFile, violation: Violation) -> Hint:
    value = str(violation.value)
    if value in {"true", "false"}:
        return Hint("write it without quotes", _in_place(source, violation, value))
    boolean = _BOOLEANS.get(value.lower())
    return Hint(f"write {boolean}", _in_place(source, violation, boolean)) if boolean else Hint()


def _to_number(source: SourceFile, violation: Violation) -> Hint:
    value = violation.value
    number = value.removesuffix("%") if isinstance(value, str) and violation.path[-1] == "percent" else value
    if not isinstance(number, str) or not _NUMBER.fullmatch(number):
        return Hint()
    is_valid = compile_schema(violation.schema)(read_plain(number))
    if number != value:
        return Hint(f"write {number}", _in_place(source, violation, number) if is_valid else None)
    return Hint("write it without quotes", _in_place(source, violation, value) if is_valid else None)


def _in_place(source: SourceFile, violation: Violation, text: Any) -> str | None:
    """Return ``text`` if it can replace the source text: one line without alias, anchor or tag; else None."""
    raw_text = source.text_at(violation.path)
    is_simple = "\n" not in raw_text and raw_text[:1] not in {"*", "&", "!"}
    return text if is_simple else None
