"""Paths that begin with a name for the message itself: ``payload.total``, ``@.data.x``, ``this.vip``."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from typing import Final

from streamroute.compiler.parsing import Node, Tree
from streamroute.compiler.problems import Problem
from streamroute.compiler.types.evidence import Shown, over_the_payload, steps_from_the_payload
from streamroute.compiler.types.literal_slips import advice_to_write
from streamroute.compiler.types.mistakes import LITERAL_WORDS
from streamroute.compiler.types.paths import is_literal

NAMED_PAYLOAD: Final = "SR322"

_NEVER_FIELDS: Final = frozenset({"payload", "msg", "this", "self", "root"})
"""Names that next to no message has a field of."""

_SOMETIMES_FIELDS: Final = frozenset({"data", "event", "message", "body", "record"})
_BY_SCHEMA: Final = frozenset(
    {"value", "input", "req", "ctx", "context", "doc", "document", "row", "item", "obj", "object", "e", "m"}
    | {"x", "d", "it", "evt", "ev", "json", "entry", "detail", "request"}
)
"""Names for a message of which a schema must say that they are no fields, and what they hold is."""

NAMES_OF_THE_PAYLOAD: Final = _NEVER_FIELDS | _SOMETIMES_FIELDS

_KNOWN_PARTS: Final = {
    "data": frozenset({"object", "attributes", "relationships", "previous_attributes", "data"}),
    "payload": frozenset({"after", "before", "payload"}),
    "message": frozenset({"text", "chat", "from", "message_id", "content", "body", "attributes", "data"}),
    "event": frozenset({"channel", "text", "ts", "event_ts"}),
    "body": frozenset({"text", "html"}),
}
"""What lies in a field of that name with services that many messages come from: Stripe, JSON:API, Debezium,
Telegram, Slack, mail."""

_WHOLE: Final = "@ is the message itself, an object, which equals no string and no number"
_DOT: Final = re.compile(r"\s*\.\s*")
IF_A_FIELD: Final = "; if "
DECLARING: Final = f'{IF_A_FIELD}messages have a field "{{}}", declare it in their schema'
"""How to state that a name is right."""


def find_named_payloads(
    tree: Tree, is_field: Callable[[Node], bool], declared: Collection[str], shown: Shown
) -> Iterator[Problem]:
    """A problem for each. ``declared`` are the names at the top of the schema, where there is one."""
    nodes = list(over_the_payload(tree.root))
    is_mixed = _reads_others(nodes)
    found: list[tuple[Node, list[Node]]] = []
    for node in nodes:
        steps = steps_from_the_payload(node)
        if not _is_plain(tree, steps[0]) or is_field(steps[0]):
            continue
        if _is_payload(steps, declared, shown, is_mixed=is_mixed):
            found.append((node, steps))
    whole = advice_to_write(_without(tree, found))
    for node, steps in found:
        first = steps[0]
        message = f'a path begins inside the message: "{first["value"]}" is taken for a field of it'
        advice = whole or f"write {tree.expression[_beginning(tree, steps) : node['end']]}"
        advice += DECLARING.format(first["value"])
        yield Problem(NAMED_PAYLOAD, message, first["start"], first["end"], advice)
    yield from _compared(tree, nodes, is_field, shown)


def _is_payload(steps: list[Node], declared: Collection[str], shown: Shown, *, is_mixed: bool) -> bool:
    first, *others = steps
    name = first.get("value")
    if first["type"] != "field" or not others or name not in NAMES_OF_THE_PAYLOAD | _BY_SCHEMA:
        return False
    part = others[0]["value"] if others[0]["type"] == "field" else None
    is_declared = part in declared and part != "type" and name not in declared
    is_likely = name in _NEVER_FIELDS or (name in _SOMETIMES_FIELDS and not is_mixed)
    if not is_declared and not is_likely:
        return False
    evidence = shown()
    if not is_declared and any((name, known) in evidence.inner for known in _KNOWN_PARTS.get(name, ())):
        return False
    return name not in evidence.fields and (name in _NEVER_FIELDS or name not in evidence.scalars)


def _reads_others(nodes: list[Node]) -> bool:
    """Whether an expression also reads fields by their own names, so that it knows where a path begins."""
    compared = {id(side) for node in nodes for side in _paths_compared(node)}
    firsts = [steps_from_the_payload(node)[0] for node in nodes if not _may_be_value(node, compared)]
    names = {first["value"] for first in firsts if first["type"] == "field"}
    return not names <= NAMES_OF_THE_PAYLOAD | {"type"}


def _may_be_value(node: Node, compared: set[int]) -> bool:
    """Whether a name may be a text without its quotes, or a word such as true."""
    is_name = node["type"] == "field"
    return is_name and (node["value"] in LITERAL_WORDS or id(node) in compared)


def _paths_compared(node: Node) -> list[Node]:
    """Both sides of a comparison of two paths."""
    sides: list[Node] = node["children"] if node["type"] == "comparator" else []
    return sides if not any(map(is_literal, sides)) else []


def _compared(
    tree: Tree, nodes: list[Node], is_field: Callable[[Node], bool], shown: Shown
) -> Iterator[Problem]:
    """``payload == 'x'``."""
    for node in nodes:
        if node["type"] != "comparator":
            continue
        for side, other in (node["children"], reversed(node["children"])):
            name = side.get("value")
            is_scalar = is_literal(other) and isinstance(other["value"], (str, int, float))
            if side["type"] == "current" and is_scalar:
                yield Problem(
                    NAMED_PAYLOAD, _WHOLE, side["start"], side["end"], "compare a field by its name"
                )
            if side["type"] != "field" or name not in _NEVER_FIELDS or not _is_plain(tree, side):
                continue
            if is_scalar and not is_field(side) and name not in shown().fields:
                message = f'"{name}" is taken for a field of the message'
                advice = f"compare a field by its own name{DECLARING.format(name)}"
                yield Problem(NAMED_PAYLOAD, message, side["start"], side["end"], advice)


def _without(tree: Tree, paths: list[tuple[Node, list[Node]]]) -> str:
    """The expression with these paths, each without its first name."""
    parts, at = [], 0
    for node, steps in sorted(paths, key=lambda each: int(each[0]["start"])):
        parts.append(tree.expression[at : node["start"]])
        at = _beginning(tree, steps)
    return "".join([*parts, tree.expression[at:]])


def _beginning(tree: Tree, steps: list[Node]) -> int:
    """Where a path begins once the names for the message are left out: ``event.body.total`` has two."""
    names = NAMES_OF_THE_PAYLOAD
    kept = next((at for at, step in enumerate(steps[1:-1], 1) if step.get("value") not in names), -1)
    dot = _DOT.match(tree.expression, steps[kept - 1]["end"])
    return dot.end() if dot else int(steps[0]["end"])


def _is_plain(tree: Tree, node: Node) -> bool:
    return "start" in node and tree.expression[node["start"]] != '"'
