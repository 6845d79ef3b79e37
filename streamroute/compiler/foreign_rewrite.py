"""A condition in the habits of other languages (SQL, Python, JavaScript), written as JMESPath.

A generous parser of such conditions, which gives up where it is not sure. What it writes is offered only if
it is JMESPath in which nothing is wrong.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Final, NamedTuple, NoReturn

from jmespath.exceptions import JMESPathError
from jmespath.parser import Parser

LONGEST: Final = 80
"""Characters of a rewritten expression that is still read at a glance."""

_DEEPEST: Final = 12

_TOKEN: Final = re.compile(
    r"""
    (?P<string>   '(?:[^'\\]|\\.)*' | "(?:[^"\\]|\\.)*" )
    | (?P<literal> `(?:[^`\\]|\\.)*` )
    | (?P<date>   [0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[-+:.0-9Z]*)? )
    | (?P<number> (?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)? )
    | (?P<name>   [A-Za-z_][A-Za-z0-9_]* )
    | (?P<sign>   === | !== | == | != | <= | >= | =< | => | =! | <> | && | \|\| | \?\? | \?\.
                  | [][.,()=<>!&@*:$;-] )
    """,
    re.VERBOSE,
)
_IDENTIFIER: Final = r"[A-Za-z_][A-Za-z0-9_]*"
_COMPARISONS: Final = {
    "=": "==", "==": "==", "===": "==", "eq": "==", "is": "==", "equals": "==",
    "!=": "!=", "!==": "!=", "<>": "!=", "=!": "!=", "ne": "!=", "neq": "!=",
    "<": "<", "lt": "<", "<=": "<=", "=<": "<=", "lte": "<=", "le": "<=",
    ">": ">", "gt": ">", ">=": ">=", "=>": ">=", "gte": ">=", "ge": ">=",
}  # fmt: skip
_AND, _OR, _NOT = ("&&", "&", "and"), ("||", "??", "or"), ("not",)
_WORDS: Final = {
    "true": "`true`", "false": "`false`",
    "null": "`null`", "none": "`null`", "nil": "`null`", "undefined": "`null`",
}  # fmt: skip
_STATES: Final = ("missing", "empty", "defined", "set", "present")
_TEXT_TESTS: Final = {
    "startswith": "starts_with", "starts_with": "starts_with", "hasprefix": "starts_with",
    "endswith": "ends_with", "ends_with": "ends_with", "hassuffix": "ends_with",
    "contains": "contains", "includes": "contains", "has": "contains",
}  # fmt: skip
_SIZES: Final = ("length", "len", "size", "count")


class _Part(NamedTuple):
    """What a part is in JMESPath; ``kind`` says how it may be used."""

    text: str
    kind: str  # name, path, call, group, string, value, list, condition
    items: tuple[str, ...] = ()


class _GiveUpError(Exception):
    """Raised where it is not sure what was meant."""


def rewritten(expression: str) -> str | None:
    """The condition as JMESPath, on one line; None where nobody can say what was meant."""
    if len(expression) > 2 * LONGEST:
        return None
    try:
        text = _Reader(expression).whole()
    except _GiveUpError:
        return None
    is_news = text != " ".join(expression.split())
    return text if is_news and len(text) <= LONGEST and _is_right(text) else None


def _is_right(text: str) -> bool:
    """Whether nothing is wrong with it whatever the message."""
    try:
        Parser().parse(text)
    except JMESPathError:
        return False
    from streamroute.compiler.expressions import check_expression
    from streamroute.compiler.parsing import parse
    from streamroute.compiler.types.check import check_types

    return not check_expression(text) and not check_types(parse(text))


class _Reader:
    """One reading of an expression: a method for each rule of the grammar."""

    def __init__(self, expression: str) -> None:
        self._tokens = list(_tokens(expression))
        self._at = 0
        self._depth = 0

    def whole(self) -> str:
        if self._small() in ("if", "when", "where"):
            self._at += 1
        part = self._either()
        while self._take(";"):
            pass
        if self._at < len(self._tokens):
            _give_up()
        return part.text

    # Looking at tokens.

    def _kind(self, ahead: int = 0) -> str:
        at = self._at + ahead
        return self._tokens[at][0] if at < len(self._tokens) else "end"

    def _text(self, ahead: int = 0) -> str:
        at = self._at + ahead
        return self._tokens[at][1] if at < len(self._tokens) else ""

    def _small(self, ahead: int = 0) -> str:
        return self._text(ahead).lower() if self._kind(ahead) in ("name", "sign") else ""

    def _take(self, *words: str) -> bool:
        if self._small() not in words:
            return False
        self._at += 1
        return True

    def _need(self, word: str) -> None:
        if not self._take(word):
            _give_up()

    def _next(self) -> str:
        if self._kind() == "end":
            _give_up()
        self._at += 1
        return self._text(-1)

    # Conditions.

    def _either(self) -> _Part:
        return self._joined(_OR, " || ", self._all)

    def _all(self) -> _Part:
        return self._joined(_AND, " && ", self._negated)

    def _joined(self, words: tuple[str, ...], sign: str, operand: Callable[[], _Part]) -> _Part:
        self._depth += 1
        if self._depth > _DEEPEST:
            _give_up()
        parts = [operand()]
        while self._take(*words):
            parts.append(_as_compared(operand(), parts[-1], sign))
        self._depth -= 1
        if len(parts) > 1 and any(part.kind in ("string", "value") for part in parts):
            _give_up()  # a value is no condition
        return parts[0] if len(parts) == 1 else _Part(sign.join(part.text for part in parts), "condition")

    def _negated(self) -> _Part:
        if not self._take(*_NOT):
            return self._comparison()
        return _not(self._negated())

    def _comparison(self) -> _Part:
        left = self._operand()
        negated = self._small() == "not" or (self._small() == "is" and self._small(1) == "not")
        word = self._small(1 if negated and self._small() == "not" else 0)
        if self._small() == "not":
            self._at += 1
        tests = {"in": self._member, "between": self._between, "like": self._like}
        if word in tests:
            self._at += 1
            found = tests[word](left)
            return _not(found) if negated else found
        if word in _TEXT_TESTS:
            self._at += 1
            found = _call(_TEXT_TESTS[word], left, _value(self._operand()))
            return _not(found) if negated else found
        if word == "is" and self._small(2 if negated else 1) in _STATES:
            self._at += 3 if negated else 2
            return _state(left, self._small(-1), negated=negated)
        if word in _COMPARISONS and not (negated and word != "is"):
            self._at += 2 if negated else 1
            return _compared(left, "!=" if negated else _COMPARISONS[word], self._operand())
        return _give_up() if negated else left

    def _member(self, left: _Part) -> _Part:
        right = self._operand(within=True)
        if any(re.fullmatch(_IDENTIFIER, item) for item in right.items):
            _give_up()  # strings without their quotes, or fields
        subject = _Part(f"[{', '.join(right.items)}]", "list") if right.items else right
        return _call("contains", subject, _value(left))

    def _between(self, left: _Part) -> _Part:
        low = self._operand()
        self._need("and")
        high = self._operand()
        return _Part(f"{left.text} >= {_value(low).text} && {left.text} <= {_value(high).text}", "condition")

    def _like(self, left: _Part) -> _Part:
        pattern = self._operand()
        text = _text_of(pattern)
        inner = text.strip("%*")
        if not inner or re.search(r"[%_*?\[\]]", inner):
            _give_up()
        begins, ends = text[0] not in "%*", text[-1] not in "%*"
        if begins and ends:
            return _compared(left, "==", pattern)
        name = "starts_with" if begins else "ends_with" if ends else "contains"
        return _call(name, left, _Part(_quoted(inner), "string"))

    # Operands.

    def _operand(self, *, within: bool = False) -> _Part:
        if self._take("!"):
            return _not(self._operand())
        part = self._primary(within=within)
        while self._small() in (".", "?.", "[") and part.kind in ("name", "path", "call", "root", "group"):
            part = self._step(part)
        if part.kind == "root" and part.text != "@":
            _give_up()
        return part

    def _primary(self, *, within: bool) -> _Part:
        kind, text = self._kind(), self._next()
        if kind in _LITERALS:
            return _LITERALS[kind](text)
        if kind == "name" and text.lower() in _STATES and self._at > 1:
            _give_up()  # "is null or missing"
        if text == "-" and self._kind() == "number":
            return _number(f"-{self._next()}")
        if text in ("$", "@"):
            return _Part("" if text == "$" else text, "root")
        if text == "[" or (text == "(" and within):
            return self._list("]" if text == "[" else ")")
        if text == "(":
            return self._group()
        if kind != "name":
            _give_up()
        return self._called(text) if self._small() == "(" else _Part(text, "name")

    def _group(self) -> _Part:
        inner = self._either()
        self._need(")")
        return inner if inner.kind in ("name", "path", "call", "group") else _Part(f"({inner.text})", "group")

    def _list(self, closer: str) -> _Part:
        items = self._items(closer)
        texts = tuple(_value(item).text for item in items)
        if not texts:
            _give_up()
        return _Part(f"[{', '.join(texts)}]", "list", texts)

    def _items(self, closer: str) -> list[_Part]:
        items: list[_Part] = []
        while not self._take(closer):
            if items:
                self._need(",")
            items.append(self._either())
        return items

    def _called(self, name: str) -> _Part:
        self._need("(")
        return _function(name, self._items(")"))

    def _step(self, part: _Part) -> _Part:
        if self._take("["):
            inner, kind = self._next(), self._tokens[self._at - 1][0]
            self._need("]")
            if kind == "string":
                return _field(part, _text_of(_Part(inner, "string")))
            return _Part(f"{part.text}[{inner}]", "path") if kind == "number" or inner == "*" else _give_up()
        self._at += 1
        kind, text = self._kind(), self._next()
        if kind == "number":
            return _Part(f"{part.text}[{text}]", "path")
        if kind != "name":
            return _Part(f"{part.text}.{text}", "path") if text.startswith('"') else _give_up()
        if self._take("("):
            return _function(text, [part, *self._items(")")])
        return _field(part, text)


def _number(text: str) -> _Part:
    return _Part(f"`{text}`", "value")


def _json(text: str) -> _Part:
    try:
        json.loads(text[1:-1].replace("\\`", "`"))
    except (ValueError, RecursionError):
        _give_up()
    return _Part(text, "value")


_LITERALS: Final[dict[str, Callable[[str], _Part]]] = {
    "string": lambda text: _Part(text, "string"),
    "date": lambda text: _Part(_quoted(text), "value"),
    "number": _number,
    "literal": _json,
}


def _tokens(expression: str) -> list[tuple[str, str]]:
    found, at = [], 0
    for part in _TOKEN.finditer(expression):
        if expression[at : part.start()].strip():
            _give_up()
        found.append((str(part.lastgroup), part[0]))
        at = part.end()
    if expression[at:].strip():
        _give_up()
    return found


def _give_up() -> NoReturn:
    raise _GiveUpError


def _field(part: _Part, name: str) -> _Part:
    plain = name if re.fullmatch(_IDENTIFIER, name) else json.dumps(name)
    return _Part(f"{part.text}.{plain}" if part.text else plain, "path")


def _function(name: str, arguments: list[_Part]) -> _Part:
    small = name.lower()
    if small in _TEXT_TESTS and len(arguments) == 2:
        return _call(_TEXT_TESTS[small], arguments[0], _value(arguments[1]))
    if small in _SIZES and len(arguments) == 1:
        return _call("length", arguments[0])
    if small == "not" and len(arguments) == 1:
        return _not(arguments[0])
    if small in ("exists", "defined", "isset") and len(arguments) == 1:
        return _Part(f"{arguments[0].text} != `null`", "condition")
    return _call(name, *arguments)


def _call(name: str, *arguments: _Part) -> _Part:
    return _Part(f"{name}({', '.join(each.text for each in arguments)})", "call")


def _compared(left: _Part, sign: str, right: _Part) -> _Part:
    value = _value(right)
    return _Part(f"{left.text} {sign} {value.text}", "comparison", (f"{left.text} {sign} ", value.kind))


def _as_compared(part: _Part, before: _Part, sign: str) -> _Part:
    """``tier == 'gold' or 'silver'``: the second value is compared as the first was."""
    if part.kind not in ("string", "value") or before.kind != "comparison":
        return part
    if not before.items[0].endswith("== " if sign == " || " else "!= "):
        return part
    value = _value(part)
    return _Part(f"{before.items[0]}{value.text}", "comparison", before.items)


def _state(part: _Part, word: str, *, negated: bool) -> _Part:
    """``coupon is not empty``, ``coupon is missing``."""
    if word == "empty":
        return part if negated else _not(part)
    return _Part(f"{part.text} {'!=' if (word == 'missing') == negated else '=='} `null`", "condition")


def _not(part: _Part) -> _Part:
    text = part.text if part.kind in ("name", "call", "group") else f"({part.text})"
    return _Part(f"!{text}", "condition")


def _value(part: _Part) -> _Part:
    """What stands where a value does: a string in any quotes, a word such as true, or a path."""
    if part.kind == "string":
        return _Part(_quoted(_text_of(part)), "string")
    if part.kind == "name" and part.text.lower() in _WORDS:
        return _Part(_WORDS[part.text.lower()], "value")
    return part


def _text_of(part: _Part) -> str:
    if part.kind != "string":
        _give_up()
    mark, inner = part.text[0], part.text[1:-1]
    text = inner.replace(f"\\{mark}", mark)
    return text if "\\" not in text else _give_up()


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "\\'") + "'"
