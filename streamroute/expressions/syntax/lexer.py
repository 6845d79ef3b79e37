"""JMESPath's tokens, as ``jmespath.lexer`` makes them, but faster and with correct positions."""

from __future__ import annotations

import re
from json import loads
from typing import Any, Final

from streamroute.expressions.problem import ExpressionError
from streamroute.expressions.syntax.syntax_errors import Token, unexpected_character, unreadable_token
from streamroute.text.bounded_json import loads_bounded

_SPACE: Final = " \t\n\r"
_TOKEN: Final = re.compile(
    r"""
    [\x20\t\n\r]*
    (?: (?P<unquoted_identifier> [A-Za-z_][A-Za-z0-9_]* )
    | (?P<operator>   \[\? | \[\] | \|\| | && | <= | >= | != | == | [][.*,:@(){}|&<>!] )
    | (?P<number>     -?[0-9]+ )
    | (?P<raw>        ' [^'\\]* (?: \\. [^'\\]* )* ' )
    | (?P<literal>    ` [^`\\]* (?: \\. [^`\\]* )* ` )
    | (?P<quoted_identifier> " [^"\\]* (?: \\. [^"\\]* )* " )
    )
    """,
    re.VERBOSE | re.DOTALL,
)

_OPERATORS: Final = {
    "[?": "filter", "[]": "flatten", "[": "lbracket", "]": "rbracket", "||": "or", "|": "pipe", "&&": "and",
    "&": "expref", "<=": "lte", "<": "lt", ">=": "gte", ">": "gt", "!=": "ne", "!": "not", "==": "eq",
    ".": "dot", "*": "star", ",": "comma", ":": "colon", "@": "current", "(": "lparen", ")": "rparen",
    "{": "lbrace", "}": "rbrace",
}  # fmt: skip


def tokenize(expression: str) -> list[Token]:
    """Split an expression into tokens, ``eof`` last. Raises ExpressionError for invalid text."""
    tokens: list[Token] = []
    match, position, length = _TOKEN.match, 0, len(expression.rstrip(_SPACE))
    while position < length:
        token_match = match(expression, position)
        if token_match is None:
            raise unexpected_character(expression, _next_character(expression, position))
        kind = str(token_match.lastgroup)
        start, position = token_match.span(kind)
        tokens.append(_token(expression, kind, token_match[kind], start, position))
    tokens.append({"type": "eof", "value": "", "start": len(expression), "end": len(expression)})
    return tokens


def is_same_text(first: str | None, second: str | None) -> bool:
    """Whether two expressions differ at most in white space between tokens; an invalid one equals itself."""
    if first == second:
        return True
    if first is None or second is None:
        return False
    try:
        return _without_spaces(first) == _without_spaces(second)
    except ExpressionError:
        return False


def _without_spaces(expression: str) -> list[tuple[str, str]]:
    # The repr of the value: in Python, 1 equals true.
    return [(token["type"], repr(token["value"])) for token in tokenize(expression)]


def _next_character(expression: str, position: int) -> int:
    rest = expression[position:]
    return position + len(rest) - len(rest.lstrip(_SPACE))


def _token(expression: str, kind: str, text: str, start: int, end: int) -> Token:
    value: Any = text
    if kind == "operator":
        kind = _OPERATORS[text]
    elif kind != "unquoted_identifier":
        try:
            kind, value = _READERS[kind](text)
        except RecursionError:
            raise unreadable_token(expression, "deep_literal", start, end) from None
        except ValueError:
            raise unreadable_token(expression, kind, start, end) from None
    return {"type": kind, "value": value, "start": start, "end": end}


def _read_number(text: str) -> tuple[str, Any]:
    return "number", int(text)


def _read_raw(text: str) -> tuple[str, Any]:
    return "literal", text[1:-1].replace("\\'", "'")


def _read_literal(text: str) -> tuple[str, Any]:
    body = text[1:-1].replace("\\`", "`")
    try:
        return "literal", loads_bounded(body)
    except ValueError:
        # JEP-12: a literal that is not JSON is a string; deprecated, but part of the language.
        return "literal", loads(f'"{body.lstrip()}"')


def _read_quoted(text: str) -> tuple[str, Any]:
    return "quoted_identifier", loads(text)


_READERS: Final = {
    "number": _read_number,
    "raw": _read_raw,
    "literal": _read_literal,
    "quoted_identifier": _read_quoted,
}
