"""Narrowing: the type of a value after a condition about it was true or false."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from streamroute.expressions.evaluate.interpreter import SIGNATURES
from streamroute.expressions.syntax.parser import Node, chain
from streamroute.expressions.types.algebra.json_types import NULL, Property, Shape, Type, is_never
from streamroute.expressions.types.algebra.members import field_of
from streamroute.expressions.types.algebra.step_budget import count_steps
from streamroute.expressions.types.algebra.truthiness import falsy, truthy
from streamroute.expressions.types.algebra.type_operations import (
    intersect,
    of_value,
    restrict,
    union_all,
    without,
)
from streamroute.expressions.types.nodes import Path, is_call, is_literal, is_scalar, path_of
from streamroute.text.kinds import KINDS, Kind

_LEAST: Final = {"gt": 0, "gte": 1, "ne": 0, "eq": 0}
"""By operator, the least literal for which a length comparison excludes 0; "eq" is one that was false."""

Change = Callable[[Type], Type]

_MAX_BRANCHES: Final = 8
_MAX_DEPTH: Final = 3
_MAX_VALUES: Final = 256
_ALL: Final = frozenset(KINDS)
_OBJECTS: Final[frozenset[Kind]] = frozenset(["object"])
_ORDERINGS: Final = frozenset({"lt", "lte", "gt", "gte"})


def assume(node: Node, scope: Type, *, outcome: bool, depth: int = 0) -> Type:
    """The type of ``@`` after the condition had this outcome; NEVER if that is impossible.

    ``depth`` is the nesting depth of alternatives.
    """
    kind = node["type"]
    if kind == "not_expression":
        return assume(node["children"][0], scope, outcome=not outcome, depth=depth)
    if kind in ("and_expression", "or_expression"):
        assume_operands = _assume_all if (kind == "and_expression") == outcome else _assume_any
        return assume_operands(chain(node), scope, outcome=outcome, depth=depth)
    if kind == "comparator":
        return _assume_comparison(node, scope, outcome=outcome)
    if kind == "function_expression":
        return _assume_call(node, scope, outcome=outcome)
    path = path_of(node)
    if path is not None:
        return at_path(scope, path, truthy if outcome else falsy)
    return scope


def _assume_all(operands: list[Node], scope: Type, *, outcome: bool, depth: int) -> Type:
    """Narrow by all operands having this outcome."""
    for operand in operands:
        scope = assume(operand, scope, outcome=outcome, depth=depth)
    return scope


def _assume_any(operands: list[Node], scope: Type, *, outcome: bool, depth: int) -> Type:
    """Narrow by the last evaluated operand having this outcome, and the operands before it not."""
    if depth >= _MAX_DEPTH or len(operands) > _MAX_BRANCHES or len(scope.objects) > _MAX_BRANCHES:
        return scope  # still correct, and each alternative costs as much as all before it
    ends = []
    for operand in operands:
        ends.append(assume(operand, scope, outcome=outcome, depth=depth + 1))
        scope = assume(operand, scope, outcome=not outcome, depth=depth + 1)
    return union_all(ends)


def _assume_comparison(node: Node, scope: Type, *, outcome: bool) -> Type:
    operator, (left, right) = node["value"], node["children"]
    for side in (left, right):
        scope = _after_call(side, scope)
    if operator in _ORDERINGS:
        if outcome:
            scope = _assume_ordered(left, right, scope)
            scope = _assume_ordered(right, left, scope)
        return _assume_length(operator, left, right, scope) if outcome else scope
    equal = (operator == "eq") == outcome
    if not equal:
        scope = _assume_length(operator, left, right, scope)
    return _assume_equal(right, left, _assume_equal(left, right, scope, equal=equal), equal=equal)


def _assume_equal(side: Node, other: Node, scope: Type, *, equal: bool) -> Type:
    if not is_literal(other):
        return scope
    value = other["value"]
    if is_call(side, "type") and len(side["children"]) == 1 and isinstance(value, str):
        path = path_of(side["children"][0])
        kinds = frozenset(kind for kind in KINDS if (kind == value) == equal)
        return scope if path is None else at_path(scope, path, lambda t: restrict(t, kinds))
    path = path_of(side)
    if path is None:
        return scope
    if not is_scalar(value):
        return at_path(scope, path, lambda t: _comparable_part(t, of_value(value))) if equal else scope
    if equal:
        return at_path(scope, path, lambda t: intersect(t, of_value(value)))
    return at_path(scope, path, lambda t: without(t, value))


def _comparable_part(t: Type, other: Type) -> Type:
    """The part that may equal a list or an object; Python's equality decides about their elements."""
    part = restrict(t, other.kinds)
    return part if other.empty else part._replace(empty=frozenset())


def _assume_ordered(side: Node, other: Node, scope: Type) -> Type:
    """Narrow by an ordering that is not null: both sides are numbers, or both are strings."""
    path = path_of(side)
    if path is None:
        return scope
    kinds: frozenset[Kind] = frozenset(("number", "string"))
    if is_literal(other):
        kinds &= of_value(other["value"]).kinds
    return at_path(scope, path, lambda t: restrict(t, kinds))


def _assume_length(operator: str, left: Node, right: Node, scope: Type) -> Type:
    """Narrow by ``length(tags || `[]`) > `0```: the list is not empty."""
    if not (is_call(left, "length") and left["children"] and is_literal(right)):
        return scope
    value = right["value"]
    if type(value) is not int or (value != 0 and operator not in _ORDERINGS):
        return scope
    exceeded = operator in _LEAST and value >= _LEAST[operator]
    return _fallback_unused(left["children"][0], scope) if exceeded else scope


def _fallback_unused(node: Node, scope: Type) -> Type:
    """Narrow by ``path || `[]``` not being the empty literal: the path is true."""
    if node["type"] != "or_expression":
        return scope
    first, second, *others = chain(node)
    path = path_of(first)
    if path is None or others or not is_literal(second) or second["value"] not in ([], "", {}):
        return scope
    return at_path(scope, path, truthy)


def _assume_call(node: Node, scope: Type, *, outcome: bool) -> Type:
    scope = _after_call(node, scope)
    arguments = node["children"]
    if is_call(node, "contains") and len(arguments) == 2:
        return _assume_contains(arguments[0], arguments[1], scope, outcome=outcome)
    if is_call(node, "not_null") and len(arguments) == 1:
        path = path_of(arguments[0])
        return scope if path is None else at_path(scope, path, truthy if outcome else falsy)
    return scope


def _assume_contains(subject: Node, search: Node, scope: Type, *, outcome: bool) -> Type:
    if is_literal(subject) and isinstance(subject["value"], list):
        return _assume_member(subject["value"], search, scope, outcome=outcome)
    if not outcome:
        return scope
    if is_call(subject, "keys") and is_literal(search) and isinstance(search["value"], str):
        path = path_of(subject["children"][0]) if len(subject["children"]) == 1 else None
        return scope if path is None else at_path(scope, path, lambda t: _with_name(t, search["value"]))
    if is_literal(search) and search["value"] != "":
        return _fallback_unused(subject, scope)
    return scope


def _assume_member(values: list[Any], search: Node, scope: Type, *, outcome: bool) -> Type:
    """Narrow by ``contains(`["gold", "silver"]`, tier)``; strings only, since 1 equals true in Python."""
    path = path_of(search)
    if path is None or not all(isinstance(value, str) for value in values) or len(values) > _MAX_VALUES:
        return scope
    if outcome:
        member = union_all(of_value(value) for value in values)
        return at_path(scope, path, lambda t: intersect(t, member))
    return at_path(scope, path, lambda t: _without_all(t, values))


def _without_all(t: Type, values: list[Any]) -> Type:
    for value in values:
        t = without(t, value)
    return t


def _with_name(t: Type, name: str) -> Type:
    shapes = tuple(_named(shape, name) for shape in t.objects)
    return restrict(t, _OBJECTS)._replace(objects=shapes)


def _named(shape: Shape, name: str) -> Shape:
    field = shape.properties.get(name)
    if field is None or field.required:
        return shape
    return shape._replace(properties={**shape.properties, name: Property(field.type, required=True)})


def _after_call(node: Node, scope: Type) -> Type:
    """Narrow by a function's success: it accepted its arguments."""
    signature = SIGNATURES.get(node["value"]) if node["type"] == "function_expression" else None
    if signature is None:
        return scope
    for parameter, argument in zip(signature, node["children"], strict=False):
        path = path_of(argument)
        if path is not None and parameter["types"]:
            scope = at_path(scope, path, _restriction(parameter["types"]))
    return scope


def _restriction(types: list[Any]) -> Change:
    kinds = frozenset(name.partition("-")[0] for name in types) & _ALL
    return lambda t: restrict(t, frozenset(kind for kind in KINDS if kind in kinds))


def at_path(scope: Type, path: Path, change: Change) -> Type:
    """Narrow the type at a path; alternatives that become empty are dropped."""
    if not path:
        return change(scope)
    name, rest = path[0], path[1:]
    count_steps(1 + len(scope.objects))
    shapes = tuple(
        kept for shape in scope.objects if (kept := _shape_at(shape, name, rest, change)) is not None
    )
    if is_never(at_path(NULL, rest, change)):
        return Type(
            objects=shapes,
            empty=scope.empty & _OBJECTS if shapes else frozenset(),
            uncertainty=scope.uncertainty,
        )
    if shapes == scope.objects:
        return scope
    return scope._replace(objects=shapes, empty=scope.empty if shapes else scope.empty - _OBJECTS)


def _shape_at(shape: Shape, name: str, rest: Path, change: Change) -> Shape | None:
    before = field_of(Type(objects=(shape,)), name)
    after = at_path(before, rest, change)
    if after is before:
        return shape
    if is_never(after):
        return None
    count_steps(len(shape.properties))
    # Null may stand for a missing property: both are read as null.
    return shape._replace(properties={**shape.properties, name: Property(after, required=True)})
