"""The mutants of a Lua script: comparisons, counts, keys and arguments, and omitted writes.

A tokenizer is enough: scripts are short, and a mutant changes a token, a condition, or a whole line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from mutant import Edit, Mutant, mutants_of

_TOKEN: Final = re.compile(
    r"""
    (?P<comment> --[^\n]* )
    | (?P<string> '(?:\\.|[^'\\\n])*' | "(?:\\.|[^"\\\n])*" )
    | (?P<number> \d+(?:\.\d+)? )
    | (?P<name> [A-Za-z_][A-Za-z0-9_]* )
    | (?P<operator> \.\.\.? | == | ~= | <= | >= | [-+*/%^\#<>=(){}\[\];:,.] )
    """,
    re.VERBOSE,
)

_SWAPPED: Final = {
    "<": ("comparison", "<="),
    "<=": ("comparison", "<"),
    ">": ("comparison", ">="),
    ">=": ("comparison", ">"),
    "==": ("comparison", "~="),
    "~=": ("comparison", "=="),
    "+": ("arithmetic", "-"),
    "-": ("arithmetic", "+"),
    "*": ("arithmetic", "/"),
    "/": ("arithmetic", "*"),
    "and": ("and/or", "or"),
    "or": ("and/or", "and"),
    "true": ("true/false", "false"),
    "false": ("true/false", "true"),
    "min": ("min/max", "max"),
    "max": ("min/max", "min"),
}

_TABLES: Final = ("KEYS", "ARGV")


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int
    line: int


def lua_mutants(path: str, source: str) -> list[Mutant]:
    """Return all mutants of a script, in order; comments and strings stay unchanged."""
    tokens = _tokens(source)
    edits: list[Edit] = []
    for at, token in enumerate(tokens):
        edits += _of_token(tokens, at, token)
        edits += _of_condition(source, tokens, at, token)
        edits += _of_call(source, tokens, at, token)
    return mutants_of(path, source, edits)


def _tokens(source: str) -> list[_Token]:
    found = [
        _Token(
            str(match.lastgroup),
            match.group(),
            match.start(),
            match.end(),
            source.count("\n", 0, match.start()) + 1,
        )
        for match in _TOKEN.finditer(source)
    ]
    return [token for token in found if token.kind != "comment"]


def _edit(operator: str, token: _Token, replacement: str, end: int | None = None) -> Edit:
    return Edit(
        operator, token.start, token.end if end is None else end, replacement, (token.line, token.line)
    )


def _of_token(tokens: list[_Token], at: int, token: _Token) -> list[Edit]:
    if token.kind == "number":
        return [_index_or_number(tokens, at, token)]
    if token.kind == "name" and token.text == "not":
        return [_edit("not removed", token, "", end=tokens[at + 1].start)]
    if token.kind == "name" and token.text == "break":
        return [_edit("break removed", token, "")]
    if token.text in _SWAPPED and token.kind != "string" and not _is_sign(tokens, at):
        return [_edit(*_with_token(token))]
    return []


def _with_token(token: _Token) -> tuple[str, _Token, str]:
    operator, replacement = _SWAPPED[token.text]
    return operator, token, replacement


def _index_or_number(tokens: list[_Token], at: int, token: _Token) -> Edit:
    """Replace KEYS[1] by its neighbour, if there is one; increment any other number."""
    table = tokens[at - 2].text if at >= 2 and tokens[at - 1].text == "[" else ""
    if table in _TABLES:
        used = [int(number.text) for name, number in _indexes(tokens) if name == table]
        number = int(token.text)
        others = [other for other in (number + 1, number - 1) if other in used]
        return _edit("key or argument", token, str(others[0] if others else number + 1))
    value = float(token.text) if "." in token.text else int(token.text)
    return _edit("number", token, str(value + 1))


def _indexes(tokens: list[_Token]) -> list[tuple[str, _Token]]:
    return [
        (name.text, number)
        for name, bracket, number in zip(tokens, tokens[1:], tokens[2:], strict=False)
        if name.text in _TABLES and bracket.text == "[" and number.kind == "number"
    ]


def _is_sign(tokens: list[_Token], at: int) -> bool:
    """Whether a minus is a sign rather than an operator."""
    if tokens[at].text != "-":
        return False
    before = tokens[at - 1]
    return before.kind == "operator" and before.text not in (")", "]")


def _of_condition(source: str, tokens: list[_Token], at: int, token: _Token) -> list[Edit]:
    """Negate the condition of ``if x then``, if no other operator inverts it."""
    if token.text not in ("if", "elseif") or token.kind != "name":
        return []
    end = next(place for place in range(at, len(tokens)) if tokens[place].text == "then")
    inside = tokens[at + 1 : end]
    turned = {"and", "or", "not", "==", "~=", "<", "<=", ">", ">="}
    if any(part.text in turned and part.kind != "string" for part in inside):
        return []
    text = source[inside[0].start : inside[-1].end]
    return [_edit("condition negated", inside[0], f"not ({text})", end=inside[-1].end)]


def _of_call(source: str, tokens: list[_Token], at: int, token: _Token) -> list[Edit]:
    """Remove a command whose reply is not used; make ``return x`` return nothing."""
    if token.text == "return" and token.kind == "name":
        value = tokens[at + 1] if at + 1 < len(tokens) else None
        return _return_nothing(tokens, at, value) if value else []
    if token.text not in ("redis", "table") or not _begins_statement(source, tokens, at):
        return []
    end = _end_of_call(tokens, at)
    return [_edit("call removed", token, "", end=end)] if end is not None else []


def _return_nothing(tokens: list[_Token], at: int, value: _Token) -> list[Edit]:
    if value.text in ("end", "nil", "true", "false") or value.kind == "number":
        return []
    last = at + 1
    depth = 0
    for place in range(at + 1, len(tokens)):
        word = tokens[place].text
        if depth == 0 and (word == "end" or tokens[place].line > tokens[last].line):
            break
        depth += {"(": 1, "{": 1, "[": 1, ")": -1, "}": -1, "]": -1}.get(word, 0)
        last = place
    return [_edit("return value removed", value, "nil", end=tokens[last].end)]


def _begins_statement(source: str, tokens: list[_Token], at: int) -> bool:
    before = tokens[at - 1] if at else None
    begins_line = not source[source.rfind("\n", 0, tokens[at].start) + 1 : tokens[at].start].strip()
    if before is None or before.text in ("then", "do", "else"):
        return True
    return begins_line and (
        before.text in (")", "]", "}", "end") or before.kind in ("name", "number", "string")
    )


def _end_of_call(tokens: list[_Token], at: int) -> int | None:
    """Return where ``redis.call(...)`` ends, or None if more follows, such as an index."""
    depth = 0
    for place in range(at + 3, len(tokens)):
        if tokens[place].text == "(":
            depth += 1
        elif tokens[place].text == ")":
            depth -= 1
            if depth == 0:
                is_read = place + 1 < len(tokens) and tokens[place + 1].text in ("[", ".")
                return None if is_read else tokens[place].end
    return None
