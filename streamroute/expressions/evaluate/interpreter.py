"""Evaluate JMESPath with the jmespath library, and with these differences:

- An ordering of two strings compares them (so that ISO dates work, as in the library); an ordering of
  anything but two numbers or two strings is null, where the library raises a bare TypeError.
- Functions accept any mapping as an object: the library checks for the class name ``dict``, and rejects a
  message (``keys(@)``).
- Long chains of ``&&``, ``||`` and ``|`` use no stack.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from numbers import Number
from typing import Any, Final

from jmespath import functions
from jmespath.visitor import Options, TreeInterpreter

from streamroute.expressions.syntax.parser import chain


class RouteFunctions(functions.Functions):
    """The library's functions, accepting any mapping as an object."""

    def _type_check_single(self, current: Any, types: list[str], function_name: str) -> None:
        if "object" in types and isinstance(current, Mapping):
            return
        _library("_type_check_single")(self, current, types, function_name)

    @functions.signature({"types": []})
    def _func_type(self, arg: Any) -> Any:
        return "object" if isinstance(arg, Mapping) else _library("_func_type")(self, arg)

    @functions.signature({"types": []})
    def _func_to_string(self, arg: Any) -> str:
        if isinstance(arg, str):
            return arg
        return json.dumps(arg, separators=(",", ":"), default=_plain)

    @functions.signature({"types": []})
    def _func_to_number(self, arg: Any) -> Any:
        return None if isinstance(arg, Mapping) else _library("_func_to_number")(self, arg)


def _library(name: str) -> Callable[..., Any]:
    """A method of the library's class that is missing in its type stubs."""
    method: Callable[..., Any] = getattr(functions.Functions, name)
    return method


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else str(value)


FUNCTIONS: Final = RouteFunctions()

SIGNATURES: Final[dict[str, tuple[dict[str, Any], ...]]] = {
    name: entry["signature"] for name, entry in RouteFunctions.FUNCTION_TABLE.items()
}
"""Function name -> its parameters, each with the JMESPath ``types`` it takes; the last may be variadic."""


def is_callable(name: str, given: int) -> bool:
    """Whether there is such a function, and it accepts this number of arguments."""
    signature = SIGNATURES.get(name)
    if signature is None or given < len(signature):
        return False
    return given == len(signature) or bool(signature[-1].get("variadic"))


equals: Callable[[Any, Any], bool] = TreeInterpreter.COMPARATOR_FUNC["eq"]
"""JMESPath's ``==``: 1 equals 1.0, and neither equals true."""


def is_number(value: Any) -> bool:
    """Whether a value is a number, and not a boolean."""
    return isinstance(value, Number) and not isinstance(value, bool)


_EMPTY: Final[tuple[Any, ...]] = ("", [], {})


def is_falsy(value: Any) -> bool:
    """Whether a value is false in JMESPath: null, false, and empty strings, lists and objects; 0 is true."""
    return value is None or value is False or value in _EMPTY


def order(operator: str, left: Any, right: Any) -> bool | None:
    """Evaluate ``lt``, ``lte``, ``gt`` or ``gte``; null unless both are numbers or both are strings."""
    comparable = (is_number(left) and is_number(right)) or (isinstance(left, str) and isinstance(right, str))
    if not comparable:
        return None
    outcome: bool = TreeInterpreter.COMPARATOR_FUNC[operator](left, right)
    return outcome


def compared(operator: str, left: Any, right: Any) -> Any:
    """Evaluate a comparison: ``eq``, ``ne``, ``lt`` ..."""
    if operator in ("eq", "ne"):
        return TreeInterpreter.COMPARATOR_FUNC[operator](left, right)
    return order(operator, left, right)


def _operands(node: Any) -> list[Any]:
    return list(chain(node))


class Interpreter(TreeInterpreter):
    """The library's interpreter with streamroute's functions, orderings and chains."""

    def __init__(self) -> None:
        super().__init__(Options(custom_functions=FUNCTIONS))

    def visit_comparator(self, node: Any, value: Any) -> Any:
        left, right = (self.visit(child, value) for child in node["children"])
        return compared(node["value"], left, right)

    def visit_or_expression(self, node: Any, value: Any) -> Any:
        result = None
        for operand in _operands(node):
            result = self.visit(operand, value)
            if not is_falsy(result):
                break
        return result

    def visit_and_expression(self, node: Any, value: Any) -> Any:
        result = None
        for operand in _operands(node):
            result = self.visit(operand, value)
            if is_falsy(result):
                break
        return result

    def visit_pipe(self, node: Any, value: Any) -> Any:
        for operand in _operands(node):
            value = self.visit(operand, value)
        return value


INTERPRETER: Final = Interpreter()


def evaluate(root: Any, value: Any) -> Any:
    """Return the value of a tree (its root node) for this payload. Raises what the library raises."""
    return INTERPRETER.visit(root, value)
