"""Calls of ``contains`` with swapped arguments: ``contains(tier, ['gold', 'silver'])``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from streamroute.expressions.problem import Problem
from streamroute.expressions.syntax.parser import Node, Tree
from streamroute.expressions.types.mistakes.evidence import EvidenceSource
from streamroute.expressions.types.mistakes.list_names import is_list_name
from streamroute.expressions.types.mistakes.malformed_literals import replaced
from streamroute.expressions.types.mistakes.unquoted_strings import CATEGORY_FIELDS
from streamroute.expressions.types.nodes import Path, path_of, value_of
from streamroute.text.lazy_pattern import lazy_pattern

SWAPPED: Final = "SR329"
NO_MESSAGE: Final = "SR314"

_PATH: Final = lazy_pattern(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*\Z")


def check_contains(tree: Tree, node: Node, get_evidence: EvidenceSource) -> Iterator[Problem]:
    """Yield the problem of a call of ``contains``, if there is one."""
    subject, searched = node["children"]
    texts = _texts_between(tree, node)
    if len(texts) != 2:
        return
    swapped = f"contains({texts[1]}, {texts[0]})"
    path, value = path_of(subject), value_of(searched)
    if path and isinstance(value, list) and _is_one_text(path, value, get_evidence):
        message = f"contains() searches {texts[0]}, a single value, for a list: the arguments are swapped"
        yield replaced(tree, SWAPPED, node, message, swapped)
    elif isinstance(value_of(subject), str) and path_of(searched) and is_list_name(_last(searched)):
        message = f"contains() searches {texts[0]} for {texts[1]}: the arguments are probably swapped"
        yield replaced(tree, SWAPPED, node, message, swapped)
    elif isinstance(value_of(subject), list) and isinstance(value, str) and value not in value_of(subject):
        message = f"the result is the same for every message: {texts[1]} is a string, not a field"
        corrected = f"contains({texts[0]}, {value})" if _PATH.match(value) else None
        if corrected:
            yield replaced(tree, NO_MESSAGE, node, message, corrected)
        else:
            yield Problem(NO_MESSAGE, message, node["start"], node["end"])


def _is_one_text(path: Path, values: list[Any], get_evidence: EvidenceSource) -> bool:
    if not values or not all(isinstance(value, str) for value in values):
        return False
    evidence = get_evidence()
    if any(isinstance(value, list) for value in evidence.message_values.get(path, ())):
        return False
    return path[-1].lower() in CATEGORY_FIELDS or evidence.has_texts(path)


def _last(node: Node) -> Node:
    return node if node["type"] == "field" else _last(node["children"][-1])


def _texts_between(tree: Tree, node: Node) -> list[str]:
    """The texts of both arguments; empty if one has no text of its own."""
    if any("start" not in each for each in node["children"]):
        return []
    return [tree.expression[each["start"] : each["end"]] for each in node["children"]]
