"""Hints for unexpected tokens."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from streamroute.expressions.syntax.syntax_errors import Token, ends_a_value
from streamroute.expressions.translation.character_hints import template
from streamroute.expressions.translation.hint import SyntaxHint, write
from streamroute.expressions.translation.operands import path_before
from streamroute.expressions.translation.word_hints import hint_for_word

_NUMBER: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[-+:.0-9Z]+)?")
_NO_TOKEN: Final[Token] = {"type": "", "value": ""}
_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def hint_for_token(expression: str, tokens: Sequence[Token], index: int) -> SyntaxHint | None:
    """Return the hint for a token that the grammar does not allow at its position, if there is one."""
    if tokens[index]["type"] == "eof":
        return None
    token, before = tokens[index], tokens[index - 1] if index else _NO_TOKEN
    kind, follows_value = token["type"], index > 0 and ends_a_value(before)
    if kind == "number" and not follows_value:
        return _hint_for_number(expression, tokens, index)
    if follows_value and str(before["value"]).lower() == "not" and before["type"] == "unquoted_identifier":
        return SyntaxHint('JMESPath writes ! for "not"')
    hint = _hint_for_odd_token(expression, tokens, index)
    if hint is None and kind == "unquoted_identifier" and follows_value:
        return hint_for_word(expression, tokens, index)
    return hint or _misplaced_sign(token, before["type"], follows_value=follows_value)


def _misplaced_sign(token: Token, before: str, *, follows_value: bool) -> SyntaxHint | None:
    kind = token["type"]
    if kind == "expref" and follows_value:
        return SyntaxHint("JMESPath has no & operator", "write && for and")
    if follows_value and (kind == "star" or (kind == "number" and token["value"] < 0)):
        sign = "*" if kind == "star" else "-"
        return SyntaxHint(f"JMESPath has no {sign} operator and no arithmetic")
    if kind == "gt" and before == "lt":
        return SyntaxHint("JMESPath has no <> operator", "write != for not equal")
    if kind == "lparen" and before == "quoted_identifier":
        return SyntaxHint("write the function name without quotes")
    if kind == "rbracket" and before == "filter":
        return SyntaxHint("the filter [? ] is empty")
    return None


def _hint_for_odd_token(expression: str, tokens: Sequence[Token], index: int) -> SyntaxHint | None:
    kind, before = tokens[index]["type"], tokens[index - 1]["type"] if index else ""
    if kind == "lbrace" and before == "lbrace":
        return template(expression, tokens[index - 1]["start"])
    if kind == "dot" and index == 0:
        rest = expression[tokens[0]["end"] :].strip()
        return SyntaxHint("a path starts with a name, not with a dot", write(rest) if rest else None)
    if kind == "literal" and before == "literal":
        return _adjacent(expression, tokens[index - 1], tokens[index])
    return _in_brackets(expression, tokens, index) if before == "lbracket" else None


def _hint_for_number(expression: str, tokens: Sequence[Token], index: int) -> SyntaxHint:
    value, start = tokens[index]["value"], tokens[index]["start"]
    before = [each["type"] for each in tokens[max(index - 2, 0) : index]]
    if before[-1:] == ["dot"]:
        return SyntaxHint(f"an index is in brackets, without a dot: [{value}]")
    if before == ["dot", "lbracket"]:
        return SyntaxHint(f"an index has no dot before it: [{value}]")
    return _bare_number(expression, start)


def _bare_number(expression: str, start: int) -> SyntaxHint:
    date = _DATE.match(expression, start)
    if date:
        return SyntaxHint(f"a date must be a string in single quotes: '{date[0]}'", None, date.span())
    match = _NUMBER.match(expression, start)
    text = match[0] if match else expression[start : start + 1]
    location = (start, start + len(text))
    return SyntaxHint(f"a number must be in backticks: `{text}`", None, location)


def _adjacent(expression: str, first: Token, second: Token) -> SyntaxHint | None:
    if expression[first["start"]] != "'" or first["end"] != second["start"]:
        return None
    joined = (
        f"{expression[first['start'] : first['end'] - 1]}\\'{expression[second['start'] + 1 : second['end']]}"
    )
    return SyntaxHint(
        "a ' inside a string is escaped as \\'", f"write {joined}", (first["start"], second["end"])
    )


def _in_brackets(expression: str, tokens: Sequence[Token], index: int) -> SyntaxHint | None:
    """The hint for ``guest['tier']`` and ``rooms[beds > `1`]``."""
    inside, following = tokens[index], tokens[index + 1]["type"]
    text = expression[inside["start"] : inside["end"]]
    if inside["type"] in ("literal", "quoted_identifier") and isinstance(inside["value"], str):
        base = path_before(expression, tokens, index - 1)[0]
        name = (
            inside["value"]
            if _PLAIN.match(inside["value"])
            else '"' + inside["value"].replace('"', '\\"') + '"'
        )
        help_text = (
            f"write {base}.{name}" if following == "rbracket" and base else "write guest.name for a field"
        )
        return SyntaxHint("a field is selected with a dot, not with brackets", help_text)
    if inside["type"] == "unquoted_identifier" and following not in ("rbracket", "eof"):
        return SyntaxHint("a filter of list elements starts with [?", f"write [?{text} ...]")
    base = path_before(expression, tokens, index - 1)[0]
    if inside["type"] == "unquoted_identifier" and base and following == "rbracket":
        return SyntaxHint("an index is a number, * or [? filter]", f"for a field, write {base}.{text}")
    if inside["type"] in ("literal", "unquoted_identifier", "quoted_identifier"):
        return SyntaxHint("an index is a number, * or [? filter]", "write guest.name for a field")
    return None
