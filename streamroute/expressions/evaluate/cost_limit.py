"""The cost limit: stop an expression that would take too long for a message.

The expression's maximum cost is known in advance (``cost_model``). If it is low for the message, as it nearly
always is, no steps are counted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from streamroute.errors import StreamrouteError
from streamroute.expressions.evaluate.cost_model import Bound, size_of
from streamroute.expressions.evaluate.interpreter import FUNCTIONS, Interpreter, compared
from streamroute.expressions.syntax.parser import Node
from streamroute.message import ExpandingMessage

Evaluate = Callable[[Any], Any]

MAX_COST: Final = 1_000_000
"""In units: one for each element or character, ten for a step of the interpreter. A fraction of a second."""

_STEP: Final = 10
_MAX_CHEAP_FACTOR: Final = 16


class TooCostlyError(StreamrouteError):
    """Raised if an expression takes too many steps for a message; a retry would fail, too."""

    def __init__(self) -> None:
        super().__init__("it takes too many steps for this message")


def with_cost_limit(root: Node, steps: Bound, fast: Evaluate, finish: Evaluate | None = None) -> Evaluate:
    """Use ``fast`` for messages that cannot exceed the limit; for others, the interpreter with a budget.

    ``steps`` bounds those of the tree; ``finish`` converts the interpreter's value to the result of ``fast``.
    """
    if steps.factor == 0 and steps.fixed <= MAX_COST:
        return fast  # the same cost for every message

    def counted(payload: Any) -> Any:
        value = BudgetedInterpreter().visit(root, payload)
        return finish(value) if finish is not None else value

    def evaluate_cheap(payload: Any) -> Any:
        return counted(payload) if type(payload) is ExpandingMessage else fast(payload)

    def evaluate(payload: Any) -> Any:
        if type(payload) is not ExpandingMessage and steps.at(_size(payload)) <= MAX_COST:
            return fast(payload)
        return counted(payload)

    return evaluate_cheap if is_cheap(steps) else evaluate


def is_cheap(steps: Bound) -> bool:
    """Whether they cost at most as much as decoding the message, if that contains no value twice."""
    return steps.factor <= _MAX_CHEAP_FACTOR and steps.fixed <= MAX_COST


def _size(payload: Any) -> int:
    """A payload's size: at most the bytes of its entry, if they are known."""
    fields: Mapping[bytes, bytes] | None = getattr(payload, "fields", None)
    if not fields:
        return size_of(payload, MAX_COST)
    return sum(map(len, fields)) + sum(map(len, fields.values())) + len(fields)


class BudgetedInterpreter(Interpreter):
    """An interpreter for one evaluation, which raises TooCostlyError when its units are spent."""

    def __init__(self, units: int = MAX_COST) -> None:
        super().__init__()
        self._left = units

    @property
    def left(self) -> int:
        """The remaining units."""
        return self._left

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
        """Count a step, then evaluate the node as the library does."""
        self._spend(_STEP)
        return super().visit(node, *args, **kwargs)

    def visit_flatten(self, node: Any, value: Any) -> Any:
        """Flatten as the library does; it visits no elements, so count them here."""
        base = self.visit(node["children"][0], value)
        if not isinstance(base, list):
            return None
        merged: list[Any] = []
        for element in base:
            self._spend(1 + (len(element) if isinstance(element, list) else 0))
            merged.extend(element) if isinstance(element, list) else merged.append(element)
        return merged

    def visit_comparator(self, node: Any, value: Any) -> Any:
        """Comparing two values costs the size of the smaller one."""
        left, right = (self.visit(child, value) for child in node["children"])
        smaller = size_of(left, self._left)
        self._spend(min(smaller, size_of(right, smaller)))
        return compared(node["value"], left, right)

    def visit_function_expression(self, node: Any, value: Any) -> Any:
        """A function costs the size of its arguments."""
        arguments = [self.visit(child, value) for child in node["children"]]
        for child, argument in zip(node["children"], arguments, strict=True):
            self._measure(child, argument)
        if node["value"] == "join" and isinstance(arguments[0], str) and isinstance(arguments[1], list):
            self._spend(len(arguments[0]) * len(arguments[1]))
        return FUNCTIONS.call_function(node["value"], arguments)

    def _measure(self, node: Any, value: Any) -> None:
        if node["type"] != "literal":
            self._spend(size_of(value, self._left))
        elif isinstance(value, list):
            self._spend(len(value))  # searched at C speed

    def _spend(self, units: int) -> None:
        self._left -= units
        if self._left < 0:
            raise TooCostlyError
