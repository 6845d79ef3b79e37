"""A condition in the habits of other languages (SQL, Python, JavaScript), written as JMESPath.

It is offered only if it is JMESPath in which nothing is wrong.
"""

from __future__ import annotations

from typing import Final

from streamroute.expressions.evaluate.interpreter import is_callable
from streamroute.expressions.static_checks import check_tree
from streamroute.expressions.syntax.parser import is_valid, parse, walk
from streamroute.expressions.translation.condition_parser import Reader
from streamroute.expressions.translation.fragments import GiveUpError
from streamroute.expressions.types.check import check_types
from streamroute.expressions.types.mistakes.payload_names import IF_A_FIELD

LONGEST: Final = 80
"""Characters of a rewritten expression that is still read at a glance."""

_WHOLE: Final = frozenset({"SR322", "SR323", "SR324", "SR326"})
"""The rules whose help is the whole expression as it was meant."""

_CALL: Final = "function_expression"
_STRAIGHT: Final = str.maketrans(
    dict.fromkeys("\u2018\u2019\u201a", "'") | dict.fromkeys("\u201c\u201d\u201e", '"')
)


def rewritten(expression: str) -> str | None:
    """The condition as JMESPath, on one line; None where nobody can say what was meant."""
    if len(expression) > 2 * LONGEST:
        return None
    try:
        text = Reader(expression.translate(_STRAIGHT)).whole()
    except GiveUpError:
        return None
    right = as_right(text) if len(text) <= LONGEST else None
    return None if right == " ".join(expression.split()) else right


def as_right(text: str) -> str | None:
    """The text once nothing is wrong with it, whatever the message; None if something stays wrong."""
    if not is_valid(text):
        return None
    tree = parse(text)
    calls = [node for node, _, _ in walk(tree.root, 0, len(text)) if node["type"] == _CALL]
    if not all(is_callable(node["value"], len(node["children"])) for node in calls):
        return None
    problems = [*check_tree(tree)] or check_types(tree)
    if not problems:
        return text
    meant = (problems[0].help or "").removeprefix("write ").partition(IF_A_FIELD)[0]
    is_shorter = problems[0].code in _WHOLE and len(meant) < len(text) + 2 * len("``[*]")
    return as_right(meant) if is_shorter and meant != text else None
