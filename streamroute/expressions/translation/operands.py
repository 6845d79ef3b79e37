"""The operands around an unexpected token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from streamroute.expressions.syntax.syntax_errors import Token

_PATH: Final = frozenset(
    {"unquoted_identifier", "quoted_identifier", "dot", "lbracket", "rbracket", "number", "star", "flatten"}
)
_CLOSERS: Final = {"lbracket": "rbracket", "lparen": "rparen"}


def path_before(expression: str, tokens: Sequence[Token], index: int) -> tuple[str, int]:
    """The path that ends before a token, and the index of its first token."""
    first = index
    while first and tokens[first - 1]["type"] in _PATH and _continues(tokens, first, index):
        first -= 1
    if first == index:
        return "", index
    return expression[tokens[first]["start"] : tokens[index - 1]["end"]], first


def _continues(tokens: Sequence[Token], at: int, end: int) -> bool:
    """Whether the tokens before and at ``at`` belong to one path: two adjacent names do not."""
    if at == end:
        return True
    names = ("unquoted_identifier", "quoted_identifier")
    return not (tokens[at - 1]["type"] in names and tokens[at]["type"] in names)


def operand_after(expression: str, tokens: Sequence[Token], index: int) -> str | None:
    """The literal, path or list of literals after a word, in JMESPath."""
    first = tokens[index + 1]
    if first["type"] in _CLOSERS:
        items = _items(tokens, index + 1)
        return None if items is None else f"[{', '.join(items)}]"
    if first["type"] in ("literal", "unquoted_identifier"):
        return expression[first["start"] : first["end"]]
    return f"'{first['value']}'" if first["type"] == "quoted_identifier" else None


def _items(tokens: Sequence[Token], opener: int) -> list[str] | None:
    """The literals of ``['a', "b", 3]``, in brackets or parentheses; None if it contains anything else."""
    closer = _CLOSERS[tokens[opener]["type"]]
    items: list[str] = []
    for each in tokens[opener + 1 :]:
        if each["type"] == closer:
            return items or None
        if each["type"] in ("literal", "quoted_identifier") and isinstance(each["value"], str):
            items.append("'" + each["value"].replace("'", "\\'") + "'")
        elif each["type"] == "number":
            items.append(f"`{each['value']}`")
        elif each["type"] != "comma":
            return None
    return None
