"""Syntax errors: the unexpected token, and its place.

The messages follow the grammar. ``lint`` adds what the author probably meant.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from streamroute.expressions.problem import ExpressionError, Problem
from streamroute.text.json_problems import MAX_DEPTH
from streamroute.text.truncation import ellipsize

Token = dict[str, Any]
"""``type``, ``value``, ``start`` and ``end`` (exclusive): the form that jmespath's parser reads."""

SYNTAX: Final = "SR301"

_CLOSERS: Final = {"lparen": ")", "lbracket": "]", "filter": "]", "lbrace": "}"}
_OPENERS: Final = {")": "(", "]": "[", "}": "{"}
_VALUE_ENDS: Final = frozenset(
    {"unquoted_identifier", "quoted_identifier", "literal", "number", "star", "current"}
    | {"rparen", "rbracket", "rbrace", "flatten"}
)


class ExpressionSyntaxError(ExpressionError):
    """Raised if an expression is not JMESPath.

    ``tokens[index]`` is the token that the grammar does not allow; without tokens, no token begins at the
    problem's ``start``.
    """

    def __init__(
        self, expression: str, problem: Problem, tokens: Sequence[Token] = (), index: int = 0
    ) -> None:
        super().__init__(expression, problem)
        self.tokens = tokens
        self.index = index


def unexpected_character(expression: str, at: int) -> ExpressionSyntaxError:
    """The error for a character that starts no token."""
    char = expression[at]
    if char in "'\"`":
        problem = _problem(f"this {char} is never closed", at, None)
    else:
        problem = _problem(f"unexpected character {char!r}", at, at + 1)
    return ExpressionSyntaxError(expression, problem)


def unreadable_token(expression: str, kind: str, start: int, end: int) -> ExpressionError:
    """The error for a token whose content is invalid."""
    message, help_text = _UNREADABLE[kind]
    return ExpressionError(expression, _problem(message, start, end, help_text))


_UNREADABLE: Final = {
    "number": ("the number has too many digits", None),
    "literal": ("the text between the backticks is not JSON", None),
    "deep_literal": (f"the JSON between the backticks is nested deeper than {MAX_DEPTH} levels", None),
    "quoted_identifier": (
        "invalid escape sequence in a name in double quotes",
        'the escapes of JSON are allowed: \\" \\\\ \\/ \\b \\f \\n \\r \\t and \\u00e9',
    ),
}


def unexpected_token(expression: str, tokens: Sequence[Token], index: int) -> ExpressionSyntaxError:
    """The error for a token that the grammar does not allow at its position."""
    problem = _unexpected_token(expression, tokens, index)
    return ExpressionSyntaxError(expression, problem, tokens, index)


def _unexpected_token(expression: str, tokens: Sequence[Token], index: int) -> Problem:
    token = tokens[index]
    if token["type"] == "eof":
        return _unexpected_end(expression, tokens)
    start, end = token["start"], token["end"]
    text = expression[start:end]
    if index == 0:
        return _problem(f"an expression cannot start with {text}", start, end)
    before = tokens[index - 1]
    after = expression[before["start"] : before["end"]]
    return _problem(f"unexpected {_short(text)} after {_short(after)}", start, end)


def _unexpected_end(expression: str, tokens: Sequence[Token]) -> Problem:
    if len(tokens) == 1:
        return _problem("the expression is empty", 0, None)
    opened = _unclosed(expression, tokens)
    last = tokens[-2]
    if opened is not None and ends_a_value(last):
        start, end = opened["start"], opened["end"]
        text, closer = expression[start:end], _CLOSERS[opened["type"]]
        return _problem(f"this {text} is never closed; add a {closer}", start, end)
    start, end = last["start"], last["end"]
    text = _short(expression[start:end])
    return _problem(f"unexpected end of the expression after {text}", start, end)


def _unclosed(expression: str, tokens: Sequence[Token]) -> Token | None:
    """The innermost bracket that is still open at the end."""
    stack: list[Token] = []
    for token in tokens:
        if token["type"] in _CLOSERS:
            stack.append(token)
        elif expression[token["start"] : token["end"]] in _OPENERS and stack:
            stack.pop()
    return stack[-1] if stack else None


def ends_a_value(token: Token) -> bool:
    """Whether a value may end with this token."""
    return token["type"] in _VALUE_ENDS


def _problem(message: str, start: int, end: int | None, help_text: str | None = None) -> Problem:
    return Problem(SYNTAX, message, start, end, help_text, fatal=True)


def _short(text: str, limit: int = 30) -> str:
    return ellipsize(" ".join(text.split()), limit)
