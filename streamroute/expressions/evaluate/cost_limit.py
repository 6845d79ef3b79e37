"""The cost limit: an expression that may take too long for a message is counted, and stopped.

What an expression may cost is known beforehand (``cost``). Where that is little for the message at hand,
which is nearly always, nothing is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from streamroute.errors import StreamrouteError
from streamroute.expressions.evaluate.cost_model import cost_of, size_of
from streamroute.expressions.evaluate.interpreter import FUNCTIONS, Interpreter, compared
from streamroute.expressions.syntax.parser import Node
from streamroute.message import ExpandingMessage

Evaluate = Callable[[Any], Any]

MOST: Final = 1_000_000
"""Units: an element or a character is one, a step of the interpreter ten. A fraction of a second."""

_STEP: Final = 10
_CHEAP: Final = 16


class TooCostlyError(StreamrouteError):
    """Raised for an expression that takes too many steps for a message; the same would happen again."""

    def __init__(self) -> None:
        super().__init__("it takes too many steps for this message")


def with_cost_limit(root: Node, fast: Evaluate, finish: Evaluate | None = None) -> Evaluate:
    """``fast`` for messages that cannot make it long; for others the library, step by step.

    ``finish`` makes of the library's value what ``fast`` gives.
    """
    steps = cost_of(root).steps
    if steps.factor == 0 and steps.fixed <= MOST:
        return fast  # as much work for every message

    def counted(payload: Any) -> Any:
        value = BudgetedInterpreter().visit(root, payload)
        return finish(value) if finish is not None else value

    def evaluate_cheap(payload: Any) -> Any:
        return counted(payload) if type(payload) is ExpandingMessage else fast(payload)

    def evaluate(payload: Any) -> Any:
        if type(payload) is not ExpandingMessage and steps.at(_size(payload)) <= MOST:
            return fast(payload)
        return counted(payload)

    return evaluate_cheap if is_cheap(root) else evaluate


def is_cheap(root: Node) -> bool:
    """Whether it costs a message that holds nothing twice no more than it was to decode it."""
    steps = cost_of(root).steps
    return steps.factor <= _CHEAP and steps.fixed <= MOST


def _size(payload: Any) -> int:
    """A payload's size: at most the bytes that it came in, where that is known."""
    fields: Mapping[bytes, bytes] | None = getattr(payload, "fields", None)
    if not fields:
        return size_of(payload, MOST)
    return sum(map(len, fields)) + sum(map(len, fields.values())) + len(fields)


class BudgetedInterpreter(Interpreter):
    """An interpreter for one evaluation, which raises TooCostlyError when its units are spent."""

    def __init__(self, units: int = MOST) -> None:
        super().__init__()
        self._left = units

    @property
    def left(self) -> int:
        """The units that are not spent."""
        return self._left

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
        """See the library; each visit is a step."""
        self._spend(_STEP)
        return super().visit(node, *args, **kwargs)

    def visit_flatten(self, node: Any, value: Any) -> Any:
        """Lists are opened one level: what they hold is not visited, and counts all the same."""
        base = self.visit(node["children"][0], value)
        if not isinstance(base, list):
            return None
        merged: list[Any] = []
        for element in base:
            self._spend(1 + (len(element) if isinstance(element, list) else 0))
            merged.extend(element) if isinstance(element, list) else merged.append(element)
        return merged

    def visit_comparator(self, node: Any, value: Any) -> Any:
        """Two values are compared as deep as the smaller one goes."""
        left, right = (self.visit(child, value) for child in node["children"])
        smaller = size_of(left, self._left)
        self._spend(min(smaller, size_of(right, smaller)))
        return compared(node["value"], left, right)

    def visit_function_expression(self, node: Any, value: Any) -> Any:
        """A function goes through its arguments."""
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
            self._spend(len(value))  # searched at the speed of C

    def _spend(self, units: int) -> None:
        self._left -= units
        if self._left < 0:
            raise TooCostlyError
