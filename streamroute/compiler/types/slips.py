"""What JMESPath takes, and almost surely does not mean what was meant: ``payload.total``, ``x == 'true'``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from streamroute.compiler.parsing import Node, Tree, children, walk
from streamroute.compiler.problems import Problem
from streamroute.compiler.types.lattice import Type
from streamroute.compiler.types.literal_slips import advice_to_write, in_comparison, malformed, replaced
from streamroute.compiler.types.paths import is_literal, path_of

NAMED_PAYLOAD: Final = "SR322"
LENGTH_AS_FIELD: Final = "SR323"
FIELD_OF_A_LIST: Final = "SR326"
SWAPPED: Final = "SR329"

NAMES_OF_THE_PAYLOAD: Final = frozenset({"payload", "data", "event", "msg", "message"})
_ONE_IN_ANOTHER: Final = frozenset({"starts_with", "ends_with"})
_AGGREGATES: Final = frozenset({"sum", "avg", "max", "min", "sort"})
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
            yield from in_comparison(tree, node, compared.get(id(node)), has_types=habits.has_types)
        elif kind == "literal":
            yield from malformed(tree, node)
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
    whole = advice_to_write(_without(tree, found))
    for node in found:
        first, second, *_ = node["children"]
        message = f'a path begins inside the message: "{first["value"]}" is taken for a field of it'
        part = tree.expression[second.get("start", first["end"]) : node["end"]]
        yield Problem(NAMED_PAYLOAD, message, first["start"], first["end"], whole or f"write {part}")


def _is_named(tree: Tree, first: Node, is_field: Callable[[Node], bool]) -> bool:
    is_name = first["type"] == "field" and first["value"] in NAMES_OF_THE_PAYLOAD
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


# Lists.


def _length_of(tree: Tree, node: Node, is_field: Callable[[Node], bool]) -> Iterator[Problem]:
    *_, base, last = node["children"]
    if last["type"] != "field" or last["value"] != "length" or is_field(last) or path_of(node) is None:
        return
    if _is_list_name(base):
        text = tree.expression[node["start"] : node["end"]]
        path = text.rpartition(".")[0].strip()
        message = "length is taken for a field, and a list has none"
        yield replaced(tree, LENGTH_AS_FIELD, node, message, f"length({path})")


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
        yield replaced(tree, FIELD_OF_A_LIST, argument, message, meant)


def _swapped(tree: Tree, node: Node) -> Iterator[Problem]:
    """``starts_with('AB', id)``."""
    if len(node["children"]) != 2:
        return
    first, second = node["children"]
    if not is_literal(first) or path_of(second) is None:
        return
    texts = [tree.expression[each["start"] : each["end"]] for each in (first, second)]
    message = f"{node['value']}() is asked of {texts[0]}: most likely its arguments are swapped"
    yield replaced(tree, SWAPPED, node, message, f"{node['value']}({texts[1]}, {texts[0]})")


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
