"""Infer the type of each part of an expression, and report the problems that follow from it."""

from __future__ import annotations

from collections.abc import Callable, Container
from functools import partial
from itertools import pairwise
from typing import Any, ClassVar, Final

from streamroute.expressions.evaluate.interpreter import equals as equal_values
from streamroute.expressions.evaluate.interpreter import is_callable
from streamroute.expressions.syntax.parser import Node, Tree, chain
from streamroute.expressions.types import argument_checks, condition_checks
from streamroute.expressions.types import field_access as steps
from streamroute.expressions.types.algebra import function_results
from streamroute.expressions.types.algebra.comparability import (
    may_be_equal,
    may_differ,
    ordering,
)
from streamroute.expressions.types.algebra.json_types import (
    BOOLEAN,
    EXPREF,
    FALSE,
    NEVER,
    NULL,
    TRUE,
    UNKNOWN,
    LazyType,
    Property,
    Shape,
    Type,
    array_of,
    is_never,
    object_of,
)
from streamroute.expressions.types.algebra.members import elements_of, field_of, values_of
from streamroute.expressions.types.algebra.payload_type import ENVELOPE_FIELD
from streamroute.expressions.types.algebra.step_budget import count_steps
from streamroute.expressions.types.algebra.truthiness import (
    falsy,
    may_be_false,
    may_be_true,
    negation,
    truthy,
)
from streamroute.expressions.types.algebra.type_operations import (
    of_value,
    restrict,
    union,
    union_all,
    without,
)
from streamroute.expressions.types.mistakes import misplaced_values
from streamroute.expressions.types.nodes import is_literal
from streamroute.expressions.types.problem_report import ProblemReport
from streamroute.expressions.types.scope import Scope
from streamroute.text.kinds import KINDS

_STEPS: Final = frozenset({"field", "index", "slice"})
_NOT_ARRAYS: Final = frozenset(KINDS) - {"array"}


class Inference:
    """One pass over one expression; ``infer`` is called once for each part, from the root down."""

    def __init__(self, tree: Tree, report: ProblemReport) -> None:
        self.root = tree.root
        self.report = report

    def infer(self, node: Node, scope: Scope) -> Type:
        """Return the type of a node where ``@`` has the scope's type; NEVER if it is never evaluated."""
        count_steps(1)
        return NEVER if scope.type is NEVER else self._RULES[node["type"]](self, node, scope)

    def condition(self, node: Node, scope: Scope) -> Type:
        """As ``infer``, for a node that is used only for its truth; report it if that is constant."""
        kind, before = node["type"], self.report.count
        if misplaced_values.is_collection(node):
            misplaced_values.report_collection(self.report, node)
            return self.infer(node, scope)
        if kind in ("and_expression", "or_expression"):
            operand_type = partial(self._operand, continuing=misplaced_values.continuing(node))
            inferred = self._chain(node, scope, operand_type)
        elif kind == "not_expression":
            inferred = negation(self.condition(node["children"][0], scope))
        elif kind == "pipe":
            inferred = self.condition(node["children"][1], self._scope_of_last(chain(node), scope))
        else:
            inferred = self.infer(node, scope)
        if self.report.count == before:
            condition_checks.check(self.report, node, inferred, scope, self.infer)
        return inferred

    def _operand(self, node: Node, scope: Scope, *, is_and: bool, continuing: Container[int]) -> Type:
        neutral = is_literal(node) and may_be_true(of_value(node["value"])) == is_and
        means_more = id(node) in continuing or (is_literal(node) and of_value(node["value"]).has("number"))
        return self.infer(node, scope) if neutral and not means_more else self.condition(node, scope)

    def _value_operand(self, node: Node, scope: Scope, *, is_and: bool) -> Type:  # noqa: ARG002 - as _operand
        return self.infer(node, scope)

    def _chain(self, node: Node, scope: Scope, operand_type: Callable[..., Type]) -> Type:
        """``&&`` returns the first false operand, ``||`` the first true one; else the last one."""
        is_and = node["type"] == "and_expression"
        stops, may_go_on = (falsy, may_be_true) if is_and else (truthy, may_be_false)
        *first, last = chain(node)
        ends: list[Type] = []
        for operand in first:
            inferred = operand_type(operand, scope, is_and=is_and)
            ends.append(stops(inferred))
            scope = scope.after(operand, outcome=is_and)
            if scope.type is NEVER or not may_go_on(inferred):
                return union_all(ends)
        return union_all([*ends, operand_type(last, scope, is_and=is_and)])

    def _and_or(self, node: Node, scope: Scope) -> Type:
        misplaced_values.check_alternatives(self.report, node)
        return self._chain(node, scope, self._value_operand)

    def _not(self, node: Node, scope: Scope) -> Type:
        return negation(self.infer(node["children"][0], scope))

    def _comparator(self, node: Node, scope: Scope) -> Type:
        operator, (left, right) = node["value"], node["children"]
        one, two = self.infer(left, scope), self.infer(right, scope)
        self.report.compared.setdefault(id(node), (one, two))
        inferred = self._equality(node, one, two) if operator in ("eq", "ne") else ordering(one, two)
        before = self.report.count
        if inferred is NULL:
            condition_checks.check_ordering(self.report, node, one, two)
        if inferred is not BOOLEAN and self.report.count == before:
            condition_checks.check(self.report, node, inferred, scope, self.infer)
        return inferred

    def _equality(self, node: Node, one: Type, two: Type) -> Type:
        left, right = node["children"]
        if is_literal(left) and is_literal(right):
            outcome = equal_values(left["value"], right["value"]) == (node["value"] == "eq")
            return TRUE if outcome else FALSE
        if is_never(one) or is_never(two):
            return NEVER
        equal, differ = may_be_equal(one, two), may_differ(one, two)
        if equal and differ:
            return BOOLEAN
        return TRUE if equal == (node["value"] == "eq") else FALSE

    def _field(self, node: Node, scope: Scope) -> Type:
        if scope.type is UNKNOWN:
            return UNKNOWN
        return steps.check_field(self.report, node, scope) or field_of(scope.type, node["value"])

    def _steps(self, node: Node, scope: Scope) -> Type:
        """The type of a pipe or a path: each part is evaluated on the value of the part before it."""
        parts = chain(node) if node["type"] == "pipe" else node["children"]
        return self.infer(parts[-1], self._scope_of_last(parts, scope, node["type"]))

    def _scope_of_last(self, parts: list[Node], scope: Scope, kind: str = "pipe") -> Scope:
        """The scope of the last of several steps."""
        for part, step in pairwise(parts):
            looks_into = kind != "pipe" and step["type"] in _STEPS
            inferred = self.base(part, scope) if looks_into else self.infer(part, scope)
            if inferred is not scope.type:
                scope = Scope.of(inferred)
        return scope

    def base(self, node: Node, scope: Scope) -> Type:
        """The type of a value that a step reads from; reports steps into an envelope field."""
        inferred = self.infer(node, scope)
        if inferred is not ENVELOPE_FIELD:
            return inferred
        return steps.refuse_envelope_field(self.report, node, scope.type)

    def _index(self, node: Node, scope: Scope) -> Type:
        t = scope.type
        if t is UNKNOWN:
            return UNKNOWN
        checked = steps.check_list(self.report, node, t)
        if checked:
            return checked
        elements = elements_of(t)
        certain = "array" not in t.empty and node["value"] in (0, -1) and t.kinds == {"array"}
        return elements if certain else union(elements, _null_for(t))

    def _slice(self, node: Node, scope: Scope) -> Type:
        t = scope.type
        checked = steps.check_list(self.report, node, t)
        return checked or self._list_or_null(t, elements_of(t))

    def _list_or_null(self, t: Type, elements: Type, kind: Any = "array") -> Type:
        """A list of these elements; null if the source has another kind."""
        made = array_of(elements, uncertainty=t.uncertainty) if t.has(kind) else NEVER
        return made if t.kinds <= {kind} else union(made, Type(null=True, uncertainty=t.uncertainty))

    def _projection(self, node: Node, scope: Scope) -> Type:
        base, right = node["children"]
        t = self.base(base, scope)
        checked = steps.check_list(self.report, node, t)
        return checked or self._projected(right, t, Scope.of(elements_of(t)))

    def _projected(self, right: Node, t: Type, elements: Scope, kind: Any = "array") -> Type:
        results = NEVER if is_never(elements.type) else self.infer(right, elements)
        return self._list_or_null(t, without(results, None), kind)

    def _value_projection(self, node: Node, scope: Scope) -> Type:
        base, right = node["children"]
        t = self.base(base, scope)
        checked = steps.check_object(self.report, node, t)
        return checked or self._projected(right, t, Scope.of(values_of(t)), "object")

    def _filter_projection(self, node: Node, scope: Scope) -> Type:
        base, right, condition = node["children"]
        t = self.base(base, scope)
        checked = steps.check_list(self.report, node, t)
        if checked:
            return checked
        elements = Scope.of(elements_of(t))
        if is_never(elements.type):
            return self._list_or_null(t, NEVER)
        self.condition(condition, elements)
        return self._projected(right, t, elements.after(condition, outcome=True))

    def _flatten(self, node: Node, scope: Scope) -> Type:
        t = self.base(node["children"][0], scope)
        if t is UNKNOWN:
            return self._list_or_null(t, UNKNOWN)
        checked = steps.check_list(self.report, node, t)
        elements = elements_of(t)
        return checked or self._list_or_null(t, union(restrict(elements, _NOT_ARRAYS), elements_of(elements)))

    def _multi_select_list(self, node: Node, scope: Scope) -> Type:
        parts = scope.not_null()
        types = [self.infer(child, parts) for child in node["children"]]
        result = NEVER if is_never(parts.type) else array_of(LazyType(lambda: union_all(types)), empty=False)
        return union(result, _null_of(scope.type))

    def _multi_select_dict(self, node: Node, scope: Scope) -> Type:
        parts = scope.not_null()
        properties = {
            pair["value"]: Property(self.infer(pair["children"][0], parts), required=True)
            for pair in node["children"]
        }
        result = NEVER if is_never(parts.type) else object_of(Shape(properties, None), empty=False)
        return union(result, _null_of(scope.type))

    def _function(self, node: Node, scope: Scope) -> Type:
        name, arguments = node["value"], node["children"]
        types = [self.infer(argument, scope) for argument in arguments]
        if not is_callable(name, len(arguments)):
            return UNKNOWN
        body = self._body(node, types)
        may_succeed = argument_checks.check(self.report, node, types, scope)
        if any(is_never(t) for t in types):
            return NEVER
        return function_results.result_of(name, types, body) if may_succeed else UNKNOWN

    def _body(self, node: Node, types: list[Type]) -> Type:
        """The type of the ``&expression`` of ``map``, ``sort_by`` and others for an element of the list."""
        at = function_results.list_argument(node["value"])
        if at is None:
            return NEVER
        expression, elements = node["children"][1 - at], elements_of(types[at])
        if expression["type"] != "expref":
            return UNKNOWN
        body = NEVER if is_never(elements) else self.infer(expression["children"][0], Scope.of(elements))
        if node["value"] in function_results.BY_KEY:
            may_be_empty = "array" in types[at].empty
            key = expression["children"][0]
            argument_checks.check_key(self.report, node["value"], key, body, may_be_empty=may_be_empty)
        return body

    def _literal(self, node: Node, scope: Scope) -> Type:  # noqa: ARG002 - as every rule
        return of_value(node["value"])

    def _current_type(self, node: Node, scope: Scope) -> Type:  # noqa: ARG002 - as every rule
        return scope.type

    def _expref(self, node: Node, scope: Scope) -> Type:  # noqa: ARG002 - the function evaluates it
        return EXPREF

    _RULES: ClassVar[dict[str, Callable[[Any, Node, Scope], Type]]] = {
        "and_expression": _and_or,
        "comparator": _comparator,
        "current": _current_type,
        "expref": _expref,
        "field": _field,
        "filter_projection": _filter_projection,
        "flatten": _flatten,
        "function_expression": _function,
        "identity": _current_type,
        "index": _index,
        "index_expression": _steps,
        "literal": _literal,
        "multi_select_dict": _multi_select_dict,
        "multi_select_list": _multi_select_list,
        "not_expression": _not,
        "or_expression": _and_or,
        "pipe": _steps,
        "projection": _projection,
        "slice": _slice,
        "subexpression": _steps,
        "value_projection": _value_projection,
    }


def _null_of(t: Type) -> Type:
    return Type(null=True, uncertainty=t.uncertainty) if t.null else NEVER


def _null_for(t: Type) -> Type:
    return Type(null=True, uncertainty=t.uncertainty)
