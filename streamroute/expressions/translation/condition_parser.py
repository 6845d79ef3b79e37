"""A generous parser of conditions in SQL, Python, JavaScript ..., which gives up where it is not sure."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from streamroute.expressions.translation.fragments import (
    IDENTIFIER,
    LITERALS,
    NAMESPACES,
    TEXT_TESTS,
    Part,
    as_compared,
    call,
    column,
    compared,
    field,
    function,
    give_up,
    negation,
    piped,
    quoted,
    state,
    text_of,
    value_of,
)

_DEEPEST: Final = 12

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
_COMPARISONS: Final = {
    "=": "==", "==": "==", "===": "==", "eq": "==", "is": "==", "equals": "==",
    "!=": "!=", "!==": "!=", "<>": "!=", "=!": "!=", "ne": "!=", "neq": "!=",
    "<": "<", "lt": "<", "<=": "<=", "<==": "<=", "=<": "<=", "lte": "<=", "le": "<=",
    ">": ">", "gt": ">", ">=": ">=", ">==": ">=", "=>": ">=", "gte": ">=", "ge": ">=",
}  # fmt: skip
_AND, _OR, _NOT = ("&&", "&", "and"), ("||", "|", "??", "or"), ("not", "~")
_ORDERINGS: Final = frozenset({"<", "<=", ">", ">="})
_PREFIXED: Final = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_OPERANDS: Final = frozenset({".", "(", "$"})
_CLOSERS: Final = {"[": "]", "(": ")", "{": "}"}
_FILTERS: Final = frozenset({"length", "not", "tonumber", "tostring", "keys"})
"""What jq has after a | without arguments."""

_STEPS: Final = (".", "?.", "->", "[")
_STATES: Final = ("missing", "empty", "defined", "set", "present")


class Reader:
    """One reading of an expression: a method for each rule of the grammar."""

    def __init__(self, expression: str) -> None:
        self._tokens = list(_tokens(expression))
        if ("sign", "|") in self._tokens and ("sign", "@") in self._tokens:
            give_up()  # what | hands on
        self._at = 0
        self._depth = 0

    def whole(self) -> str:
        """The whole of it in JMESPath, whether that is right or not. Raises GiveUpError."""
        if self._small() in ("if", "when", "where"):
            self._at += 1
        part = self._either()
        while self._take(";"):
            pass
        if self._at < len(self._tokens):
            give_up()
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
            give_up()

    def _next(self) -> str:
        if self._kind() == "end":
            give_up()
        self._at += 1
        return self._text(-1)

    # Conditions.

    def _either(self) -> Part:
        return self._joined(_OR, " || ", self._all)

    def _all(self) -> Part:
        return self._joined(_AND, " && ", self._negated)

    def _joined(self, words: tuple[str, ...], sign: str, operand: Callable[[], Part]) -> Part:
        self._depth += 1
        if self._depth > _DEEPEST:
            give_up()
        parts = [operand()]
        while self._take(*words):
            if self._text(-1) == "|" and parts[-1].kind not in ("comparison", "condition", "group"):
                give_up()  # what | hands on is a value
            parts.append(as_compared(operand(), parts[-1], sign))
        self._depth -= 1
        if len(parts) > 1 and any(part.kind in ("string", "value") for part in parts):
            give_up()  # a value is no condition
        return parts[0] if len(parts) == 1 else Part(sign.join(part.text for part in parts), "condition")

    def _prefixed(self) -> Part | None:
        """``eq .tier "gold"`` and ``and .vip (gt .total 3)``, as templates of Go have it."""
        word = self._small() if self._kind() == "name" else ""
        if self._text(1) not in _OPERANDS or word not in (*_PREFIXED, "and", "or"):
            return None
        self._at += 1
        if word in _PREFIXED:
            left = self._operand()
            return compared(left, _PREFIXED[word], self._operand())
        parts = [self._operand()]
        while self._kind() != "end" and self._small() != ")":
            parts.append(self._operand())
        sign = " && " if word == "and" else " || "
        return Part(sign.join(part.text for part in parts), "condition") if len(parts) > 1 else give_up()

    def _negated(self) -> Part:
        if not self._take(*_NOT):
            return self._prefixed() or self._comparison()
        return negation(self._negated())

    def _comparison(self) -> Part:
        left = self._operand()
        negated = self._small() == "not" or (self._small() == "is" and self._small(1) == "not")
        word = self._small(1 if negated and self._small() == "not" else 0)
        if self._small() == "not":
            self._at += 1
        if word in ("starts", "begins", "ends") and self._small(1) == "with" and not negated:
            self._at += 2
            return call("ends_with" if word == "ends" else "starts_with", left, value_of(self._operand()))
        tests = {"in": self._member, "between": self._between, "like": self._like}
        if word in tests:
            self._at += 1
            found = tests[word](left)
            return negation(found) if negated else found
        if word in TEXT_TESTS:
            self._at += 1
            found = call(TEXT_TESTS[word], left, value_of(self._operand()))
            return negation(found) if negated else found
        if word == "is" and self._small(2 if negated else 1) in _STATES:
            self._at += 3 if negated else 2
            return state(left, self._small(-1), negated=negated)
        if word in _COMPARISONS and not (negated and word != "is"):
            self._at += 2 if negated else 1
            right = self._operand()
            found = compared(left, "!=" if negated else _COMPARISONS[word], right)
            return self._between_bounds(found, right) if _COMPARISONS[word] in _ORDERINGS else found
        return give_up() if negated else left

    def _between_bounds(self, first: Part, middle: Part) -> Part:
        """``3 <= nights < 7``."""
        if _COMPARISONS.get(self._small()) not in _ORDERINGS:
            return first
        sign = _COMPARISONS[self._next().lower()]
        second = compared(middle, sign, self._operand())
        return Part(f"{first.text} && {second.text}", "condition")

    def _member(self, left: Part) -> Part:
        right = self._operand(within=True)
        if any(re.fullmatch(IDENTIFIER, item) for item in right.items):
            give_up()  # strings without their quotes, or fields
        subject = Part(f"[{', '.join(right.items)}]", "list") if right.items else right
        return call("contains", subject, value_of(left))

    def _between(self, left: Part) -> Part:
        low = self._operand()
        self._need("and")
        high = self._operand()
        return Part(
            f"{left.text} >= {value_of(low).text} && {left.text} <= {value_of(high).text}", "condition"
        )

    def _like(self, left: Part) -> Part:
        pattern = self._operand()
        text = text_of(pattern)
        inner = text.strip("%*")
        if not inner or re.search(r"[%_*?\[\]]", inner):
            give_up()
        begins, ends = text[0] not in "%*", text[-1] not in "%*"
        if begins and ends:
            return compared(left, "==", pattern)
        name = "starts_with" if begins else "ends_with" if ends else "contains"
        return call(name, left, Part(quoted(inner), "string"))

    # Operands.

    def _operand(self, *, within: bool = False) -> Part:
        if self._take("!"):
            return negation(self._operand())
        part = self._primary(within=within)
        while self._small() in _STEPS and part.kind in ("name", "path", "call", "root", "group", "list"):
            part = self._step(part)
        if part.kind == "root" and part.text != "@":
            give_up()
        while self._small() == "|" and part.kind in ("path", "name", "call") and self._kind(1) == "name":
            part = self._piped(part)
        return part

    def _piped(self, part: Part) -> Part:
        self._at += 2
        name = self._text(-1)
        if self._small() != "(" and name not in _FILTERS:
            give_up()
        return piped(part, name, self._items(")") if self._take("(") else [])

    def _primary(self, *, within: bool) -> Part:
        kind, text = self._kind(), self._next()
        if kind in LITERALS:
            return LITERALS[kind](text)
        if kind == "name" and text.lower() in _STATES and self._at > 1:
            give_up()  # "is null or missing"
        if text == "-" and self._kind() == "number":
            return LITERALS["number"](f"-{self._next()}")
        if text in ("$", "@", "."):
            return self._root(text)
        if text == "[" or (text in ("(", "{") and within):
            return self._list(_CLOSERS[text])
        if text == "(":
            return self._group()
        if kind != "name":
            give_up()
        return self._named(text)

    def _named(self, text: str) -> Part:
        if text.lower() == "typeof" and self._kind() == "name":
            return function(text, [self._operand()])
        return self._called(text) if self._small() == "(" else Part(text, "name")

    def _root(self, text: str) -> Part:
        """``$.a``, ``@.a``, ``.a``, ``."a"`` and ``.["a"]``."""
        if text != ".":
            return Part("" if text == "$" else text, "root")
        if self._kind() == "string":
            return column(Part(self._next(), "string"))
        if self._kind() == "name":
            self._at -= 1
        return Part("", "root")

    def _group(self) -> Part:
        inner = self._either()
        self._need(")")
        return inner if inner.kind in ("name", "path", "call", "group") else Part(f"({inner.text})", "group")

    def _list(self, closer: str) -> Part:
        items = self._items(closer)
        texts = tuple(value_of(item).text for item in items)
        if not texts:
            give_up()
        return Part(f"[{', '.join(texts)}]", "list", texts)

    def _items(self, closer: str) -> list[Part]:
        items: list[Part] = []
        while not self._take(closer):
            if items:
                self._need(",")
            items.append(self._either())
        return items

    def _called(self, name: str) -> Part:
        self._need("(")
        return function(name, self._items(")"))

    def _step(self, part: Part) -> Part:
        if self._take("["):
            return self._bracket(part)
        self._at += 1
        kind, text = self._kind(), self._next()
        if kind == "number":
            return Part(f"{part.text}[{text}]", "path")
        if kind != "name":
            return Part(f"{part.text}.{text}", "path") if text.startswith('"') else give_up()
        if self._take("("):
            subject = [] if part.kind == "name" and part.text in NAMESPACES else [part]
            return function(text, [*subject, *self._items(")")])
        return call("length", part) if text == "length" and part.kind == "call" else field(part, text)

    def _bracket(self, part: Part) -> Part:
        if self._take("]"):
            return Part(f"{part.text}[]", "path")
        if self._take("?"):
            inner = f"?{self._either().text}"
        else:
            kind, inner = self._kind(), self._next()
            if kind == "string":
                self._need("]")
                return field(part, text_of(Part(inner, "string")))
            if kind != "number" and inner != "*":
                give_up()
        self._need("]")
        return Part(f"{part.text}[{inner}]", "path")


def _tokens(expression: str) -> list[tuple[str, str]]:
    found, at = [], 0
    for part in _TOKEN.finditer(expression):
        if part.lastgroup == "open" or expression[at : part.start()].strip():
            give_up()
        found.append((str(part.lastgroup), part[0]))
        at = part.end()
    if expression[at:].strip():
        give_up()
    return found
