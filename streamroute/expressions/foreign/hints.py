"""What people write from the habit of other languages, and what they meant."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from streamroute.expressions.foreign.rewrite import LONGEST, as_right, rewritten
from streamroute.expressions.problem import Problem

Token = dict[str, Any]

SYNTAX: Final = "SR301"


class Mistake(NamedTuple):
    """What is wrong, what to write instead, and, where it is not the token alone, the place."""

    message: str
    help: str | None = None
    place: tuple[int, int] | None = None

    def at(self, start: int, end: int) -> Problem:
        """The problem, at these offsets unless the mistake knows better."""
        advice = (
            None if self.help and "\n" in self.help else self.help
        )  # a part of several lines is no advice
        return Problem(SYNTAX, self.message, *(self.place or (start, end)), help=advice)


_NUMBER: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[-+:.0-9Z]+)?")
_TEMPLATE: Final = re.compile(r"\$?\{\{(?P<inside>[^{}]*)\}\}")
_PLACEHOLDER: Final = re.compile(r"\$\{\s*(?P<inside>[A-Za-z_][\w.]*)\s*\}")
_NAME: Final = re.compile(r"[^\W\d]\w*")
_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")

_SIGNS: Final = {
    "and": "&&", "or": "||", "not": "!",
    "eq": "==", "ne": "!=", "neq": "!=", "gt": ">", "gte": ">=", "ge": ">=",
    "lt": "<", "lte": "<=", "le": "<=",
}  # fmt: skip
_TEXT_SEARCHES: Final = ("like", "ilike", "matches", "startswith", "endswith", "regex")
_TEXT_FUNCTIONS: Final = "there are starts_with, ends_with and contains"
_WORDS_OF_LITERALS: Final = {
    "true": "`true`", "false": "`false`", "null": "`null`", "none": "`null`", "undefined": "`null`",
}  # fmt: skip
_TYPOGRAPHIC: Final = {
    **dict.fromkeys("\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb", "quote"),
    **dict.fromkeys("\u00a0\u2007\u202f", "space"),
}
"""What text processors put in the place of a plain character."""
_PATH: Final = frozenset(
    {"unquoted_identifier", "quoted_identifier", "dot", "lbracket", "rbracket", "number", "star", "flatten"}
)
_CLOSERS: Final = {"lbracket": "rbracket", "lparen": "rparen"}


def sign(expression: str, at: int) -> Mistake | None:
    """For a character that begins no token."""
    for marks, explain in _EXPLAINED.items():
        if expression[at] in marks:
            return explain(expression, at)
    return _word_of_letters(expression, at)


def _pattern(expression: str, at: int) -> Mistake | None:
    """``=~`` and ``!~``."""
    start = at if expression[at] == "=" else max(at - 1, 0)
    text = expression[start : start + 2]
    if text not in ("=~", "!~"):
        return None
    message = f"JMESPath has no {text} operator: it knows no patterns"
    return Mistake(message, _TEXT_FUNCTIONS, (start, start + 2))


def _hash(expression: str, at: int) -> Mistake | None:
    if "\n" not in expression and not expression[:at].strip():
        return None
    message = "a # begins no comment inside an expression, nor inside a block of text"
    return Mistake(message, "put the comment above the key")


def _typographic(expression: str, at: int) -> Mistake:
    if _TYPOGRAPHIC[expression[at]] == "space":
        return Mistake("a no-break space stands here, which is none to JMESPath", "write an ordinary space")
    return Mistake(f"{expression[at]} is a typographic quote", "write a straight one: '")


def _word_of_letters(expression: str, at: int) -> Mistake | None:
    name = _NAME.match(expression[at:])
    if not name:
        return None
    start, end = _start_of_word(expression, at), at + name.end()
    message = f'a name with "{expression[at]}" in it is written in double quotes: "{expression[start:end]}"'
    return Mistake(message, None, (start, end))


def _start_of_word(expression: str, at: int) -> int:
    while at and (expression[at - 1].isalnum() or expression[at - 1] == "_"):
        at -= 1
    return at


def _dollar(expression: str, at: int) -> Mistake:
    if expression.startswith("${{", at):
        return template(expression, at)
    if _PLACEHOLDER.search(expression):
        plain = _PLACEHOLDER.sub(lambda match: match["inside"], expression)
        return Mistake("an expression is written as it is, without ${ }", _write(plain), (at, at + 2))
    rest = expression[at + 1 :].lstrip(".")
    if expression.startswith("$.", at) and rest:
        return Mistake("a path begins at the message itself, without $.", _write(expression[:at] + rest))
    return Mistake("JMESPath has no variables and no $: a path begins at the message itself")


def template(expression: str, at: int) -> Mistake:
    """For ``{{ path }}`` and ``${{ path }}``, of which ``at`` is the beginning."""
    plain = _TEMPLATE.sub(lambda match: match["inside"].strip(), expression)
    mark = "${{ }}" if expression[at] == "$" else "{{ }}"
    place = (at, at + len(mark) // 2)
    return Mistake(f"an expression is written as it is, without {mark}", _write(plain), place)


def _question(expression: str, at: int) -> Mistake:
    if expression.startswith("?.", at):
        whole = expression.replace("?.", ".")
        return Mistake(
            "JMESPath needs no ?. : a path through what is missing is null", _write(whole), (at, at + 2)
        )
    if expression.startswith("??", at):
        whole = expression.replace("??", "||")
        return Mistake("JMESPath has no ?? operator", _write(whole), (at, at + 2))
    return Mistake("JMESPath has no ? : operator", "write condition && value || other")


_EXPLAINED: Final[dict[str, Callable[[str, int], Mistake | None]]] = {
    "$": _dollar,
    "?": _question,
    "=~": _pattern,
    "#": _hash,
    "".join(_TYPOGRAPHIC): _typographic,
}


def token(expression: str, tokens: list[Token], index: int) -> Mistake | None:
    """For a token that stands where the grammar takes another."""
    kind, before = tokens[index]["type"], tokens[index - 1]["type"] if index else ""
    if kind == "lbrace" and before == "lbrace":
        return template(expression, tokens[index - 1]["start"])
    if kind == "dot" and index == 0:
        rest = expression[tokens[0]["end"] :].strip()
        return Mistake("a path begins with a name, not with a dot", _write(rest) if rest else None)
    if kind == "literal" and before == "literal":
        return _adjacent(expression, tokens[index - 1], tokens[index])
    return _in_brackets(expression, tokens, index) if before == "lbracket" else None


def number(expression: str, start: int) -> Mistake:
    """For a number that stands bare where a value does."""
    date = _DATE.match(expression, start)
    if date:
        return Mistake(f"a date is a string: write '{date[0]}', in quotes", None, date.span())
    found = _NUMBER.match(expression, start)
    text = found[0] if found else expression[start : start + 1]
    place = (start, start + len(text))
    return Mistake(f"a bare number is not a value in JMESPath; write `{text}`, in backticks", None, place)


def _adjacent(expression: str, first: Token, second: Token) -> Mistake | None:
    if expression[first["start"]] != "'" or first["end"] != second["start"]:
        return None
    joined = (
        f"{expression[first['start'] : first['end'] - 1]}\\'{expression[second['start'] + 1 : second['end']]}"
    )
    return Mistake("a ' inside a '...' is written \\'", f"write {joined}", (first["start"], second["end"]))


def _in_brackets(expression: str, tokens: list[Token], index: int) -> Mistake | None:
    """``guest['tier']`` and ``rooms[beds > `1`]``."""
    inside, following = tokens[index], tokens[index + 1]["type"]
    text = expression[inside["start"] : inside["end"]]
    if inside["type"] in ("literal", "quoted_identifier") and isinstance(inside["value"], str):
        base = _path_before(expression, tokens, index - 1)[0]
        name = (
            inside["value"]
            if _PLAIN.match(inside["value"])
            else '"' + inside["value"].replace('"', '\\"') + '"'
        )
        help_text = (
            f"write {base}.{name}" if following == "rbracket" and base else "write guest.name for a field"
        )
        return Mistake("a field is written behind a dot, not in brackets", help_text)
    if inside["type"] == "unquoted_identifier" and following not in ("rbracket", "eof"):
        return Mistake("a filter in brackets begins with [?", f"write [?{text} ...]")
    base = _path_before(expression, tokens, index - 1)[0]
    if inside["type"] == "unquoted_identifier" and base and following == "rbracket":
        return Mistake("an index is a number, * or [? filter]", f"for a field, write {base}.{text}")
    if inside["type"] in ("literal", "unquoted_identifier", "quoted_identifier"):
        return Mistake("an index is a number, * or [? filter]", "write guest.name for a field")
    return None


def word(expression: str, tokens: list[Token], index: int) -> Mistake | None:
    """For a name that stands where an operator does."""
    text = tokens[index]["value"]
    small = text.lower()
    if small in _SIGNS:
        return Mistake(f'JMESPath writes {_SIGNS[small]} for "{text}"')
    if small in _OPERATORS:
        return _OPERATORS[small](expression, tokens, index)
    if small in _TEXT_SEARCHES:
        return Mistake(f'JMESPath has no "{text}" operator', _TEXT_FUNCTIONS)
    if index == 1 and str(tokens[0]["value"]).lower() in ("if", "when", "where", "return"):
        message = f'JMESPath has no "{tokens[0]["value"]}": the expression is the condition'
        place = (tokens[0]["start"], tokens[0]["end"])
        return Mistake(message, _write(expression[tokens[1]["start"] :]), place)
    return None


def _membership(expression: str, tokens: list[Token], index: int) -> Mistake:
    """``tier in ['gold', 'vip']`` and ``tags contains 'vip'``."""
    text, (left, _) = tokens[index]["value"], _path_before(expression, tokens, index)
    right = _operand_after(expression, tokens, index)
    message = f'JMESPath has no "{text}" operator'
    if not left or not right:
        return Mistake(message, "write contains(list, value)")
    pair = (right, left) if text.lower() == "in" else (left, right)
    return Mistake(message, f"write contains({', '.join(pair)})")


def _identity(expression: str, tokens: list[Token], index: int) -> Mistake:
    """``vip is true`` and ``tier is not null``."""
    negated = str(tokens[index + 1]["value"]).lower() == "not"
    meant = tokens[index + 1 + negated]  # "eof" is the last
    literal = _WORDS_OF_LITERALS.get(str(meant["value"]).lower())
    if literal is None:
        return Mistake('JMESPath has no "is" operator', "write == or !=")
    left, _ = _path_before(expression, tokens, index)
    return Mistake('JMESPath has no "is" operator', f"write {left} {'!=' if negated else '=='} {literal}")


def _between(expression: str, tokens: list[Token], index: int) -> Mistake:
    left, _ = _path_before(expression, tokens, index)
    bounds = [expression[each["start"] : each["end"]] for each in tokens[index + 1 : index + 4 : 2]]
    if len(bounds) < 2:
        return Mistake('JMESPath has no "between" operator')
    low, high = (f"`{bound}`" if _NUMBER.fullmatch(bound) else bound for bound in bounds)
    return Mistake('JMESPath has no "between" operator', f"write {left} >= {low} && {left} <= {high}")


def _presence(expression: str, tokens: list[Token], index: int) -> Mistake:
    """``coupon exists``."""
    left, _ = _path_before(expression, tokens, index)
    text = tokens[index]["value"]
    return Mistake(f'JMESPath has no "{text}" operator', f"write {left} != `null`" if left else None)


_OPERATORS: Final[dict[str, Callable[[str, list[Token], int], Mistake]]] = {
    "exists": _presence,
    "in": _membership,
    "contains": _membership,
    "is": _identity,
    "between": _between,
}


def _path_before(expression: str, tokens: list[Token], index: int) -> tuple[str, int]:
    """The path that ends before a token, and where it begins."""
    first = index
    while first and tokens[first - 1]["type"] in _PATH and _continues(tokens, first, index):
        first -= 1
    if first == index:
        return "", index
    return expression[tokens[first]["start"] : tokens[index - 1]["end"]], first


def _continues(tokens: list[Token], at: int, end: int) -> bool:
    """Whether the token before ``at`` belongs to the path that goes on there: two names in a row do not."""
    if at == end:
        return True
    names = ("unquoted_identifier", "quoted_identifier")
    return not (tokens[at - 1]["type"] in names and tokens[at]["type"] in names)


def _operand_after(expression: str, tokens: list[Token], index: int) -> str | None:
    """A literal, a path or a list of literals behind a word, as JMESPath writes it."""
    first = tokens[index + 1]
    if first["type"] in _CLOSERS:
        items = _items(tokens, index + 1)
        return None if items is None else f"[{', '.join(items)}]"
    if first["type"] in ("literal", "unquoted_identifier"):
        return expression[first["start"] : first["end"]]
    return f"'{first['value']}'" if first["type"] == "quoted_identifier" else None


def _items(tokens: list[Token], opener: int) -> list[str] | None:
    """The literals of ``['a', "b", 3]`` or of the same in parentheses; None where it holds anything else."""
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


def _write(whole: str) -> str | None:
    """Advice to write this, where it is short enough to be read at a glance, and JMESPath."""
    text = whole.strip()
    if not text or len(text) > LONGEST or "\n" in text:
        return None
    meant = rewritten(text) or as_right(text)
    return f"write {meant}" if meant else None
