"""Strings without quotes: ``tier == gold`` compares two fields, and there is no field ``gold``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from streamroute.expressions.problem import Problem
from streamroute.expressions.syntax.parser import Node, Tree, walk
from streamroute.expressions.types.mistakes.evidence import Evidence, EvidenceSource
from streamroute.expressions.types.mistakes.fields_for_literals import FIELD_FOR_LITERAL, LITERAL_WORDS
from streamroute.expressions.types.mistakes.malformed_literals import rewriting, with_replaced
from streamroute.expressions.types.nodes import Path, is_call, path_of
from streamroute.expressions.types.phrases import TYPE_ALIASES
from streamroute.text.lazy_pattern import lazy_pattern

CATEGORY_FIELDS: Final = frozenset(
    {"tier", "status", "state", "kind", "type", "category", "country", "currency", "plan", "level", "role"}
    | {"severity", "priority", "language", "locale", "gender", "channel", "environment", "env", "action"}
    | {"method", "region", "color", "colour", "size", "phase", "stage", "membership", "country_code", "lang"}
)
"""Names of fields that have one of a few strings."""

_TEXTS: Final = """
gold silver bronze platinum diamond basic standard premium pro plus free trial enterprise business vip
guest admin administrator user member owner editor viewer moderator staff customer manager
new open pending active inactive waiting ready running done draft live offline online blocked paused
paid unpaid success successful failure error ok valid invalid fraud overdue
low medium normal high urgent critical major minor warning info debug fatal
create created update updated delete deleted insert inserted upsert read write
card cash paypal stripe credit debit transfer invoice email sms push web mobile desktop android ios
production staging development prod dev small large red green blue black white yellow male female
cancelled canceled confirmed unconfirmed rejected approved shipped delivered refunded failed completed
finished started processed processing archived expired suspended verified unverified published accepted
declined scheduled queued resolved closed disabled enabled locked deactivated activated registered
subscribed unsubscribed returned received dispatched settled captured authorized voided disputed submitted
reserved booked abandoned succeeded
"""
_VALUES: Final = frozenset(_TEXTS.split())
_RELATIVE: Final = frozenset(
    {
        "previous",
        "prior",
        "prev",
        "last",
        "next",
        "first",
        "current",
        "target",
        "desired",
        "expected",
        "actual",
    }
    | {
        "wanted",
        "requested",
        "required",
        "reported",
        "original",
        "initial",
        "final",
        "old",
        "before",
        "after",
    }
    | {"other", "same", "allowed", "preferred", "fallback", "background", "foreground", "parent", "base"}
    | {"threshold", "limit", "minimum", "maximum", "min", "max", "known", "observed", "computed", "stored"}
)
"""Words that qualify a value: ``state == desired`` compares two fields."""

_SHOUTED: Final = lazy_pattern(r"[A-Z][A-Z0-9_]+\Z")
_ENVELOPE: Final = frozenset({"type", "stream", "id", "source", "subject", "version", "tenant", "name"})
_TEXT_TESTS: Final = frozenset({"starts_with", "ends_with"})


def find_unquoted_strings(
    tree: Tree, is_field: Callable[[Node], bool], get_evidence: EvidenceSource
) -> Iterator[Problem]:
    """Yield a problem for each word that is very likely a string, not a field name."""
    pairs = [
        (path, name_node)
        for node, _, _ in walk(tree.root, 0, len(tree.expression))
        for path, name_node in _pairs(node)
        if _is_plain_name(tree, name_node) and not is_field(name_node)
    ]
    if not pairs:
        return
    evidence = get_evidence()
    alternatives = pairs if "&&" not in tree.expression else []  # with &&, no field equals two strings
    strings = [
        name_node for path, name_node in pairs if _is_text(path, name_node["value"], alternatives, evidence)
    ]
    strings = list({name_node["start"]: name_node for name_node in strings}.values())
    texts = {name_node["start"]: _text(path, name_node["value"]) for path, name_node in pairs}
    rewritten = with_replaced(tree, [(name_node, texts[name_node["start"]]) for name_node in strings])
    for name_node in strings:
        word = name_node["value"]
        message = f"{word} is a field name, not a value; a missing field is null"
        yield rewriting(FIELD_FOR_LITERAL, message, name_node, rewritten, texts[name_node["start"]])


def _text(path: Path, word: str) -> str:
    return f"'{TYPE_ALIASES[word]}'" if path == ("type()",) else f"'{word}'"


def _pairs(node: Node) -> Iterator[tuple[Path, Node]]:
    """Yield each path with the names that it is compared with."""
    arguments = node["children"]
    if node["type"] == "comparator" and node["value"] in ("eq", "ne"):
        left, right = arguments
        if is_call(left, "type") and right["type"] == "field" and right["value"] in TYPE_ALIASES:
            yield ("type()",), right
        yield from _pair(left, right)
        yield from _pair(right, left)
        for each in right["children"] if right["type"] == "multi_select_list" else ():
            yield from _pair(left, each)
    elif node["type"] == "function_expression" and len(arguments) == 2:
        first, second = arguments
        if node["value"] in _TEXT_TESTS:
            yield from _pair(first, second)
        elif node["value"] == "contains" and first["type"] == "multi_select_list":
            for each in first["children"]:
                yield from _pair(second, each)


def _pair(subject: Node, name_node: Node) -> Iterator[tuple[Path, Node]]:
    path = path_of(subject)
    if path and name_node["type"] == "field":
        yield path, name_node


def _is_plain_name(tree: Tree, node: Node) -> bool:
    return "start" in node and tree.expression[node["start"]] != '"' and node["value"] not in LITERAL_WORDS


def _is_text(path: Path, word: str, alternatives: list[tuple[Path, Node]], evidence: Evidence) -> bool:
    """Whether the word is a string by the evidence, and not a field of any message."""
    if path == ("type()",):
        return True
    if word in evidence.names or word in evidence.read or word in _ENVELOPE or word in path:
        return False
    if word in evidence.texts:
        return True
    if word in _RELATIVE or _SHOUTED.match(word):
        return word not in _RELATIVE and not any(map(_SHOUTED.match, path))
    lower, is_kind = word.lower(), path[-1].lower() in CATEGORY_FIELDS
    is_value = lower in _VALUES
    if is_kind and lower not in CATEGORY_FIELDS:
        return is_value or _are_several(path, alternatives) or evidence.has_texts(path)
    return is_value and evidence.has_texts(path)


def _are_several(path: Path, pairs: list[tuple[Path, Node]]) -> bool:
    return len({name_node["value"] for other, name_node in pairs if other == path}) > 1
