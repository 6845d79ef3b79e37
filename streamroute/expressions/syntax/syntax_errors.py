"""What is wrong with an expression's syntax, in the words of a person who reads routes, not grammars."""

from __future__ import annotations

import re
from typing import Any, Final

from streamroute.expressions.foreign import hints as foreign
from streamroute.expressions.foreign.rewrite import rewritten
from streamroute.expressions.lint import ELEMENTS
from streamroute.expressions.problem import Problem

_CLOSERS: Final = {"lparen": ")", "lbracket": "]", "filter": "]", "lbrace": "}"}
_OPENERS: Final = {")": "(", "]": "[", "}": "{"}
_DASHED: Final = re.compile(r"(?<!\w)[A-Za-z_]\w*(?:-\w+)+", re.ASCII)
_ARITHMETIC: Final = "+/%^"
_REVERSED: Final = ("=>", "=<", "=!")
_ARROW: Final = re.compile(r"\w\s*\(\s*(?:\w+|\([\w\s,]*\))\s*\Z")
"""What stands before the ``=>`` of a function, as in ``items.some(item => ...)``."""


def problem(message: str, start: int, end: int | None, help_text: str | None = None) -> Problem:
    """A syntax problem at these offsets."""
    return Problem(foreign.SYNTAX, message, start, end, help_text)


def no_token(expression: str, at: int) -> Problem:
    """What to say of a character that begins no token."""
    return _advised(expression, _no_token(expression, at))


def _advised(expression: str, found: Problem) -> Problem:
    """The problem, with the whole expression as it was meant, where that is plain."""
    meant = rewritten(expression)
    return found._replace(help=f"write {meant}") if meant else found


def _no_token(expression: str, at: int) -> Problem:
    char = expression[at]
    if char in "'\"`":
        return problem(f"the {char} opened here is never closed", at, None)
    mistake = foreign.sign(expression, at)
    if mistake is not None:
        return mistake.at(at, at + 1)
    if char == "=":
        return _equals(expression, at)
    if char == "-":
        return _dash(expression, at)
    if char in _ARITHMETIC:
        return problem(f"JMESPath has no {char} operator: it compares, it does not calculate", at, at + 1)
    return problem(f"unexpected character {char!r}", at, at + 1)


def _equals(expression: str, at: int) -> Problem:
    if at >= 2 and expression[at - 2 : at] in ("==", "!=", ">=", "<="):
        sign = expression[at - 2 : at + 1]
        return problem(f"JMESPath has no {sign} operator", at - 2, at + 1, f"write {sign[:2]}")
    if _ARROW.search(expression, 0, at) and expression.startswith("=>", at):
        return problem("JMESPath has no functions with =>", at, at + 2, ELEMENTS)
    if expression[at : at + 2] in _REVERSED:
        sign = expression[at : at + 2]
        return problem(f"JMESPath has no {sign} operator", at, at + 2, f"write {sign[::-1]}")
    return problem("a single = compares nothing", at, at + 1, "write == to compare")


def _dash(expression: str, at: int) -> Problem:
    for name in _DASHED.finditer(expression):
        if name.start() < at < name.end():
            return problem(
                f'a name with a dash is written in double quotes: "{name[0]}"', name.start(), name.end()
            )
    return problem("JMESPath has no - operator: it compares, it does not calculate", at, at + 1)


def bad_token(kind: str, start: int, end: int) -> Problem:
    """What to say of a token whose inside cannot be read."""
    if kind == "number":
        return problem("a number with too many digits", start, end)
    if kind == "literal":
        return problem("what stands between the backticks is not JSON", start, end)
    message = 'a backslash in a "name" begins an escape, as in JSON'
    return problem(message, start, end, 'the escapes are \\" \\\\ \\/ \\b \\f \\n \\r \\t and \\u00e9')


def unexpected(expression: str, tokens: list[dict[str, Any]], index: int) -> Problem:
    """What to say of a token that stands where the grammar takes another."""
    return _advised(expression, _unexpected(expression, tokens, index))


def _unexpected(expression: str, tokens: list[dict[str, Any]], index: int) -> Problem:
    token = tokens[index]
    before = tokens[index - 1] if index else None
    if token["type"] == "eof":
        return _cut_short(expression, tokens)
    start, end = token["start"], token["end"]
    mistake = _common_mistake(expression, tokens, index)
    if mistake is not None:
        return mistake.at(start, end)
    text = expression[start:end]
    if before is None:
        return problem(f"an expression cannot begin with {text}", start, end)
    after = expression[before["start"] : before["end"]]
    return problem(f"unexpected {_short(text)} after {_short(after)}", start, end)


def _cut_short(expression: str, tokens: list[dict[str, Any]]) -> Problem:
    if len(tokens) == 1:
        return problem("the expression is empty", 0, None)
    opened = _unclosed(expression, tokens)
    last = tokens[-2]
    if opened is not None and _ends_a_value(last):
        start, end = opened["start"], opened["end"]
        text, closer = expression[start:end], _CLOSERS[opened["type"]]
        return problem(f"the {text} opened here is never closed; it needs a {closer}", start, end)
    start, end = last["start"], last["end"]
    text = _short(expression[start:end])
    return problem(f"the expression ends after {text}, where more must follow", start, end)


def _unclosed(expression: str, tokens: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The innermost bracket that is still open at the end."""
    stack: list[dict[str, Any]] = []
    for token in tokens:
        if token["type"] in _CLOSERS:
            stack.append(token)
        elif expression[token["start"] : token["end"]] in _OPENERS and stack:
            stack.pop()
    return stack[-1] if stack else None


_VALUE_ENDS: Final = frozenset(
    {"unquoted_identifier", "quoted_identifier", "literal", "number", "star", "current"}
    | {"rparen", "rbracket", "rbrace", "flatten"}
)


def _ends_a_value(token: dict[str, Any]) -> bool:
    return token["type"] in _VALUE_ENDS


def _common_mistake(expression: str, tokens: list[dict[str, Any]], index: int) -> foreign.Mistake | None:
    """The mistakes that people bring from other languages."""
    token, before = tokens[index], tokens[index - 1] if index else {"type": "", "value": ""}
    kind, value = token["type"], token["value"]
    follows_value = index > 0 and _ends_a_value(before)
    if kind == "number" and before["type"] == "dot":
        return foreign.Mistake(f"an index is written [{value}], without a dot")
    if kind == "number" and [each["type"] for each in tokens[index - 2 : index]] == ["dot", "lbracket"]:
        return foreign.Mistake(f"an index is written [{value}], without a dot before it")
    if kind == "number" and not follows_value:
        return foreign.number(expression, token["start"])
    if follows_value and str(before["value"]).lower() == "not" and before["type"] == "unquoted_identifier":
        return foreign.Mistake('JMESPath writes ! for "not"')
    found = foreign.token(expression, tokens, index)
    if found is None and kind == "unquoted_identifier" and follows_value:
        return foreign.word(expression, tokens, index)
    return found or _misplaced_sign(token, before["type"], follows_value=follows_value)


def _misplaced_sign(token: dict[str, Any], before: str, *, follows_value: bool) -> foreign.Mistake | None:
    kind = token["type"]
    if kind == "expref" and follows_value:
        return foreign.Mistake("a single & joins nothing", "write && for and")
    if follows_value and (kind == "star" or (kind == "number" and token["value"] < 0)):
        sign = "*" if kind == "star" else "-"
        return foreign.Mistake(f"JMESPath has no {sign} operator: it compares, it does not calculate")
    if kind == "gt" and before == "lt":
        return foreign.Mistake("<> compares nothing", "write != for not equal")
    if kind == "lparen" and before == "quoted_identifier":
        return foreign.Mistake("a function's name is written without quotes")
    if kind == "rbracket" and before == "filter":
        return foreign.Mistake("the filter [? ] is empty")
    return None


def _short(text: str, limit: int = 30) -> str:
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 3] + "..."
