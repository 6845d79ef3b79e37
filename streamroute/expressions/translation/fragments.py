"""Fragments of conditions in other languages, translated to JMESPath."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Final, NamedTuple, NoReturn

from streamroute.text.bounded_json import loads_bounded

IDENTIFIER: Final = r"[A-Za-z_][A-Za-z0-9_]*"
_LITERAL_WORDS: Final = {
    "true": "`true`", "false": "`false`",
    "null": "`null`", "none": "`null`", "nil": "`null`", "undefined": "`null`",
}  # fmt: skip
TEXT_TESTS: Final = {
    "startswith": "starts_with", "starts_with": "starts_with", "hasprefix": "starts_with",
    "endswith": "ends_with", "ends_with": "ends_with", "hassuffix": "ends_with",
    "contains": "contains", "includes": "contains", "has": "contains",
}  # fmt: skip


class Fragment(NamedTuple):
    """A part of a condition in JMESPath; ``kind`` determines where it may be used."""

    text: str
    kind: str  # name, path, call, group, string, value, list, condition
    items: tuple[str, ...] = ()


class UntranslatableError(Exception):
    """Raised if the meaning of a condition is not certain."""


def _number(text: str) -> Fragment:
    return Fragment(f"`{text.replace('_', '')}`", "value")


def _json(text: str) -> Fragment:
    try:
        loads_bounded(text[1:-1].replace("\\`", "`"))
    except (ValueError, RecursionError):
        give_up()
    return Fragment(text, "value")


LITERALS: Final[dict[str, Callable[[str], Fragment]]] = {
    "string": lambda text: Fragment(text, "string"),
    "date": lambda text: Fragment(quoted(text), "value"),
    "number": _number,
    "literal": _json,
}


def give_up() -> NoReturn:
    """Raise UntranslatableError."""
    raise UntranslatableError


def field(fragment: Fragment, name: str) -> Fragment:
    """Access a field of a fragment's value."""
    plain = name if re.fullmatch(IDENTIFIER, name) else json.dumps(name)
    return Fragment(f"{fragment.text}.{plain}" if fragment.text else plain, "path")


def function(name: str, arguments: list[Fragment]) -> Fragment:
    """Translate a call of a function or a method of another language."""
    lower, count = name.lower(), len(arguments)
    if count == 1 and lower in _UNARY_FUNCTIONS:
        return _UNARY_FUNCTIONS[lower](arguments[0])
    if count == 2 and lower in TEXT_TESTS:
        return call(TEXT_TESTS[lower], arguments[0], value_of(arguments[1]))
    if count == 2 and lower == "get":
        return field(arguments[0], text_of(arguments[1]))
    if count == 2 and lower in _INDEX_FUNCTIONS:
        return Fragment(call("contains", arguments[0], value_of(arguments[1])).text, "index")
    if count > 1 and lower in ("isin", "is_in", "anyof", "oneof"):
        items = ", ".join(value_of(each).text for each in arguments[1:])
        return call("contains", Fragment(f"[{items}]", "list"), arguments[0])
    return call(_RENAMED.get(lower, name), *(map(value_of, arguments) if lower in _RENAMED else arguments))


_INDEX_FUNCTIONS: Final = frozenset({"indexof", "find", "index"})
"""Functions that return the position of a value, or -1."""

_RENAMED: Final = {
    **dict.fromkeys(("str", "string", "tostring"), "to_string"),
    **dict.fromkeys(("int", "float", "double", "number", "tonumber", "long"), "to_number"),
    **dict.fromkeys(("coalesce", "nvl", "ifnull", "default"), "not_null"),
    **dict.fromkeys(("average", "mean"), "avg"),
    **dict.fromkeys(("array_contains", "list_contains"), "contains"),
    "typeof": "type",
}
NAMESPACES: Final = frozenset({"Math", "Object", "F", "functions", "fn", "strings", "Array"})
"""Prefixes of function names that are not fields."""


def column(fragment: Fragment) -> Fragment:
    """Translate ``col("total")``."""
    return field(Fragment("", "root"), text_of(fragment))


def jq_pipe(fragment: Fragment, name: str, arguments: list[Fragment]) -> Fragment:
    """Translate ``.tags | contains(["new"])``: jq passes a value to a function."""
    arguments = [Fragment(each.items[0], "value") if len(each.items) == 1 else each for each in arguments]
    if name == "not" and not arguments:
        return negation(fragment)
    if name == "select" and len(arguments) == 1 and fragment.text.endswith("[]"):
        return Fragment(f"{fragment.text[:-2]}[?{arguments[0].text}]", "path")
    if name == "has" and len(arguments) == 1:
        return _is_present(field(fragment, text_of(arguments[0])))
    return function(name, [fragment, *arguments])


def _has(fragment: Fragment) -> Fragment:
    return _is_present(column(fragment) if fragment.kind == "string" else fragment)


def _is_null(fragment: Fragment) -> Fragment:
    return negation(fragment) if _is_list(fragment) else Fragment(f"{fragment.text} == `null`", "condition")


def _is_present(fragment: Fragment) -> Fragment:
    return fragment if _is_list(fragment) else Fragment(f"{fragment.text} != `null`", "condition")


def _is_list(fragment: Fragment) -> bool:
    """Whether a fragment is a list, which may be empty but is never null."""
    return any(mark in fragment.text for mark in ("[?", "[*]", "[]"))


def call(name: str, *arguments: Fragment) -> Fragment:
    """A call of a JMESPath function."""
    return Fragment(f"{name}({', '.join(each.text for each in arguments)})", "call")


def compared(left: Fragment, sign: str, right: Fragment) -> Fragment:
    """A comparison. A string on the left is a field name, unless the right side is a string, too."""
    value = value_of(right)
    if left.kind == "index":
        return _found(left, f"{sign}{value.text}")
    if left.kind == "string" and right.kind != "string":
        left = field(Fragment("", "root"), text_of(left))
    return Fragment(f"{left.text} {sign} {value.text}", "comparison", (f"{left.text} {sign} ", value.kind))


def _found(fragment: Fragment, test: str) -> Fragment:
    """Translate ``tags.indexOf('x') >= 0``."""
    if test in ("!=`-1`", ">`-1`", ">=`0`"):
        return Fragment(fragment.text, "call")
    return negation(Fragment(fragment.text, "call")) if test in ("==`-1`", "<`0`") else give_up()


def as_compared(fragment: Fragment, before: Fragment, sign: str) -> Fragment:
    """Translate ``tier == 'gold' or 'silver'``: compare the second value as the first."""
    if fragment.kind not in ("string", "value") or before.kind != "comparison":
        return fragment
    if not before.items[0].endswith("== " if sign == " || " else "!= "):
        return fragment
    value = value_of(fragment)
    return Fragment(f"{before.items[0]}{value.text}", "comparison", before.items)


def state(fragment: Fragment, word: str, *, negated: bool) -> Fragment:
    """Translate ``coupon is not empty`` and ``coupon is missing``."""
    if word == "empty":
        return fragment if negated else negation(fragment)
    return Fragment(f"{fragment.text} {'!=' if (word == 'missing') == negated else '=='} `null`", "condition")


def negation(fragment: Fragment) -> Fragment:
    """Negate a fragment, with the parentheses that ``!`` needs."""
    text = fragment.text if fragment.kind in ("name", "call", "group") else f"({fragment.text})"
    return Fragment(f"!{text}", "condition")


def value_of(fragment: Fragment) -> Fragment:
    """Use a fragment as a value: a string in any quotes, a word such as true, or a path."""
    if fragment.kind == "string":
        return Fragment(quoted(text_of(fragment)), "string")
    if fragment.kind == "name" and fragment.text.lower() in _LITERAL_WORDS:
        return Fragment(_LITERAL_WORDS[fragment.text.lower()], "value")
    return fragment


def text_of(fragment: Fragment) -> str:
    """The text between the quotes of a string."""
    if fragment.kind != "string":
        give_up()
    mark, inner = fragment.text[0], fragment.text[1:-1]
    text = inner.replace(f"\\{mark}", mark)
    return text if "\\" not in text else give_up()


def quoted(text: str) -> str:
    """A string literal of JMESPath."""
    return "'" + text.replace("'", "\\'") + "'"


_UNARY_FUNCTIONS: Final[dict[str, Callable[[Fragment], Fragment]]] = {
    **dict.fromkeys(("length", "len", "size", "count"), lambda fragment: call("length", fragment)),
    **dict.fromkeys(("isempty", "is_empty", "empty", "isblank", "is_blank", "not"), negation),
    **dict.fromkeys(("isnull", "is_null", "isnone", "is_none"), _is_null),
    **dict.fromkeys(("exists", "defined", "is_defined", "isset", "is_set", "present"), _is_present),
    **dict.fromkeys(("isnotnull", "is_not_null", "notnull", "hasvalue"), _is_present),
    **dict.fromkeys(("has", "has_key"), _has),
    **dict.fromkeys(("col", "column"), column),
    "lit": value_of,
    **dict.fromkeys(("bool", "select"), lambda fragment: fragment),
}
"""Functions of one argument, by their names in other languages."""
