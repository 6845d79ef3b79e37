"""Transforms: a JMESPath expression that reshapes the payload for a route's handler."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from streamroute.errors import Reject
from streamroute.expressions.evaluate.compiled import value_function
from streamroute.expressions.filters import failure_text
from streamroute.expressions.lint import parse_compilable
from streamroute.expressions.syntax.parser import Node, children
from streamroute.message import Message, unshared_copy
from streamroute.text.kinds import SINGULAR, kind_of
from streamroute.text.safe_text import type_name

Transform = Callable[[Mapping[str, Any]], dict[str, Any]]

_FACTS: Final = tuple(name for name in Message.__slots__ if name != "raw")


def compile_transform(expression: str) -> Transform:
    """Compile an expression to a function from the message's payload to the handler's.

    The result must be an object. For a ``Message`` it is a ``Message`` with the same attributes, except for
    the entry's raw fields, which no longer match it. The function raises Reject if the expression fails or
    returns anything else: a retry would fail, too. Raises ExpressionError for the first fatal problem.
    """
    tree = parse_compilable(expression)
    value_of = value_function(tree.root)
    if _has_changing_literal(tree.root):
        value_of = _with_own_literals(value_of)

    def transform(payload: Mapping[str, Any]) -> dict[str, Any]:
        try:
            value = value_of(payload)
        except BaseException as error:
            raise Reject(f"the transform failed: {failure_text(error)}") from error
        result = _object(value)
        if result is None:
            raise Reject(f"the transform returned {_described(value)}, but a handler receives an object")
        return _with_facts(result, payload)

    return transform


def _has_changing_literal(root: Node) -> bool:
    """Whether the expression contains a list or an object literal, which all payloads would share."""
    unseen = [root]
    while unseen:
        node = unseen.pop()
        if node["type"] == "literal" and isinstance(node["value"], (list, dict)):
            return True
        unseen.extend(children(node))
    return False


def _with_own_literals(value_of: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Copy the results: a handler that changes its payload must not change the expression."""
    return lambda payload: unshared_copy(value_of(payload))


def _object(value: Any) -> dict[str, Any] | None:
    """An object as a dict; None for anything else, including broken mappings."""
    try:
        return dict(value) if isinstance(value, Mapping) else None
    except BaseException:  # noqa: BLE001 - a user's codec may have put any object into the payload
        return None


def _with_facts(value: dict[str, Any], payload: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(payload, Message):
        return value
    message = Message(value, delivery=payload.delivery)
    for name in _FACTS:
        setattr(message, name, getattr(payload, name))
    return message


def _described(value: Any) -> str:
    kind = kind_of(value)
    return type_name(value) if kind in (None, "object") else SINGULAR[kind]
