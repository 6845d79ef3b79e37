"""Write JMESPath as Python code: one template for each type of node.

The code consists of these templates alone; everything from the user's expression (field names, literals,
positions) is a parameter of the generated code.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Final

from streamroute.expressions.evaluate.interpreter import is_falsy, is_number
from streamroute.expressions.syntax.parser import Node, chain

PAYLOAD: Final = "p"
VARIABLE: Final = re.compile(r"p|[cte][0-9]+", re.ASCII)
"""The payload, a constant, a temporary, or an element of a list."""

_LONGEST_CHAIN: Final = 20

_ORDERINGS: Final = {"lt": "<", "lte": "<=", "gt": ">", "gte": ">="}

# A function's result type decides how its truth is tested.
_NUMERIC_FUNCTIONS: Final = frozenset({"abs", "avg", "ceil", "floor", "length", "sum", "to_number"})
_PYTHON_TRUTH_FUNCTIONS: Final = frozenset(
    {"contains", "ends_with", "join", "keys", "map", "merge", "reverse", "sort", "sort_by", "starts_with"}
    | {"to_array", "to_string", "type", "values"}
)
_PYTHON_TRUTH_NODES: Final = frozenset(
    {"comparator", "filter_projection", "flatten", "multi_select_dict", "multi_select_list", "not_expression"}
    | {"projection", "slice", "value_projection"}
)


class NotCoveredError(Exception):
    """Raised for a tree that only the jmespath library can evaluate."""


class TreeWriter:
    """Writes nodes as Python expressions; ``current`` is always the name of a variable.

    Each temporary (``t0`` ...) is assigned once, within the expression, by ``:=``.
    """

    def __init__(self) -> None:
        self.constants: list[Any] = []
        self._names = 0

    def constant(self, value: Any) -> str:
        """Add a value of the user's expression; return the parameter that holds it."""
        self.constants.append(value)
        return f"c{len(self.constants) - 1}"

    def _name(self, letter: str = "t") -> str:
        self._names += 1
        return f"{letter}{self._names}"

    # Values

    def value(self, node: Node, current: str) -> str:
        """Python code for the node's value."""
        write: Callable[[Node, str], str] | None = getattr(self, f"_{node['type']}", None)
        if write is None:
            raise NotCoveredError(node["type"])
        return write(node, current)

    def _identity(self, _node: Node, current: str) -> str:
        return current

    _current = _identity

    def _literal(self, node: Node, _current: str) -> str:
        return self.constant(node["value"])

    def _field(self, node: Node, current: str) -> str:
        return self._field_of(current, node)

    def _field_of(self, source: str, node: Node) -> str:
        name = self.constant(node["value"])
        if source == PAYLOAD:
            # A payload is a dict; anything else raises, and the library evaluates it.
            return f"p.get({name})"
        held, bound = self._bind(source)
        slow = f"None if {held} is None else field({held}, {name})"
        return f"({held}.get({name}) if {bound}.__class__ is dict else {slow})"

    def _bind(self, source: str) -> tuple[str, str]:
        """Return a variable for the source, and the code that assigns it, to be evaluated first."""
        if VARIABLE.fullmatch(source):
            return source, source
        name = self._name()
        return name, f"({name} := {source})"

    def _subexpression(self, node: Node, current: str) -> str:
        return self._steps(node["children"], current)

    _index_expression = _subexpression

    def _pipe(self, node: Node, current: str) -> str:
        return self._steps(chain(node), current)

    def _steps(self, nodes: Iterable[Node], current: str) -> str:
        source = current
        for node in nodes:
            source = self._step(node, source)
        return source

    def _step(self, node: Node, source: str) -> str:
        """Python code for the node's value when applied to the value of ``source``."""
        if node["type"] == "field":
            return self._field_of(source, node)
        if node["type"] == "index":
            return f"index({source}, {self.constant(node['value'])})"
        if VARIABLE.fullmatch(source):
            return self.value(node, source)
        name = self._name()
        return f"(({name} := {source}) is SENTINEL or {self.value(node, name)})"

    def _index(self, node: Node, current: str) -> str:
        return self._step(node, current)

    def _slice(self, node: Node, current: str) -> str:
        part = self.constant(slice(*node["children"]))
        return f"({current}[{part}] if isinstance({current}, list) else None)"

    def _multi_select_list(self, node: Node, current: str) -> str:
        elements = ", ".join(self.value(child, current) for child in node["children"])
        return f"(None if {current} is None else [{elements}])"

    def _multi_select_dict(self, node: Node, current: str) -> str:
        pairs = ", ".join(
            f"{self.constant(pair['value'])}: {self.value(pair['children'][0], current)}"
            for pair in node["children"]
        )
        return f"(None if {current} is None else {{{pairs}}})"

    def _projection(self, node: Node, current: str) -> str:
        base, right = node["children"]
        held, bound = self._bind(self.value(base, current))
        return f"({self._comprehension(held, right)} if isinstance({bound}, list) else None)"

    def _value_projection(self, node: Node, current: str) -> str:
        base, right = node["children"]
        held, bound = self._bind(f"values_of({self.value(base, current)})")
        return f"({self._comprehension(held, right)} if {bound} is not None else None)"

    def _filter_projection(self, node: Node, current: str) -> str:
        base, right, condition = node["children"]
        held, bound = self._bind(self.value(base, current))
        return f"({self._comprehension(held, right, condition)} if isinstance({bound}, list) else None)"

    def _comprehension(self, source: str, right: Node, condition: Node | None = None) -> str:
        element = self._name("e")
        test = f"{self.truth(condition, element)} and " if condition is not None else ""
        held, bound = self._bind(self.value(right, element))
        return f"[{held} for {element} in {source} if {test}{bound} is not None]"

    def _flatten(self, node: Node, current: str) -> str:
        return f"flatten({self.value(node['children'][0], current)})"

    def _not_expression(self, node: Node, current: str) -> str:
        return f"(not {self.truth(node['children'][0], current)})"

    def _or_expression(self, node: Node, current: str) -> str:
        return self._chain(node, current, "or")

    def _and_expression(self, node: Node, current: str) -> str:
        return self._chain(node, current, "and")

    def _chain(self, node: Node, current: str, operator: str) -> str:
        """Code for the deciding operand, with Python's ``or`` and ``and`` if their truth is JMESPath's."""
        operands = chain(node)
        if all(_has_python_truth(operand) for operand in operands[:-1]):
            return f"({f' {operator} '.join(self.value(operand, current) for operand in operands)})"
        if len(operands) > _LONGEST_CHAIN:
            raise NotCoveredError("a long chain of values")
        first, rest = operands[0], operands[1:]
        held, truth = self._bind_truth(first, current)
        then = self._rest(rest, current, operator)
        return f"({held} if {truth} else {then})" if operator == "or" else f"({then} if {truth} else {held})"

    def _rest(self, operands: list[Node], current: str, operator: str) -> str:
        if len(operands) == 1:
            return self.value(operands[0], current)
        held, truth = self._bind_truth(operands[0], current)
        then = self._rest(operands[1:], current, operator)
        return f"({held} if {truth} else {then})" if operator == "or" else f"({then} if {truth} else {held})"

    # Truth

    def truth(self, node: Node, current: str) -> str:
        """Python code whose truth is the truth of the node's value in JMESPath."""
        kind = node["type"]
        if kind == "literal":
            return str(not is_falsy(node["value"]))
        if kind in ("or_expression", "and_expression"):
            operator = " or " if kind == "or_expression" else " and "
            return f"({operator.join(self.truth(operand, current) for operand in chain(node))})"
        if _has_python_truth(node):
            return self.value(node, current)
        if kind == "function_expression" and node["value"] in _NUMERIC_FUNCTIONS:
            return f"({self.value(node, current)} is not None)"
        return self._bind_truth(node, current)[1]

    def _bind_truth(self, node: Node, current: str) -> tuple[str, str]:
        """Return a variable that holds the node's value, and the code that assigns it and tests its truth.

        The two truths differ only for the numbers 0 and 0.0, which are false in Python.
        """
        held, bound = self._bind(self.value(node, current))
        return held, f"({bound} or ({held} is not None and {held} is not False and is_truthy({held})))"

    # Comparisons

    def _comparator(self, node: Node, current: str) -> str:
        operator = node["value"]
        left, right = node["children"]
        if operator in ("eq", "ne"):
            return self._equality(left, right, current, operator)
        if right["type"] == "literal" and left["type"] != "literal":
            return self._ordering(left, right["value"], current, operator, "{held} {sign} {constant}")
        if left["type"] == "literal" and right["type"] != "literal":
            return self._ordering(right, left["value"], current, operator, "{constant} {sign} {held}")
        sides = f"{self.value(left, current)}, {self.value(right, current)}"
        return f"order({self.constant(operator)}, {sides})"

    def _equality(self, left: Node, right: Node, current: str, operator: str) -> str:
        if left["type"] == "literal":
            left, right = right, left
        sign = "==" if operator == "eq" else "!="
        if right["type"] != "literal":
            one, bind_one = self._bind(self.value(left, current))
            two, bind_two = self._bind(self.value(right, current))
            same_kind = f"({one}.__class__ is bool) is ({two}.__class__ is bool)"
            equal = f"({bind_one} == {bind_two} and {same_kind})"
            return equal if operator == "eq" else f"(not {equal})"
        return self._equality_to(right["value"], self.value(left, current), sign)

    def _equality_to(self, value: Any, other: str, sign: str) -> str:
        """A comparison with a literal. In JMESPath, 1 equals 1.0, and neither equals true."""
        identity = "is" if sign == "==" else "is not"
        if value is None or isinstance(value, bool):
            return f"({other} {identity} {value})"
        constant = self.constant(value)
        if is_number(value) and value in (0, 1):
            held, bound = self._bind(other)
            equal = f"({bound} == {constant} and {held}.__class__ is not bool)"
            return equal if sign == "==" else f"(not {equal})"
        return f"({other} {sign} {constant})"

    def _ordering(self, node: Node, value: Any, current: str, operator: str, form: str) -> str:
        held, bound = self._bind(self.value(node, current))
        constant = self.constant(value)
        compared = form.format(held=held, sign=_ORDERINGS[operator], constant=constant)
        if is_number(value):
            comparable = f"{bound}.__class__ is int or {held}.__class__ is float"
        elif isinstance(value, str):
            comparable = f"{bound}.__class__ is str"
        else:
            # An ordering with a list, an object, a boolean or null is null; the other side may raise.
            comparable = f"{bound} is SENTINEL"
        sides = form.format(held=held, sign=",", constant=constant)
        slow = f"order({self.constant(operator)}, {sides})"
        return f"({compared} if {comparable} else None if {held} is None else {slow})"


def _has_python_truth(node: Node) -> bool:
    """Whether the truth of the node's value is the same in Python: it is never a number, or never 0."""
    kind = node["type"]
    if kind in _PYTHON_TRUTH_NODES:
        return True
    if kind == "literal":
        return bool(node["value"]) is not is_falsy(node["value"])
    if kind == "function_expression":
        return node["value"] in _PYTHON_TRUTH_FUNCTIONS
    if kind in ("or_expression", "and_expression"):
        return all(map(_has_python_truth, chain(node)))
    if kind in ("pipe", "subexpression", "index_expression"):
        return _has_python_truth(node["children"][-1])
    return False
