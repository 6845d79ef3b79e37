"""What the parts of a foreign condition are in JMESPath."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Final, NamedTuple, NoReturn

IDENTIFIER: Final = r"[A-Za-z_][A-Za-z0-9_]*"
_WORDS: Final = {
    "true": "`true`", "false": "`false`",
    "null": "`null`", "none": "`null`", "nil": "`null`", "undefined": "`null`",
}  # fmt: skip
TEXT_TESTS: Final = {
    "startswith": "starts_with", "starts_with": "starts_with", "hasprefix": "starts_with",
    "endswith": "ends_with", "ends_with": "ends_with", "hassuffix": "ends_with",
    "contains": "contains", "includes": "contains", "has": "contains",
}  # fmt: skip


class Part(NamedTuple):
    """What a part is in JMESPath; ``kind`` says how it may be used."""

    text: str
    kind: str  # name, path, call, group, string, value, list, condition
    items: tuple[str, ...] = ()


class GiveUpError(Exception):
    """Raised where it is not sure what was meant."""


def _number(text: str) -> Part:
    return Part(f"`{text.replace('_', '')}`", "value")


def _json(text: str) -> Part:
    try:
        json.loads(text[1:-1].replace("\\`", "`"))
    except (ValueError, RecursionError):
        give_up()
    return Part(text, "value")


LITERALS: Final[dict[str, Callable[[str], Part]]] = {
    "string": lambda text: Part(text, "string"),
    "date": lambda text: Part(quoted(text), "value"),
    "number": _number,
    "literal": _json,
}


def give_up() -> NoReturn:
    """Nobody can say what was meant."""
    raise GiveUpError


def field(part: Part, name: str) -> Part:
    """A field of what a part gives."""
    plain = name if re.fullmatch(IDENTIFIER, name) else json.dumps(name)
    return Part(f"{part.text}.{plain}" if part.text else plain, "path")


def function(name: str, arguments: list[Part]) -> Part:
    """A call, by whatever name the function or the method has elsewhere."""
    small, count = name.lower(), len(arguments)
    if count == 1 and small in _OF_ONE:
        return _OF_ONE[small](arguments[0])
    if count == 2 and small in TEXT_TESTS:
        return call(TEXT_TESTS[small], arguments[0], value_of(arguments[1]))
    if count == 2 and small == "get":
        return field(arguments[0], text_of(arguments[1]))
    if count == 2 and small in _AS_TEXT_SEARCH:
        return Part(call("contains", arguments[0], value_of(arguments[1])).text, "index")
    if count > 1 and small in ("isin", "is_in", "anyof", "oneof"):
        items = ", ".join(value_of(each).text for each in arguments[1:])
        return call("contains", Part(f"[{items}]", "list"), arguments[0])
    return call(_RENAMED.get(small, name), *(map(value_of, arguments) if small in _RENAMED else arguments))


_AS_TEXT_SEARCH: Final = frozenset({"indexof", "find", "index"})
"""What gives the place of a value, and -1 where it is not there."""

_RENAMED: Final = {
    **dict.fromkeys(("str", "string", "tostring"), "to_string"),
    **dict.fromkeys(("int", "float", "double", "number", "tonumber", "long"), "to_number"),
    **dict.fromkeys(("coalesce", "nvl", "ifnull", "default"), "not_null"),
    **dict.fromkeys(("average", "mean"), "avg"),
    **dict.fromkeys(("array_contains", "list_contains"), "contains"),
    "typeof": "type",
}
NAMESPACES: Final = frozenset({"Math", "Object", "F", "functions", "fn", "strings", "Array"})
"""What stands before a function elsewhere, and is no field."""


def column(part: Part) -> Part:
    """``col("total")``."""
    return field(Part("", "root"), text_of(part))


def piped(part: Part, name: str, arguments: list[Part]) -> Part:
    """``.tags | contains(["new"])``, as jq hands a value on to a function."""
    arguments = [Part(each.items[0], "value") if len(each.items) == 1 else each for each in arguments]
    if name == "not" and not arguments:
        return negation(part)
    if name == "select" and len(arguments) == 1 and part.text.endswith("[]"):
        return Part(f"{part.text[:-2]}[?{arguments[0].text}]", "path")
    if name == "has" and len(arguments) == 1:
        return _is_there(field(part, text_of(arguments[0])))
    return function(name, [part, *arguments])


def _has(part: Part) -> Part:
    return _is_there(column(part) if part.kind == "string" else part)


def _is_null(part: Part) -> Part:
    return negation(part) if _is_projection(part) else Part(f"{part.text} == `null`", "condition")


def _is_there(part: Part) -> Part:
    return part if _is_projection(part) else Part(f"{part.text} != `null`", "condition")


def _is_projection(part: Part) -> bool:
    """Whether a part gives a list, which may be empty, and is not null then."""
    return any(mark in part.text for mark in ("[?", "[*]", "[]"))


def call(name: str, *arguments: Part) -> Part:
    """A call of a function of JMESPath."""
    return Part(f"{name}({', '.join(each.text for each in arguments)})", "call")


def compared(left: Part, sign: str, right: Part) -> Part:
    """A comparison; a string on its left is the field of that name, unless it is compared with a string."""
    value = value_of(right)
    if left.kind == "index":
        return _found(left, f"{sign}{value.text}")
    if left.kind == "string" and right.kind != "string":
        left = field(Part("", "root"), text_of(left))
    return Part(f"{left.text} {sign} {value.text}", "comparison", (f"{left.text} {sign} ", value.kind))


def _found(part: Part, test: str) -> Part:
    """``tags.indexOf('x') >= 0``."""
    if test in ("!=`-1`", ">`-1`", ">=`0`"):
        return Part(part.text, "call")
    return negation(Part(part.text, "call")) if test in ("==`-1`", "<`0`") else give_up()


def as_compared(part: Part, before: Part, sign: str) -> Part:
    """``tier == 'gold' or 'silver'``: the second value is compared as the first was."""
    if part.kind not in ("string", "value") or before.kind != "comparison":
        return part
    if not before.items[0].endswith("== " if sign == " || " else "!= "):
        return part
    value = value_of(part)
    return Part(f"{before.items[0]}{value.text}", "comparison", before.items)


def state(part: Part, word: str, *, negated: bool) -> Part:
    """``coupon is not empty``, ``coupon is missing``."""
    if word == "empty":
        return part if negated else negation(part)
    return Part(f"{part.text} {'!=' if (word == 'missing') == negated else '=='} `null`", "condition")


def negation(part: Part) -> Part:
    """The contrary of a part, in the parentheses that ``!`` needs."""
    text = part.text if part.kind in ("name", "call", "group") else f"({part.text})"
    return Part(f"!{text}", "condition")


def value_of(part: Part) -> Part:
    """What stands where a value does: a string in any quotes, a word such as true, or a path."""
    if part.kind == "string":
        return Part(quoted(text_of(part)), "string")
    if part.kind == "name" and part.text.lower() in _WORDS:
        return Part(_WORDS[part.text.lower()], "value")
    return part


def text_of(part: Part) -> str:
    """What stands between the quotes of a string."""
    if part.kind != "string":
        give_up()
    mark, inner = part.text[0], part.text[1:-1]
    text = inner.replace(f"\\{mark}", mark)
    return text if "\\" not in text else give_up()


def quoted(text: str) -> str:
    """A string as JMESPath writes it."""
    return "'" + text.replace("'", "\\'") + "'"


_OF_ONE: Final[dict[str, Callable[[Part], Part]]] = {
    **dict.fromkeys(("length", "len", "size", "count"), lambda part: call("length", part)),
    **dict.fromkeys(("isempty", "is_empty", "empty", "isblank", "is_blank", "not"), negation),
    **dict.fromkeys(("isnull", "is_null", "isnone", "is_none"), _is_null),
    **dict.fromkeys(("exists", "defined", "is_defined", "isset", "is_set", "present"), _is_there),
    **dict.fromkeys(("isnotnull", "is_not_null", "notnull", "hasvalue"), _is_there),
    **dict.fromkeys(("has", "has_key"), _has),
    **dict.fromkeys(("col", "column"), column),
    "lit": value_of,
    **dict.fromkeys(("bool", "select"), lambda part: part),
}
"""What functions of one argument are called elsewhere."""
