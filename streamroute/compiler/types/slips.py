"""What JMESPath takes, and almost surely does not mean what was meant: ``payload.total``, ``x == 'true'``."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from streamroute.compiler.parsing import Node, Tree, children, walk
from streamroute.compiler.problems import Problem
from streamroute.compiler.types.lattice import UNKNOWN, Type
from streamroute.compiler.types.paths import is_literal, path_of
from streamroute.compiler.types.words import is_numeric

NAMED_PAYLOAD: Final = "SR322"
LENGTH_AS_FIELD: Final = "SR323"
VALUE_IN_QUOTES: Final = "SR324"
MALFORMED_LITERAL: Final = "SR325"
FIELD_OF_A_LIST: Final = "SR326"
SWAPPED: Final = "SR329"

_NAMES_OF_THE_PAYLOAD: Final = frozenset({"payload", "data", "event", "msg", "message"})
_ORDERINGS: Final = frozenset({"lt", "lte", "gt", "gte"})
_ONE_IN_ANOTHER: Final = frozenset({"starts_with", "ends_with"})
_AGGREGATES: Final = frozenset({"sum", "avg", "max", "min", "sort"})
_TEXTS: Final = re.compile(r"date|time|year|month|version|zip|post|_at\Z|At\Z|id\Z|sku|number\Z|code\Z|phone")
"""Names of strings that look like numbers and are ordered as text."""

_YEAR: Final = re.compile(r"(?:19|20)[0-9]{2}\Z")
_MOMENT: Final = re.compile(r"[0-9]{4}-[0-9]{2}|[0-9]{1,2}:[0-9]{2}")
_NUMBER_LIKE: Final = re.compile(r"[-+]?[.$]?[0-9][0-9_,.]*%?\Z|0[xob][0-9a-fA-F]+\Z")
_WORDS: Final = {
    **dict.fromkeys(("none", "nil", "null", "undefined"), "`null`"), "true": "`true`", "false": "`false`",
}  # fmt: skip
_OBJECTS: Final = frozenset(
    {"details", "settings", "params", "options", "headers", "labels", "attributes", "properties", "totals"}
    | {"stats", "metrics", "prices", "amounts", "specs", "dimensions", "measurements", "status", "address"}
    | {"sizes", "analytics", "statistics", "series", "results", "credentials", "preferences", "coords"}
)
"""Names that look like a plural and are those of objects."""

_LISTS: Final = frozenset({"list", "array", "cart", "basket", "children", "people"})


class Habits(NamedTuple):
    """What the codecs of an expression's streams make likely.

    ``has_envelope``: the payload is the message, and not a field of it. ``has_types``: a number or a truth
    value of the message is one, not its text.
    """

    has_envelope: bool = True
    has_types: bool = True


USUAL: Final = Habits()


def find_slips(
    tree: Tree, is_field: Callable[[Node], bool], compared: Mapping[int, tuple[Type, Type]], habits: Habits
) -> Iterator[Problem]:
    """A problem for each. ``is_field`` says of a node that the schema has that field, ``compared`` holds the
    types of a comparison's sides, by its ``id``, where there is a schema.
    """
    if habits.has_envelope:
        yield from _named_payloads(tree, is_field)
    for node, _, _ in walk(tree.root, 0, len(tree.expression)):
        kind = node["type"]
        if kind == "comparator":
            yield from _in_comparison(tree, node, compared.get(id(node)), habits)
        elif kind == "literal":
            yield from _malformed(tree, node)
        elif kind == "subexpression":
            yield from _length_of(tree, node, is_field)
        elif kind == "function_expression" and node["value"] in _AGGREGATES:
            yield from _aggregate(tree, node, is_field)
        elif kind == "function_expression" and node["value"] in _ONE_IN_ANOTHER:
            yield from _swapped(tree, node)


# The message under a name.


def _named_payloads(tree: Tree, is_field: Callable[[Node], bool]) -> Iterator[Problem]:
    found = [
        node
        for node in _over_the_payload(tree.root)
        if node["type"] == "subexpression" and _is_named(tree, node["children"][0], is_field)
    ]
    whole = _write(_without(tree, found))
    for node in found:
        first, second, *_ = node["children"]
        message = f'a path begins inside the message: "{first["value"]}" is taken for a field of it'
        part = tree.expression[second.get("start", first["end"]) : node["end"]]
        yield Problem(NAMED_PAYLOAD, message, first["start"], first["end"], whole or f"write {part}")


def _is_named(tree: Tree, first: Node, is_field: Callable[[Node], bool]) -> bool:
    is_name = first["type"] == "field" and first["value"] in _NAMES_OF_THE_PAYLOAD
    return is_name and _is_plain(tree, first) and not is_field(first)


def _without(tree: Tree, paths: list[Node]) -> str:
    """The expression with these paths, each without its first name."""
    parts, at = [], 0
    for path in sorted(paths, key=lambda each: int(each["start"])):
        first, second, *_ = path["children"]
        parts.append(tree.expression[at : first["start"]])
        at = second.get("start", first["end"])
    return "".join([*parts, tree.expression[at:]])


def _is_plain(tree: Tree, node: Node) -> bool:
    return tree.expression[node["start"]] != '"'


def _over_the_payload(root: Node) -> Iterator[Node]:
    """The nodes that are evaluated on the message itself, but for the steps of a path."""
    stack = [root]
    while stack:
        node = stack.pop()
        yield node
        if node["type"] in _STEPPING:
            stack.append(node["children"][0])
        elif node["type"] != "expref":
            stack.extend(children(node))


_STEPPING: Final = frozenset(
    {"subexpression", "index_expression", "pipe", "projection", "value_projection", "flatten"}
    | {"filter_projection"}
)


# Comparisons.


def _in_comparison(
    tree: Tree, node: Node, types: tuple[Type, Type] | None, habits: Habits
) -> Iterator[Problem]:
    for side, (literal, other) in enumerate((node["children"], reversed(node["children"]))):
        if not is_literal(literal) or is_literal(other):
            continue
        t = UNKNOWN if types is None else types[1 - side]
        if _is_raw(tree, literal) and habits.has_types and (t is UNKNOWN or not t.has("string")):
            yield from _in_quotes(tree, node, literal, other)
        if node["value"] in _ORDERINGS and not _is_raw(tree, literal) and isinstance(literal["value"], str):
            yield from _ordered_word(tree, literal)


def _in_quotes(tree: Tree, node: Node, literal: Node, other: Node) -> Iterator[Problem]:
    value = literal["value"]
    path = path_of(other)
    if path is None:
        return
    if value in ("true", "false"):
        message = f"'{value}' is a string, and no truth value equals it"
    elif node["value"] in _ORDERINGS and is_numeric(value) and not _reads_as_text(value, path):
        message = f"'{value}' is a string, and no number is less or greater than it"
    else:
        return
    yield _replaced(tree, VALUE_IN_QUOTES, literal, message, f"`{value}`")


def _reads_as_text(value: str, path: tuple[str, ...]) -> bool:
    return bool(_YEAR.match(value)) or bool(path and _TEXTS.search(path[-1]))


def _ordered_word(tree: Tree, literal: Node) -> Iterator[Problem]:
    """`` total > `abc` ``: no JSON, and so a string."""
    inner = _inside(tree, literal)
    if _is_json(inner) or _MOMENT.match(inner) or _strange(inner):
        return
    advice = "a number is written `3`, a string in single quotes"
    yield Problem(MALFORMED_LITERAL, _not_json(literal), literal["start"], literal["end"], advice)


# Literals.


def _malformed(tree: Tree, node: Node) -> Iterator[Problem]:
    if _is_raw(tree, node) or not isinstance(node["value"], str) or "start" not in node:
        return
    inner = _inside(tree, node)
    meant = None if _is_json(inner) else _strange(inner)
    if meant:
        yield _replaced(tree, MALFORMED_LITERAL, node, _not_json(node), meant)


def _not_json(node: Node) -> str:
    value = node["value"] if len(node["value"]) <= 30 else f"{node['value'][:27]}..."
    shown = json.dumps(value, ensure_ascii=False)
    return f"what stands in backticks is not JSON, so that it is the string {shown}"


def _strange(inner: str) -> str | None:
    """What was meant by a string that looks like anything else."""
    text = inner.strip()
    if len(text) > 1 and text[0] == text[-1] == "'":
        return text
    if text[:1] == "[" and text[-1:] == "]":
        return text  # a list of literals needs no backticks
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if not _NUMBER_LIKE.match(text):
        return None
    plain = re.sub("[+$%_,]", "", text)
    plain = f"0{plain}" if plain.startswith(".") else plain
    return f"`{plain}`" if is_numeric(plain) else f"'{text}'"


def _is_raw(tree: Tree, node: Node) -> bool:
    return tree.expression[node["start"]] == "'"


def _inside(tree: Tree, node: Node) -> str:
    return tree.expression[node["start"] + 1 : node["end"] - 1].replace("\\`", "`")


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


# Lists.


def _length_of(tree: Tree, node: Node, is_field: Callable[[Node], bool]) -> Iterator[Problem]:
    *_, base, last = node["children"]
    if last["type"] != "field" or last["value"] != "length" or is_field(last) or path_of(node) is None:
        return
    if _is_list_name(base):
        text = tree.expression[node["start"] : node["end"]]
        path = text.rpartition(".")[0].strip()
        message = "length is taken for a field, and a list has none"
        yield _replaced(tree, LENGTH_AS_FIELD, node, message, f"length({path})")


def _aggregate(tree: Tree, node: Node, is_field: Callable[[Node], bool]) -> Iterator[Problem]:
    for argument in node["children"]:
        path = path_of(argument)
        if path is None or len(path) < 2 or argument["type"] != "subexpression":
            continue
        base, last = argument["children"][-2:]
        if is_field(last) or not _is_list_name(base) or path[-1].endswith("s"):
            continue
        message = f'a list has no field "{path[-1]}": where {path[-2]} is a list, {node["value"]}() fails'
        before = tree.expression[argument["start"] : base["end"]]
        meant = f"{before}[*].{tree.expression[last['start'] : argument['end']]}"
        yield _replaced(tree, FIELD_OF_A_LIST, argument, message, meant)


def _swapped(tree: Tree, node: Node) -> Iterator[Problem]:
    """``starts_with('AB', id)``."""
    if len(node["children"]) != 2:
        return
    first, second = node["children"]
    if not is_literal(first) or path_of(second) is None:
        return
    texts = [tree.expression[each["start"] : each["end"]] for each in (first, second)]
    message = f"{node['value']}() is asked of {texts[0]}: most likely its arguments are swapped"
    yield _replaced(tree, SWAPPED, node, message, f"{node['value']}({texts[1]}, {texts[0]})")


def _is_list_name(node: Node) -> bool:
    name = node.get("value")
    return node["type"] == "field" and isinstance(name, str) and (_is_plural(name) or name in _LISTS)


def _is_plural(name: str) -> bool:
    small = re.split(r"_|(?<=[a-z])(?=[A-Z])", name)[-1].lower()
    return (
        len(small) > 3
        and small.endswith("s")
        and not small.endswith(("ss", "us", "is"))
        and small not in _OBJECTS
    )


# What to write.


def _replaced(tree: Tree, code: str, node: Node, message: str, text: str) -> Problem:
    start, end = node["start"], node["end"]
    whole = f"{tree.expression[:start]}{text}{tree.expression[end:]}"
    return Problem(code, message, start, end, _write(whole) or f"write {text}")


def _write(whole: str) -> str | None:
    text = whole.strip()
    return f"write {text}" if len(text) <= 80 and "\n" not in text else None
