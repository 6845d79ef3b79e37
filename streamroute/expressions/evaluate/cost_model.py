"""The maximum cost of an expression for a message: the steps that it takes, and the size of its result.

Both are linear in the size of the message, and computed once for each expression. An expression only goes
through what it has, but it can multiply that (``[@, @][]`` doubles a list; ten of them in a row multiply it
by a thousand). Sizes are in characters and elements: at most the bytes that the message had as JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from streamroute.expressions.syntax.parser import Node, chain, children

_SORTING: Final = 25  # comparisons for each element of the longest possible list
_ESCAPING: Final = 12  # characters of JSON for one character of a string
_JOINING: Final = (
    1600  # a separator from the message, times as many elements: n * n / 4 at most, for n to 6,400
)
_CEILING: Final = 10**15
_UNBOUNDED: Final = 10**8

_FIXED_SIZE: Final = frozenset(
    {"abs", "avg", "ceil", "contains", "ends_with", "floor", "length", "starts_with", "sum", "to_number"}
    | {"type"}
)
"""Functions whose result has a constant size."""


class Bound(NamedTuple):
    """At most ``factor * size + fixed``."""

    factor: int
    fixed: int

    def __add__(self, other: Bound) -> Bound:  # type: ignore[override]  # a sum, not a longer tuple
        return _bound(self.factor + other.factor, self.fixed + other.fixed)

    def times(self, number: int) -> Bound:
        """Multiply the bound."""
        return _bound(self.factor * number, self.fixed * number)

    def of(self, size: Bound) -> Bound:
        """This bound for an input whose size has the bound ``size``."""
        return _bound(self.factor * size.factor, self.factor * size.fixed + self.fixed)

    def for_each(self, size: Bound) -> Bound:
        """This bound for each element of an input whose total size has the bound ``size``."""
        return size.times(self.factor + self.fixed)

    def at(self, size: int) -> int:
        """The bound for an input of this size."""
        return self.factor * size + self.fixed


def _bound(factor: int, fixed: int) -> Bound:
    return Bound(min(factor, _CEILING), min(fixed, _CEILING))


_ONE: Final = Bound(0, 1)
_WHOLE: Final = Bound(1, 0)


class Cost(NamedTuple):
    """The steps that a node takes, and the size of its result."""

    steps: Bound
    size: Bound

    def after(self, first: Cost) -> Cost:
        """The cost of this node when applied to the result of ``first``."""
        return Cost(first.steps + self.steps.of(first.size), self.size.of(first.size))

    @property
    def is_bounded(self) -> bool:
        """Whether there are messages that it can be evaluated on within the limit."""
        return self.steps.factor < _UNBOUNDED and self.steps.fixed < _UNBOUNDED

    def for_each(self, base: Cost) -> Cost:
        """The cost of this node when applied to each element of the result of ``base``."""
        return Cost(
            base.steps + base.size + self.steps.for_each(base.size), _ONE + self.size.for_each(base.size)
        )


_STEP: Final = Cost(_ONE, _WHOLE)


def cost_of(node: Node) -> Cost:
    """The cost of a tree."""
    cost = _COSTS.get(node["type"])
    return _STEP if cost is None else cost(node)


def _literal(node: Node) -> Cost:
    return Cost(_ONE, Bound(0, size_of(node["value"])))


def _slice_cost(_node: Node) -> Cost:
    return Cost(Bound(1, 1), _WHOLE)


def _logic(node: Node) -> Cost:
    """``&&`` and ``||`` return one of their operands."""
    operands = [cost_of(operand) for operand in chain(node)]
    return Cost(_sum(cost.steps for cost in operands), _largest(cost.size for cost in operands))


def _comparison(node: Node) -> Cost:
    """A comparison costs the size of its smaller side."""
    below = _below(node)
    smallest = min((cost.size for cost in below), key=lambda size: (size.factor, size.fixed))
    return Cost(_ONE + _sum(cost.steps for cost in below) + smallest, _ONE)


def _comprehension(node: Node) -> Cost:
    below = _below(node)
    names = sum(1 + len(pair["value"]) for pair in node["children"] if pair["type"] == "key_val_pair")
    sizes = _sum(cost.size for cost in below)
    return Cost(_ONE + _sum(cost.steps for cost in below), sizes + Bound(0, 1 + names))


def _flattened(node: Node) -> Cost:
    base = cost_of(node["children"][0])
    return Cost(_ONE + base.steps + base.size, base.size)


def _pipe(node: Node) -> Cost:
    return _chained(chain(node))


def _steps(node: Node) -> Cost:
    return _chained(node["children"])


def _below(node: Node) -> list[Cost]:
    return [cost_of(child) for child in children(node)]


def _chained(nodes: Iterable[Node]) -> Cost:
    cost = Cost(Bound(0, 0), _WHOLE)
    for node in nodes:
        cost = cost_of(node).after(cost)
    return cost


def _projected(node: Node) -> Cost:
    base, right, *condition = node["children"]
    each = cost_of(right)
    if condition:
        each = Cost(each.steps + cost_of(condition[0]).steps, each.size)
    return each.for_each(cost_of(base))


def _call(node: Node) -> Cost:
    name, arguments = node["value"], node["children"]
    costs = [cost_of(argument) for argument in arguments if argument["type"] != "expref"]
    size = _sum(cost.size for cost in costs)
    steps = _ONE + size + _sum(cost.steps for cost in costs)
    if name.startswith("sort"):
        steps += size.times(_SORTING)
    for argument in arguments:
        if argument["type"] == "expref":
            each = cost_of(argument["children"][0])
            steps += each.steps.for_each(size)
            size = each.size.for_each(size) + _ONE if name == "map" else size
    if name in _FIXED_SIZE:
        return Cost(steps, Bound(0, 32))
    if name == "to_string":
        return Cost(steps + size.times(_ESCAPING), size.times(_ESCAPING) + Bound(0, 2))
    if name == "join":
        glue = arguments[0]
        size = size.times(1 + len(str(glue["value"])) if glue["type"] == "literal" else _JOINING)
        return Cost(steps + size, size)
    return Cost(steps, size + _ONE)


def _sum(bounds: Iterable[Bound]) -> Bound:
    return sum(bounds, Bound(0, 0))


def _largest(bounds: Iterable[Bound]) -> Bound:
    known = list(bounds)
    return Bound(max(bound.factor for bound in known), max(bound.fixed for bound in known))


def _pair(node: Node) -> Cost:
    return cost_of(node["children"][0])


_COSTS: Final[dict[str, Callable[[Node], Cost]]] = {
    "and_expression": _logic,
    "comparator": _comparison,
    "filter_projection": _projected,
    "flatten": _flattened,
    "function_expression": _call,
    "index_expression": _steps,
    "key_val_pair": _pair,
    "literal": _literal,
    "multi_select_dict": _comprehension,
    "multi_select_list": _comprehension,
    "not_expression": _comparison,
    "or_expression": _logic,
    "pipe": _pipe,
    "projection": _projected,
    "slice": _slice_cost,
    "subexpression": _steps,
    "value_projection": _projected,
}


def size_of(value: Any, most: int = _CEILING) -> int:
    """The size of a value; for one that is larger than ``most``, any number above that.

    A value that occurs twice counts twice, since evaluation visits it twice.
    """
    size, stack = 1, [value]
    while stack and size <= most:
        item = stack.pop()
        if isinstance(item, str):
            size += len(item)
        elif isinstance(item, dict):
            size += len(item) + sum(map(len, map(str, item)))
            stack.extend(item.values())
        elif isinstance(item, list):
            size += len(item)
            if size <= most:
                stack.extend(item)
    return size
