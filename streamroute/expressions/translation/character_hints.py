"""Hints for characters that start no JMESPath token."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from streamroute.expressions.translation.function_hints import ELEMENTS
from streamroute.expressions.translation.hint import SyntaxHint, write

PATTERNS: Final = "use starts_with, ends_with or contains"

_TEMPLATE: Final = re.compile(r"\$?\{\{(?P<inside>[^{}]*)\}\}")
_PLACEHOLDER: Final = re.compile(r"\$\{\s*(?P<inside>[A-Za-z_][\w.]*)\s*\}")
_NAME: Final = re.compile(r"[^\W\d]\w*")
_DASHED: Final = re.compile(r"(?<!\w)[A-Za-z_]\w*(?:-\w+)+", re.ASCII)
_REVERSED: Final = ("=>", "=<", "=!")
_ARROW: Final = re.compile(r"\w\s*\(\s*(?:\w+|\([\w\s,]*\))\s*\Z")
"""The text before the ``=>`` of a function, as in ``items.some(item => ...)``."""
_TYPOGRAPHIC: Final = {
    **dict.fromkeys("\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb", "quote"),
    **dict.fromkeys("\u00a0\u2007\u202f", "space"),
}
"""Characters that text processors substitute for plain ones."""


def hint_for_char(expression: str, at: int) -> SyntaxHint | None:
    """Return the hint for a character that starts no token, if there is one."""
    hint = _HINTS.get(expression[at], _word_of_letters)
    return hint(expression, at)


def _tilde(expression: str, at: int) -> SyntaxHint | None:
    return _no_patterns("!~", at - 1) if expression[at - 1 : at] == "!" else None


def _no_patterns(operator: str, at: int) -> SyntaxHint:
    message = f"JMESPath has no {operator} operator and no regular expressions"
    return SyntaxHint(message, PATTERNS, (at, at + 2))


def _hash(expression: str, at: int) -> SyntaxHint | None:
    if "\n" not in expression and not expression[:at].strip():
        return None
    message = "comments are not allowed inside an expression or a block of text"
    return SyntaxHint(message, "move the comment above the key")


def _typographic(expression: str, at: int) -> SyntaxHint:
    if _TYPOGRAPHIC[expression[at]] == "space":
        return SyntaxHint("JMESPath does not accept a non-breaking space", "write an ordinary space")
    return SyntaxHint(f"{expression[at]} is a typographic quote", "write a straight quote: '")


def _word_of_letters(expression: str, at: int) -> SyntaxHint | None:
    name = _NAME.match(expression[at:])
    if not name:
        return None
    start, end = _start_of_word(expression, at), at + name.end()
    message = f'a name with "{expression[at]}" must be in double quotes: "{expression[start:end]}"'
    return SyntaxHint(message, None, (start, end))


def _start_of_word(expression: str, at: int) -> int:
    while at and (expression[at - 1].isalnum() or expression[at - 1] == "_"):
        at -= 1
    return at


def _dollar(expression: str, at: int) -> SyntaxHint:
    if expression.startswith("${{", at):
        return template(expression, at)
    if _PLACEHOLDER.search(expression):
        plain = _PLACEHOLDER.sub(lambda match: match["inside"], expression)
        return SyntaxHint("expressions are written without ${ }", write(plain), (at, at + 2))
    rest = expression[at + 1 :].lstrip(".")
    if expression.startswith("$.", at) and rest:
        return SyntaxHint('a path starts at the payload; remove "$."', write(expression[:at] + rest))
    return SyntaxHint("JMESPath has no $; a path starts at the payload")


def template(expression: str, at: int) -> SyntaxHint:
    """The hint for ``{{ path }}`` and ``${{ path }}``, which start at ``at``."""
    plain = _TEMPLATE.sub(lambda match: match["inside"].strip(), expression)
    mark = "${{ }}" if expression[at] == "$" else "{{ }}"
    location = (at, at + len(mark) // 2)
    return SyntaxHint(f"expressions are written without {mark}", write(plain), location)


def _question(expression: str, at: int) -> SyntaxHint:
    if expression.startswith("?.", at):
        rewritten = expression.replace("?.", ".")
        return SyntaxHint(
            "JMESPath has no ?. operator; a path through a missing field is null",
            write(rewritten),
            (at, at + 2),
        )
    if expression.startswith("??", at):
        rewritten = expression.replace("??", "||")
        return SyntaxHint("JMESPath has no ?? operator", write(rewritten), (at, at + 2))
    return SyntaxHint("JMESPath has no ? : operator", "write condition && value || other")


def _equals(expression: str, at: int) -> SyntaxHint:
    if expression.startswith("=~", at):
        return _no_patterns("=~", at)
    if at >= 2 and expression[at - 2 : at] in ("==", "!=", ">=", "<="):
        sign = expression[at - 2 : at + 1]
        return SyntaxHint(f"JMESPath has no {sign} operator", f"write {sign[:2]}", (at - 2, at + 1))
    if _ARROW.search(expression, 0, at) and expression.startswith("=>", at):
        return SyntaxHint("JMESPath has no => operator and no lambda functions", ELEMENTS, (at, at + 2))
    if expression[at : at + 2] in _REVERSED:
        sign = expression[at : at + 2]
        return SyntaxHint(f"JMESPath has no {sign} operator", f"write {sign[::-1]}", (at, at + 2))
    return SyntaxHint("JMESPath has no = operator", "write == to compare", (at, at + 1))


def _dash(expression: str, at: int) -> SyntaxHint:
    for name in _DASHED.finditer(expression):
        if name.start() < at < name.end():
            message = f'a name with a dash must be in double quotes: "{name[0]}"'
            return SyntaxHint(message, None, name.span())
    return _arithmetic(expression, at)


def _arithmetic(expression: str, at: int) -> SyntaxHint:
    message = f"JMESPath has no {expression[at]} operator and no arithmetic"
    return SyntaxHint(message, None, (at, at + 1))


_HINTS: Final[dict[str, Callable[[str, int], SyntaxHint | None]]] = {
    "$": _dollar,
    "?": _question,
    "=": _equals,
    "~": _tilde,
    "#": _hash,
    "-": _dash,
    **dict.fromkeys("+/%^", _arithmetic),
    **dict.fromkeys(_TYPOGRAPHIC, _typographic),
}
