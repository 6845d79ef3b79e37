"""Valid expressions that are very likely a mistake: ``payload.total``, ``x == 'true'``."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Final, NamedTuple

from streamroute.expressions.problem import Problem
from streamroute.expressions.syntax.parser import Node, Tree, walk
from streamroute.expressions.types.algebra.json_types import Type
from streamroute.expressions.types.mistakes.contains import check_contains
from streamroute.expressions.types.mistakes.evidence import EvidenceSource
from streamroute.expressions.types.mistakes.impossible_equality import check_equality
from streamroute.expressions.types.mistakes.list_names import is_list_name
from streamroute.expressions.types.mistakes.malformed_literals import (
    QuotedValue,
    check_compared_literals,
    malformed,
    quoted_value_problems,
    replaced,
)
from streamroute.expressions.types.mistakes.payload_names import find_named_payloads
from streamroute.expressions.types.mistakes.unquoted_strings import find_unquoted_strings
from streamroute.expressions.types.nodes import is_literal, path_of

LENGTH_AS_FIELD: Final = "SR323"
FIELD_OF_A_LIST: Final = "SR326"
NEGATION: Final = "SR307"
SWAPPED: Final = "SR329"

_NEGATED: Final = {"eq": "!=", "ne": "=="}

_PREFIX_AND_SUFFIX_TESTS: Final = frozenset({"starts_with", "ends_with"})
_AGGREGATES: Final = frozenset({"sum", "avg", "max", "min", "sort", "join"})


class PayloadTraits(NamedTuple):
    """Properties of a payload that follow from the codecs of the streams.

    ``has_envelope``: the payload is the message, not a field of it. ``has_types``: numbers and booleans of
    the message are decoded as such, not as text.
    """

    has_envelope: bool = True
    has_types: bool = True


DEFAULT_TRAITS: Final = PayloadTraits()


def find_likely_mistakes(
    tree: Tree,
    is_field: Callable[[Node], bool],
    compared: Mapping[int, tuple[Type, Type]],
    traits: PayloadTraits,
    declared: Collection[str],
    get_evidence: EvidenceSource,
) -> Iterator[Problem]:
    """Yield a problem for each likely mistake.

    ``is_field`` tells whether the schema has the field of a node, ``compared`` maps the ``id`` of a
    comparison to the types of its sides, and ``declared`` are the names at the top of the schema, if there is
    one; ``get_evidence`` returns the evidence in the configuration beside it.
    """
    if traits.has_envelope:
        yield from find_named_payloads(tree, is_field, declared, get_evidence)
    quoted: list[QuotedValue] = []
    for node, _, _ in walk(tree.root, 0, len(tree.expression)):
        kind, name = node["type"], node.get("value")
        if kind == "comparator":
            types = compared.get(id(node))
            problems = list(
                check_compared_literals(tree, node, types, get_evidence, has_types=traits.has_types)
            )
            quoted += (each for each in problems if isinstance(each, QuotedValue))
            yield from (each for each in problems if isinstance(each, Problem))
            if not problems and not any(any(malformed(tree, side)) for side in node["children"]):
                yield from check_equality(tree, node, types, get_evidence)
            yield from _negated(tree, node)
        elif kind == "literal":
            yield from malformed(tree, node)
        elif kind == "subexpression":
            yield from _length_of(tree, node, is_field, get_evidence)
            yield from _spelled_not(tree, node)
        elif kind == "function_expression" and name in _AGGREGATES:
            yield from _aggregate(tree, node, is_field, get_evidence)
        elif kind == "function_expression" and name in _PREFIX_AND_SUFFIX_TESTS:
            yield from _swapped(tree, node)
        elif kind == "function_expression" and name == "contains" and len(node["children"]) == 2:
            yield from check_contains(tree, node, get_evidence)
    yield from quoted_value_problems(tree, quoted)
    yield from find_unquoted_strings(tree, is_field, get_evidence)


def _negated(tree: Tree, node: Node) -> Iterator[Problem]:
    """Report ``!vip == `true` ``, which compares the negation of vip."""
    left, right = node["children"]
    if left["type"] != "not_expression" or left["start"] != node["start"] or node["value"] not in _NEGATED:
        return
    inner = left["children"][0]
    if path_of(inner) and is_literal(right) and isinstance(right["value"], bool):
        sign, texts = (
            _NEGATED[node["value"]],
            [tree.expression[e["start"] : e["end"]] for e in (inner, right)],
        )
        message = f"! binds tighter than the comparison, which compares the negation of {texts[0]}"
        yield replaced(tree, NEGATION, node, message, f"{texts[0]} {sign} {texts[1]}")


def _spelled_not(tree: Tree, node: Node) -> Iterator[Problem]:
    """Report ``not .vip``, which JMESPath reads as the field vip of a field not."""
    first, *steps = node["children"]
    end = first.get("end", 0)
    if first.get("value") not in ("not", "NOT") or not tree.expression[end : end + 1].isspace():
        return
    path = tree.expression[end : node["end"]].strip(" .\n")
    message = f'JMESPath writes ! for "{first["value"]}", which is read as a field here'
    yield replaced(tree, NEGATION, node, message, f"!{path}" if len(steps) == 1 else f"!({path})")


# Lists


def _length_of(
    tree: Tree, node: Node, is_field: Callable[[Node], bool], get_evidence: EvidenceSource
) -> Iterator[Problem]:
    *_, base, last = node["children"]
    path = path_of(node)
    if last["type"] != "field" or last["value"] != "length" or is_field(last) or path is None:
        return
    if is_list_name(base) and path not in get_evidence().message_values:
        text = tree.expression[node["start"] : node["end"]]
        message = '"length" is read as a field, but a list has no fields'
        yield replaced(tree, LENGTH_AS_FIELD, node, message, f"length({text.rpartition('.')[0].strip()})")


def _aggregate(
    tree: Tree, node: Node, is_field: Callable[[Node], bool], get_evidence: EvidenceSource
) -> Iterator[Problem]:
    for argument in node["children"]:
        path = path_of(argument)
        if path is None or len(path) < 2 or argument["type"] != "subexpression":
            continue
        base, last = argument["children"][-2:]
        if (
            is_field(last)
            or not is_list_name(base)
            or path[-1].endswith("s")
            or path in get_evidence().message_values
        ):
            continue
        message = f'cannot read field "{path[-1]}" of a list: {node["value"]}() fails if {path[-2]} is a list'
        before = tree.expression[argument["start"] : base["end"]]
        argument_path = f"{before}[*].{tree.expression[last['start'] : argument['end']]}"
        yield replaced(tree, FIELD_OF_A_LIST, argument, message, argument_path)


def _swapped(tree: Tree, node: Node) -> Iterator[Problem]:
    """Report ``starts_with('AB', id)``."""
    if len(node["children"]) != 2:
        return
    first, second = node["children"]
    if not is_literal(first) or path_of(second) is None:
        return
    texts = [tree.expression[each["start"] : each["end"]] for each in (first, second)]
    message = f"{node['value']}() searches {texts[0]}: its arguments are probably swapped"
    yield replaced(tree, SWAPPED, node, message, f"{node['value']}({texts[1]}, {texts[0]})")
