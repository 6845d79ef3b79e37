"""Comparisons with a value of a kind that the field never has: ``tier == ['gold', 'silver']``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from streamroute.expressions.problem import Problem
from streamroute.expressions.syntax.parser import Node, Tree
from streamroute.expressions.types.algebra.json_types import CERTAIN, UNKNOWN, Type
from streamroute.expressions.types.algebra.type_operations import of_value
from streamroute.expressions.types.mistakes.evidence import Evidence, EvidenceSource
from streamroute.expressions.types.mistakes.malformed_literals import replaced
from streamroute.expressions.types.mistakes.unquoted_strings import CATEGORY_FIELDS
from streamroute.expressions.types.nodes import Path, path_of, value_of
from streamroute.expressions.types.phrases import any_kind, as_literal, is_numeric
from streamroute.text.kinds import Kind
from streamroute.text.truncation import ellipsize

NEVER_EQUAL: Final = "SR330"

_YES: Final = frozenset({"yes", "y", "1", "on", "true", "t"})
_NO: Final = frozenset({"no", "n", "0", "off", "false", "f"})
_OUTCOMES: Final = {"eq": "never equals", "ne": "always differs from"}


def check_equality(
    tree: Tree, node: Node, types: tuple[Type, Type] | None, get_evidence: EvidenceSource
) -> Iterator[Problem]:
    """Yield the problem of comparing a path with a literal. ``types`` are those of both sides, if known."""
    if node["value"] not in _OUTCOMES:
        return
    for side, (literal, other) in enumerate((node["children"], reversed(node["children"]))):
        path = path_of(other)
        value = value_of(literal)
        if not path or value is None:
            continue
        t = UNKNOWN if types is None else types[1 - side]
        reason = _by_type(t, value) or _by_evidence(t, path, value, get_evidence)
        if reason:
            text = tree.expression[other["start"] : other["end"]]
            message = f"{text} is {reason}, so it {_OUTCOMES[node['value']]} {_short(tree, literal)}"
            intended = _intended_comparison(tree, node, other, value, t)
            if intended is None:
                yield Problem(NEVER_EQUAL, message, node["start"], node["end"])
            else:
                yield replaced(tree, NEVER_EQUAL, node, message, intended)


def _by_type(t: Type, value: Any) -> str | None:
    """The kind of a field by its schema, if it differs from that of the value."""
    kinds = t.kinds - {"null", "expref"}
    if t is UNKNOWN or t.uncertainty != CERTAIN or not kinds or _kind(value) in kinds:
        return None
    return f"{any_kind(kinds)} according to its schema"


def _by_evidence(t: Type, path: Path, value: Any, get_evidence: EvidenceSource) -> str | None:
    """The kind of a field that is compared with a list, by its name or by the evidence."""
    if not isinstance(value, list) or not value or not all(isinstance(each, (str, int)) for each in value):
        return None
    if t is not UNKNOWN and t.has("array") and t.uncertainty == CERTAIN:
        return None
    kind = _kind(value[0])
    evidence = get_evidence()
    if any(isinstance(each, list) for each in evidence.message_values.get(path, ())):
        return None
    return _kind_by_evidence(path, kind, evidence)


def _kind_by_evidence(path: Path, kind: Kind, evidence: Evidence) -> str | None:
    if any(_kind(each) == kind for each in evidence.message_values.get(path, ())):
        return f"{any_kind([kind])} in the test messages"
    if any(_kind(each) == kind for each in evidence.compared.get(path, ())):
        return f"{any_kind([kind])} in other expressions"
    return "probably a string" if path[-1].lower() in CATEGORY_FIELDS and kind == "string" else None


def _kind(value: Any) -> Kind:
    [kind] = of_value(value).kinds
    return kind


def _short(tree: Tree, literal: Node) -> str:
    """The literal's text, shortened."""
    if "start" not in literal:
        return "a list"
    return ellipsize(tree.expression[literal["start"] : literal["end"]], 30)


def _intended_comparison(tree: Tree, node: Node, other: Node, value: Any, t: Type) -> str | None:
    """The comparison that was probably meant, if it is clear."""
    text, no = tree.expression[other["start"] : other["end"]], "!" if node["value"] == "ne" else ""
    if isinstance(value, list):
        items = ", ".join(as_literal(each) for each in value)
        is_plain = value and all(isinstance(each, (str, int, float)) for each in value)
        return (
            f"{no}contains([{items}], {text})" if is_plain and (t is UNKNOWN or not t.has("object")) else None
        )
    if t.kinds - {"null"} == {"array"}:
        return f"{no}contains({text}, {as_literal(value)})"
    converted = _converted(value, t)
    return None if converted is None else f"{text} {'!=' if no else '=='} {converted}"


def _converted(value: Any, t: Type) -> str | None:
    """The value converted to the field's kind, as a literal; None if that is not clear."""
    kinds = t.kinds - {"null"}
    lower = str(value).lower()
    if kinds == {"boolean"} and lower in _YES | _NO:
        return "`true`" if lower in _YES else "`false`"
    if kinds == {"number"} and isinstance(value, str) and is_numeric(value):
        return f"`{value}`"
    if kinds == {"string"} and _kind(value) == "number":
        return as_literal(str(value))
    return None
