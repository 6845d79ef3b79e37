"""Translate conditions from other languages (SQL, Python, JavaScript) to JMESPath.

A translation is offered only if it is JMESPath without any problem.
"""

from __future__ import annotations

from typing import Final

from streamroute.expressions.evaluate.interpreter import is_callable
from streamroute.expressions.static_checks import check_tree
from streamroute.expressions.syntax.parser import is_valid, parse, walk
from streamroute.expressions.translation.condition_parser import ConditionParser
from streamroute.expressions.translation.fragments import UntranslatableError
from streamroute.expressions.types.check import check_types
from streamroute.expressions.types.mistakes.likely_mistakes import FIELD_OF_A_LIST, LENGTH_AS_FIELD
from streamroute.expressions.types.mistakes.malformed_literals import VALUE_IN_QUOTES
from streamroute.expressions.types.mistakes.payload_names import IF_A_FIELD, NAMED_PAYLOAD

MAX_ADVICE_LENGTH: Final = 80
"""The longest expression that advice offers, in characters."""

_SURE: Final = frozenset({NAMED_PAYLOAD, LENGTH_AS_FIELD, VALUE_IN_QUOTES, FIELD_OF_A_LIST})
"""The rules whose help is a translation: nothing else can be meant."""

_CALL: Final = "function_expression"
_STRAIGHT_QUOTES: Final = str.maketrans(
    dict.fromkeys("\u2018\u2019\u201a", "'") | dict.fromkeys("\u201c\u201d\u201e", '"')
)


def translate(expression: str) -> str | None:
    """Translate a condition to JMESPath, on one line; None if its meaning is not certain."""
    if len(expression) > 2 * MAX_ADVICE_LENGTH:
        return None
    try:
        text = ConditionParser(expression.translate(_STRAIGHT_QUOTES)).parse()
    except UntranslatableError:
        return None
    right = without_problems(text) if len(text) <= MAX_ADVICE_LENGTH else None
    return None if right == " ".join(expression.split()) else right


def without_problems(text: str) -> str | None:
    """The expression if it has no problem, else the one that its help offers; None if that has any, too."""
    if not is_valid(text):
        return None
    tree = parse(text)
    calls = [node for node, _, _ in walk(tree.root, 0, len(text)) if node["type"] == _CALL]
    if not all(is_callable(node["value"], len(node["children"])) for node in calls):
        return None
    problems = [*check_tree(tree)] or check_types(tree)
    if not problems:
        return text
    corrected = (problems[0].help or "").removeprefix("write ").partition(IF_A_FIELD)[0]
    is_shorter = problems[0].code in _SURE and len(corrected) < len(text) + 2 * len("``[*]")
    return without_problems(corrected) if is_shorter and corrected != text else None
