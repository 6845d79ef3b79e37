"""Tokens of conditions in other languages."""

from __future__ import annotations

import re
from typing import Final

from streamroute.expressions.translation.fragments import give_up

LexedToken = tuple[str, str]
"""The kind of a token, and its text."""

_TOKEN: Final = re.compile(
    r"""
    (?P<string>   '(?:[^'\\]|\\.)*' | "(?:[^"\\]|\\.)*" )
    | (?P<literal> `(?:[^`\\]|\\.)*` )
    | (?P<open>   ['"`][\s\S]* )
    | (?P<date>   [0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[-+:.0-9Z]*)? )
    | (?P<number> (?:0|[1-9][0-9_]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)? )
    | (?P<name>   [A-Za-z_][A-Za-z0-9_]* )
    | (?P<sign>   === | !== | >== | <== | == | != | <= | >= | =< | => | =! | <> | && | \|\| | \?\? | \?\.
                  | -> | [][.,(){}=<>!&|@*:$;?~-] )
    """,
    re.VERBOSE,
)


def tokens_of(expression: str) -> list[LexedToken]:
    """Split a condition into tokens. Raises UntranslatableError for text that is not a token."""
    tokens: list[LexedToken] = []
    at = 0
    for match in _TOKEN.finditer(expression):
        if match.lastgroup == "open" or expression[at : match.start()].strip():
            give_up()
        tokens.append((str(match.lastgroup), match[0]))
        at = match.end()
    if expression[at:].strip():
        give_up()
    return tokens


class TokenCursor:
    """A position in a list of tokens."""

    def __init__(self, tokens: list[LexedToken]) -> None:
        self._tokens = tokens
        self._at = 0

    def _has(self, sign: str) -> bool:
        return ("sign", sign) in self._tokens

    def _kind(self, ahead: int = 0) -> str:
        at = self._at + ahead
        return self._tokens[at][0] if at < len(self._tokens) else "end"

    def _text(self, ahead: int = 0) -> str:
        at = self._at + ahead
        return self._tokens[at][1] if at < len(self._tokens) else ""

    def _lower(self, ahead: int = 0) -> str:
        return self._text(ahead).lower() if self._kind(ahead) in ("name", "sign") else ""

    def _take(self, *words: str) -> bool:
        if self._lower() not in words:
            return False
        self._at += 1
        return True

    def _expect(self, word: str) -> None:
        if not self._take(word):
            give_up()

    def _next(self) -> str:
        if self._kind() == "end":
            give_up()
        self._at += 1
        return self._text(-1)
