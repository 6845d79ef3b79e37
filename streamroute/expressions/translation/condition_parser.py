"""A tolerant parser of conditions in SQL, Python, JavaScript, jq and Go templates.

It gives up if the meaning is not certain.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from streamroute.expressions.translation.condition_lexer import TokenCursor, tokens_of
from streamroute.expressions.translation.fragments import (
    IDENTIFIER,
    LITERALS,
    NAMESPACES,
    TEXT_TESTS,
    Fragment,
    as_compared,
    call,
    column,
    compared,
    field,
    function,
    give_up,
    jq_pipe,
    negation,
    quoted,
    state,
    text_of,
    value_of,
)

_MAX_DEPTH: Final = 12

_COMPARISONS: Final = {
    "=": "==", "==": "==", "===": "==", "eq": "==", "equals": "==",
    "!=": "!=", "!==": "!=", "<>": "!=", "=!": "!=", "ne": "!=", "neq": "!=",
    "<": "<", "lt": "<", "<=": "<=", "<==": "<=", "=<": "<=", "lte": "<=", "le": "<=",
    ">": ">", "gt": ">", ">=": ">=", ">==": ">=", "=>": ">=", "gte": ">=", "ge": ">=",
}  # fmt: skip
_AND, _OR, _NOT = ("&&", "&", "and"), ("||", "|", "??", "or"), ("not", "~")
_AFFIXES: Final = {"starts": "starts_with", "begins": "starts_with", "ends": "ends_with"}
_ORDERINGS: Final = frozenset({"<", "<=", ">", ">="})
_PREFIXED: Final = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_OPERANDS: Final = frozenset({".", "(", "$"})
_CLOSERS: Final = {"[": "]", "(": ")", "{": "}"}
_FILTERS: Final = frozenset({"length", "not", "tonumber", "tostring", "keys"})
"""Functions of jq without arguments, allowed after ``|``."""

_STEPS: Final = (".", "?.", "->", "[")
_STATES: Final = ("missing", "empty", "defined", "set", "present")


class ConditionParser(TokenCursor):
    """Parses one condition: a method for each rule of the grammar."""

    def __init__(self, expression: str) -> None:
        super().__init__(tokens_of(expression))
        if self._has("|") and self._has("@"):
            give_up()  # @ may be the value that | passes on
        self._depth = 0

    def parse(self) -> str:
        """Parse the condition; return it in JMESPath, possibly with problems. Raises UntranslatableError."""
        if self._lower() in ("if", "when", "where"):
            self._at += 1
        fragment = self._disjunction()
        while self._take(";"):
            pass
        if self._at < len(self._tokens):
            give_up()
        return fragment.text

    # Conditions

    def _disjunction(self) -> Fragment:
        return self._operands(_OR, " || ", self._conjunction)

    def _conjunction(self) -> Fragment:
        return self._operands(_AND, " && ", self._negation)

    def _operands(self, words: tuple[str, ...], sign: str, operand: Callable[[], Fragment]) -> Fragment:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            give_up()
        fragments = [operand()]
        while self._take(*words):
            if self._text(-1) == "|" and fragments[-1].kind not in ("comparison", "condition", "group"):
                give_up()  # | passes a value to an expression
            fragments.append(as_compared(operand(), fragments[-1], sign))
        self._depth -= 1
        if len(fragments) > 1 and any(fragment.kind in ("string", "value") for fragment in fragments):
            give_up()  # a value is not a condition
        return fragments[0] if len(fragments) == 1 else _joined(fragments, sign)

    def _prefixed(self) -> Fragment | None:
        """Parse ``eq .tier "gold"`` and ``and .vip (gt .total 3)``, as in Go templates."""
        word = self._lower() if self._kind() == "name" else ""
        if self._text(1) not in _OPERANDS or word not in (*_PREFIXED, "and", "or"):
            return None
        self._at += 1
        if word in _PREFIXED:
            left = self._operand()
            return compared(left, _PREFIXED[word], self._operand())
        fragments = [self._operand()]
        while self._kind() != "end" and self._lower() != ")":
            fragments.append(self._operand())
        sign = " && " if word == "and" else " || "
        return _joined(fragments, sign) if len(fragments) > 1 else give_up()

    def _negation(self) -> Fragment:
        if not self._take(*_NOT):
            return self._prefixed() or self._comparison()
        return negation(self._negation())

    def _comparison(self) -> Fragment:
        left = self._operand()
        if self._take("not"):
            return negation(self._word_test(left) or give_up())
        if self._take("is"):
            return self._state(left)
        if self._lower() in _AFFIXES and self._lower(1) == "with":
            self._at += 2
            return call(_AFFIXES[self._lower(-2)], left, value_of(self._operand()))
        return self._word_test(left) or self._sign_test(left)

    def _word_test(self, left: Fragment) -> Fragment | None:
        """Parse the rest of ``tier in ["gold"]``, ``total between 3 and 7``, ``name like "a%"``."""
        word = self._lower()
        tests = {"in": self._member, "between": self._between, "like": self._like}
        if word not in tests and word not in TEXT_TESTS:
            return None
        self._at += 1
        return tests[word](left) if word in tests else call(TEXT_TESTS[word], left, value_of(self._operand()))

    def _state(self, left: Fragment) -> Fragment:
        """Parse the rest of ``tier is [not] empty`` or ``tier is [not] "gold"``."""
        negated = self._take("not")
        if self._take(*_STATES):
            return state(left, self._lower(-1), negated=negated)
        return compared(left, "!=" if negated else "==", self._operand())

    def _sign_test(self, left: Fragment) -> Fragment:
        """Parse the rest of ``total >= 3``; return an operand that nothing follows as it is."""
        if self._lower() not in _COMPARISONS:
            return left
        sign = _COMPARISONS[self._next().lower()]
        right = self._operand()
        first = compared(left, sign, right)
        return self._chained_comparison(first, right) if sign in _ORDERINGS else first

    def _chained_comparison(self, first: Fragment, middle: Fragment) -> Fragment:
        """Parse the rest of ``3 <= nights < 7``."""
        if _COMPARISONS.get(self._lower()) not in _ORDERINGS:
            return first
        sign = _COMPARISONS[self._next().lower()]
        second = compared(middle, sign, self._operand())
        return Fragment(f"{first.text} && {second.text}", "condition")

    def _member(self, left: Fragment) -> Fragment:
        right = self._operand(within=True)
        if any(re.fullmatch(IDENTIFIER, item) for item in right.items):
            give_up()  # strings without their quotes, or fields
        subject = Fragment(f"[{', '.join(right.items)}]", "list") if right.items else right
        return call("contains", subject, value_of(left))

    def _between(self, left: Fragment) -> Fragment:
        low = self._operand()
        self._expect("and")
        high = self._operand()
        return Fragment(
            f"{left.text} >= {value_of(low).text} && {left.text} <= {value_of(high).text}", "condition"
        )

    def _like(self, left: Fragment) -> Fragment:
        pattern = self._operand()
        text = text_of(pattern)
        inner = text.strip("%*")
        if not inner or re.search(r"[%_*?\[\]]", inner):
            give_up()
        begins, ends = text[0] not in "%*", text[-1] not in "%*"
        if begins and ends:
            return compared(left, "==", pattern)
        name = "starts_with" if begins else "ends_with" if ends else "contains"
        return call(name, left, Fragment(quoted(inner), "string"))

    # Operands

    def _operand(self, *, within: bool = False) -> Fragment:
        if self._take("!"):
            return negation(self._operand())
        fragment = self._primary(within=within)
        while self._lower() in _STEPS and fragment.kind in ("name", "path", "call", "root", "group", "list"):
            fragment = self._step(fragment)
        if fragment.kind == "root" and fragment.text != "@":
            give_up()
        while self._lower() == "|" and fragment.kind in ("path", "name", "call") and self._kind(1) == "name":
            fragment = self._jq_pipe(fragment)
        return fragment

    def _jq_pipe(self, fragment: Fragment) -> Fragment:
        self._at += 2
        name = self._text(-1)
        if self._lower() != "(" and name not in _FILTERS:
            give_up()
        return jq_pipe(fragment, name, self._items(")") if self._take("(") else [])

    def _primary(self, *, within: bool) -> Fragment:
        kind, text = self._kind(), self._next()
        if kind in LITERALS:
            return LITERALS[kind](text)
        if kind == "name" and text.lower() in _STATES and self._at > 1:
            give_up()  # as in "is null or missing"
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

    def _named(self, text: str) -> Fragment:
        if text.lower() == "typeof" and self._kind() == "name":
            return function(text, [self._operand()])
        return self._called(text) if self._lower() == "(" else Fragment(text, "name")

    def _root(self, text: str) -> Fragment:
        """Parse the start of ``$.a``, ``@.a``, ``.a``, ``."a"`` and ``.["a"]``."""
        if text != ".":
            return Fragment("" if text == "$" else text, "root")
        if self._kind() == "string":
            return column(Fragment(self._next(), "string"))
        if self._kind() == "name":
            self._at -= 1
        return Fragment("", "root")

    def _group(self) -> Fragment:
        inner = self._disjunction()
        self._expect(")")
        return (
            inner if inner.kind in ("name", "path", "call", "group") else Fragment(f"({inner.text})", "group")
        )

    def _list(self, closer: str) -> Fragment:
        items = self._items(closer)
        texts = tuple(value_of(item).text for item in items)
        if not texts:
            give_up()
        return Fragment(f"[{', '.join(texts)}]", "list", texts)

    def _items(self, closer: str) -> list[Fragment]:
        items: list[Fragment] = []
        while not self._take(closer):
            if items:
                self._expect(",")
            items.append(self._disjunction())
        return items

    def _called(self, name: str) -> Fragment:
        self._expect("(")
        return function(name, self._items(")"))

    def _step(self, fragment: Fragment) -> Fragment:
        if self._take("["):
            return self._bracket(fragment)
        self._at += 1
        kind, text = self._kind(), self._next()
        if kind == "number":
            return Fragment(f"{fragment.text}[{text}]", "path")
        if kind != "name":
            return Fragment(f"{fragment.text}.{text}", "path") if text.startswith('"') else give_up()
        if self._take("("):
            subject = [] if fragment.kind == "name" and fragment.text in NAMESPACES else [fragment]
            return function(text, [*subject, *self._items(")")])
        return (
            call("length", fragment)
            if text == "length" and fragment.kind == "call"
            else field(fragment, text)
        )

    def _bracket(self, fragment: Fragment) -> Fragment:
        if self._take("]"):
            return Fragment(f"{fragment.text}[]", "path")
        if self._take("?"):
            inner = f"?{self._disjunction().text}"
        else:
            kind, inner = self._kind(), self._next()
            if kind == "string":
                self._expect("]")
                return field(fragment, text_of(Fragment(inner, "string")))
            if kind != "number" and inner != "*":
                give_up()
        self._expect("]")
        return Fragment(f"{fragment.text}[{inner}]", "path")


def _joined(fragments: list[Fragment], sign: str) -> Fragment:
    return Fragment(sign.join(each.text for each in fragments), "condition")
