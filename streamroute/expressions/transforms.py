"""Transforms: a JMESPath expression that reshapes what the handler of a route gets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from streamroute.errors import Reject
from streamroute.expressions.evaluate.compiled import value_function
from streamroute.expressions.filters import failure_text
from streamroute.expressions.kinds import SINGULAR, kind_of
from streamroute.expressions.lint import parse_compilable
from streamroute.expressions.syntax.parser import Node, children
from streamroute.message import Message, unshared_copy
from streamroute.text.safe_text import type_name

Transform = Callable[[Mapping[str, Any]], dict[str, Any]]

_FACTS: Final = tuple(name for name in Message.__slots__ if name not in {"raw", "outcomes"})


def compile_transform(expression: str) -> Transform:
    """Compile an expression to a function from a payload to what the handler gets.

    The result must be an object. A ``Message`` gives a ``Message`` with the same facts, but for the
    entry's raw fields: it is no longer what was produced. The function raises Reject where the expression
    fails or gives anything else: the same payload would fail again. Raises ExpressionError for the first
    problem that no message can heal.
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
        made = _object(value)
        if made is None:
            raise Reject(f"the transform returned {_described(value)}, but a handler takes an object")
        return _with_facts(made, payload)

    return transform


def _has_changing_literal(root: Node) -> bool:
    """Whether a list or an object stands in the expression itself: the same one for every payload."""
    unseen = [root]
    while unseen:
        node = unseen.pop()
        if node["type"] == "literal" and isinstance(node["value"], (list, dict)):
            return True
        unseen.extend(children(node))
    return False


def _with_own_literals(value_of: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The same, with copies: what a handler does to its payload must not change the expression."""
    return lambda payload: unshared_copy(value_of(payload))


def _object(value: Any) -> dict[str, Any] | None:
    """An object as a dict; None for anything else, and for what only claims to be one."""
    try:
        return dict(value) if isinstance(value, Mapping) else None
    except BaseException:  # noqa: BLE001 - a codec of the user's may have put anything into the payload
        return None


def _with_facts(value: dict[str, Any], payload: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(payload, Message):
        return value
    made = Message(value)
    for name in _FACTS:
        setattr(made, name, getattr(payload, name))
    return made


def _described(value: Any) -> str:
    kind = kind_of(value)
    return type_name(value) if kind in (None, "object") else SINGULAR[kind]
