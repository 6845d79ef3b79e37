"""Paths that start with a name for the payload itself: ``payload.total``, ``@.data.x``, ``this.vip``."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Final

from streamroute.expressions.problem import Problem
from streamroute.expressions.syntax.parser import Node, Tree
from streamroute.expressions.types.mistakes.evidence import (
    EvidenceSource,
    over_the_payload,
    steps_from_the_payload,
)
from streamroute.expressions.types.mistakes.fields_for_literals import LITERAL_WORDS
from streamroute.expressions.types.mistakes.malformed_literals import advice_to_write
from streamroute.expressions.types.nodes import is_literal, path_of
from streamroute.text.lazy_pattern import lazy_pattern

NAMED_PAYLOAD: Final = "SR322"

_NEVER_FIELDS: Final = frozenset({"payload", "msg", "this", "self", "root"})
"""Names that are almost never fields."""

_SOMETIMES_FIELDS: Final = frozenset({"data", "event", "message", "body", "record"})
_BY_SCHEMA: Final = frozenset(
    {"value", "input", "req", "ctx", "context", "doc", "document", "row", "item", "obj", "object", "e", "m"}
    | {"x", "d", "it", "evt", "ev", "json", "entry", "detail", "request"}
)
"""Names for a payload, if the schema does not declare them, but the name after them."""

NAMES_OF_THE_PAYLOAD: Final = _NEVER_FIELDS | _SOMETIMES_FIELDS

_BESIDE_A_PAYLOAD: Final = frozenset(
    {"id", "event", "event_id", "event_type", "event_name", "eventType", "eventName", "topic", "op", "kind"}
    | {"action", "actor", "source", "version", "metadata", "meta", "headers", "timestamp", "aggregate_type"}
)
"""Names of fields beside a field ``payload`` in an envelope."""

_KNOWN_PARTS: Final = {
    "data": frozenset({"object", "attributes", "relationships", "previous_attributes", "data"}),
    "payload": frozenset({"after", "before", "payload"}),
    "message": frozenset({"text", "chat", "from", "message_id", "content", "body", "attributes", "data"}),
    "event": frozenset(
        {"channel", "channel_type", "text", "ts", "event_ts", "thread_ts", "subtype", "bot_id", "reaction"}
    ),
    "body": frozenset({"text", "html"}),
}
"""Fields inside a field of that name in messages of common services: Stripe, JSON:API, Debezium, Telegram,
Slack, mail."""

_WHOLE: Final = "@ is the whole payload, which never equals a string or a number"
_DOT: Final = lazy_pattern(r"\s*\.\s*")
IF_A_FIELD: Final = "; if "
DECLARING: Final = f'{IF_A_FIELD}messages have a field "{{}}", declare it in their schema'
"""Advice in case the name is correct."""


def find_named_payloads(
    tree: Tree, is_field: Callable[[Node], bool], declared: Collection[str], get_evidence: EvidenceSource
) -> Iterator[Problem]:
    """Yield a problem for each such path; ``declared`` are the names at the top of the schema, if any."""
    nodes = list(over_the_payload(tree.root))
    others = _others_read(nodes)
    payload_paths: list[tuple[Node, list[Node]]] = []
    for node in nodes:
        steps = steps_from_the_payload(node)
        if not _is_plain(tree, steps[0]) or is_field(steps[0]):
            continue
        if _is_payload(steps, declared, get_evidence, others):
            payload_paths.append((node, steps))
    rewritten = advice_to_write(_without(tree, payload_paths))
    for node, steps in payload_paths:
        first = steps[0]
        message = f'"{first["value"]}" is read as a field, because a path starts inside the payload'
        advice = rewritten or f"write {tree.expression[_beginning(tree, steps) : node['end']]}"
        advice += DECLARING.format(first["value"])
        start, end = first["start"], first["end"]
        yield Problem(NAMED_PAYLOAD, message, start, end, advice, rewrites=rewritten is not None)
    yield from _compared(tree, nodes, is_field, get_evidence)


def _is_payload(
    steps: list[Node], declared: Collection[str], get_evidence: EvidenceSource, others: set[str]
) -> bool:
    first, *rest = steps
    name = first.get("value")
    if first["type"] != "field" or not rest or name not in NAMES_OF_THE_PAYLOAD | _BY_SCHEMA:
        return False
    part = rest[0]["value"] if rest[0]["type"] == "field" else None
    is_declared = part in declared and part != "type" and name not in declared
    if name in _NEVER_FIELDS:
        is_likely = name != "payload" or _BESIDE_A_PAYLOAD.isdisjoint(others)
    else:
        is_likely = name in _SOMETIMES_FIELDS and not others
    if not is_declared and not is_likely:
        return False
    evidence = get_evidence()
    if not is_declared and any((name, known) in evidence.inner for known in _KNOWN_PARTS.get(name, ())):
        return False
    return name not in evidence.fields and (name in _NEVER_FIELDS or name not in evidence.scalars)


def _others_read(nodes: list[Node]) -> set[str]:
    """The fields that an expression reads without a name for the payload: it knows where paths start."""
    texts = {id(side) for node in nodes for side in _may_be_texts(node)}
    firsts = [
        steps_from_the_payload(node)[0]
        for node in nodes
        if node["type"] != "field" or (node["value"] not in LITERAL_WORDS and id(node) not in texts)
    ]
    names = {str(first["value"]) for first in firsts if first["type"] == "field"}
    compared = {name for node in nodes for name in _compared_with_a_value(node)}
    return names - (NAMES_OF_THE_PAYLOAD - compared) - {"type"}


def _may_be_texts(node: Node) -> Iterator[Node]:
    """The names that are compared with a path, and may be unquoted strings."""
    if node["type"] != "comparator" or node["value"] not in ("eq", "ne"):
        return
    for side, other in (node["children"], reversed(node["children"])):
        path = path_of(other)
        if path and side["type"] == "field" and side["value"] not in path:
            yield side


def _compared_with_a_value(node: Node) -> Iterator[str]:
    """Yield the field of ``event == 'login'``."""
    sides = node["children"] if node["type"] == "comparator" else []
    for side, other in (sides, reversed(sides)) if sides else ():
        if side["type"] == "field" and is_literal(other):
            yield str(side["value"])


def _compared(
    tree: Tree, nodes: list[Node], is_field: Callable[[Node], bool], get_evidence: EvidenceSource
) -> Iterator[Problem]:
    """Report ``payload == 'x'``, and ``@`` compared with a scalar."""
    for node in nodes:
        if node["type"] != "comparator":
            continue
        for side, other in (node["children"], reversed(node["children"])):
            name = side.get("value")
            is_scalar = is_literal(other) and isinstance(other["value"], (str, int, float))
            if side["type"] == "current" and is_scalar:
                yield Problem(
                    NAMED_PAYLOAD, _WHOLE, side["start"], side["end"], "compare a field of the payload"
                )
            if side["type"] != "field" or name not in _NEVER_FIELDS or not _is_plain(tree, side):
                continue
            if is_scalar and not is_field(side) and name not in get_evidence().fields:
                message = f'"{name}" is read as a field'
                advice = f"compare another field by its name{DECLARING.format(name)}"
                yield Problem(NAMED_PAYLOAD, message, side["start"], side["end"], advice)


def _without(tree: Tree, paths: list[tuple[Node, list[Node]]]) -> str:
    """The expression without the first names of these paths."""
    parts, at = [], 0
    for node, steps in sorted(paths, key=lambda each: int(each[0]["start"])):
        parts.append(tree.expression[at : node["start"]])
        at = _beginning(tree, steps)
    return "".join([*parts, tree.expression[at:]])


def _beginning(tree: Tree, steps: list[Node]) -> int:
    """The offset where a path starts without names for the payload: ``event.body.total`` has two."""
    kept = next((at for at in range(1, len(steps) - 1) if _is_kept(steps[at], steps[at + 1])), -1)
    dot = _DOT.match(tree.expression, steps[kept - 1]["end"])
    return dot.end() if dot else int(steps[0]["end"])


def _is_kept(step: Node, after: Node) -> bool:
    """Whether a step is most likely a field: ``data.object`` in ``payload.data.object`` is from Stripe."""
    name = step.get("value")
    return name not in NAMES_OF_THE_PAYLOAD or after.get("value") in _KNOWN_PARTS.get(str(name), ())


def _is_plain(tree: Tree, node: Node) -> bool:
    return "start" in node and tree.expression[node["start"]] != '"'
