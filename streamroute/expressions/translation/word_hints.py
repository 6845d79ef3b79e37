"""Hints for words that are operators in other languages."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from streamroute.expressions.syntax.syntax_errors import Token
from streamroute.expressions.translation.character_hints import PATTERNS
from streamroute.expressions.translation.hint import SyntaxHint, write
from streamroute.expressions.translation.operands import operand_after, path_before

_NUMBER: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_OPERATOR_SYMBOLS: Final = {
    "and": "&&", "or": "||", "not": "!",
    "eq": "==", "ne": "!=", "neq": "!=", "gt": ">", "gte": ">=", "ge": ">=",
    "lt": "<", "lte": "<=", "le": "<=",
}  # fmt: skip
_TEXT_SEARCHES: Final = ("like", "ilike", "matches", "startswith", "endswith", "regex")
_LITERAL_WORDS: Final = {
    "true": "`true`", "false": "`false`", "null": "`null`", "none": "`null`", "undefined": "`null`",
}  # fmt: skip


def hint_for_word(expression: str, tokens: Sequence[Token], index: int) -> SyntaxHint | None:
    """Return the hint for a name in the position of an operator, if there is one."""
    text = tokens[index]["value"]
    lower = text.lower()
    if lower in _OPERATOR_SYMBOLS:
        return SyntaxHint(f'JMESPath writes {_OPERATOR_SYMBOLS[lower]} for "{text}"')
    if lower in _OPERATORS:
        return _OPERATORS[lower](expression, tokens, index)
    if lower in _TEXT_SEARCHES:
        return SyntaxHint(f'JMESPath has no "{text}" operator', PATTERNS)
    if index == 1 and str(tokens[0]["value"]).lower() in ("if", "when", "where", "return"):
        message = f'JMESPath has no "{tokens[0]["value"]}"; the expression itself is the condition'
        location = (tokens[0]["start"], tokens[0]["end"])
        return SyntaxHint(message, write(expression[tokens[1]["start"] :]), location)
    return None


def _membership(expression: str, tokens: Sequence[Token], index: int) -> SyntaxHint:
    """The hint for ``tier in ['gold', 'vip']`` and ``tags contains 'vip'``."""
    text, (left, _) = tokens[index]["value"], path_before(expression, tokens, index)
    right = operand_after(expression, tokens, index)
    message = f'JMESPath has no "{text}" operator'
    if not left or not right:
        return SyntaxHint(message, "write contains(list, value)")
    pair = (right, left) if text.lower() == "in" else (left, right)
    return SyntaxHint(message, f"write contains({', '.join(pair)})")


def _identity(expression: str, tokens: Sequence[Token], index: int) -> SyntaxHint:
    """The hint for ``vip is true`` and ``tier is not null``."""
    negated = str(tokens[index + 1]["value"]).lower() == "not"
    literal_token = tokens[index + 1 + negated]  # in range: the last token is "eof"
    literal = _LITERAL_WORDS.get(str(literal_token["value"]).lower())
    if literal is None:
        return SyntaxHint('JMESPath has no "is" operator', "write == or !=")
    left, _ = path_before(expression, tokens, index)
    return SyntaxHint('JMESPath has no "is" operator', f"write {left} {'!=' if negated else '=='} {literal}")


def _between(expression: str, tokens: Sequence[Token], index: int) -> SyntaxHint:
    left, _ = path_before(expression, tokens, index)
    bounds = [expression[each["start"] : each["end"]] for each in tokens[index + 1 : index + 4 : 2]]
    if len(bounds) < 2:
        return SyntaxHint('JMESPath has no "between" operator')
    low, high = (f"`{bound}`" if _NUMBER.fullmatch(bound) else bound for bound in bounds)
    return SyntaxHint('JMESPath has no "between" operator', f"write {left} >= {low} && {left} <= {high}")


def _presence(expression: str, tokens: Sequence[Token], index: int) -> SyntaxHint:
    """The hint for ``coupon exists``."""
    left, _ = path_before(expression, tokens, index)
    text = tokens[index]["value"]
    return SyntaxHint(f'JMESPath has no "{text}" operator', f"write {left} != `null`" if left else None)


_OPERATORS: Final[dict[str, Callable[[str, Sequence[Token], int], SyntaxHint]]] = {
    "exists": _presence,
    "in": _membership,
    "contains": _membership,
    "is": _identity,
    "between": _between,
}
