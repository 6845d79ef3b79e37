"""Path steps that are always null by the schema: an unknown field, a field of a string."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from streamroute.expressions.syntax.parser import Node
from streamroute.expressions.types.algebra.json_types import UNCERTAIN, UNKNOWN, Shape, Type
from streamroute.expressions.types.algebra.payload_type import ENVELOPE_FIELD, declared_names
from streamroute.expressions.types.mistakes.misspelled_fields import misspelled_field
from streamroute.expressions.types.mistakes.payload_names import NAMES_OF_THE_PAYLOAD
from streamroute.expressions.types.phrases import any_kind
from streamroute.expressions.types.problem_report import ProblemReport
from streamroute.expressions.types.scope import Scope
from streamroute.text.kinds import Kind
from streamroute.text.suggestions import did_you_mean

UNKNOWN_FIELD: Final = "SR315"
MISSPELLED_FIELD: Final = "SR327"

_MIN_SUGGESTED_LENGTH: Final = 5
"""Names shorter than this are similar by chance."""
_USUAL_ENVELOPE: Final = frozenset(
    {"source", "subject", "stream", "version", "timestamp", "trace_id", "traceid", "traceparent"}
    | {"tracestate", "correlation_id", "causation_id", "request_id", "event_id", "message_id", "event_type"}
    | {"specversion", "datacontenttype", "dataschema", "partition_key", "tenant", "tenant_id", "created_at"}
)
"""Common names of envelope fields."""


def check_field(report: ProblemReport, node: Node, scope: Scope) -> Type | None:
    """Report a field that the schema excludes, and return its type; None if the field may exist."""
    if not report.declared:
        return None
    name, t = node["value"], scope.type
    if not t.objects:
        return _no_object(report, node, t)
    if any(name in shape.properties for shape in t.objects):
        report.known_fields.add(id(node))
        return None
    if not all(shape.declared and (shape.rest is None or shape.envelope) for shape in t.objects):
        _check_spelling(report, node, scope.base)
        return None
    if any(shape.envelope for shape in t.objects):
        return _envelope_field(report, node, t.objects)
    return _add_problem(report, node, t.objects)


def _check_spelling(report: ProblemReport, node: Node, t: Type) -> None:
    """Report a name that an open schema allows, but that is a misspelling of a declared one."""
    name = node["value"]
    if t.uncertainty == UNCERTAIN or not all(shape.declared and not shape.loose for shape in t.objects):
        return
    declared = None if name.lower() in _USUAL_ENVELOPE else misspelled_field(name, declared_names(t.objects))
    if declared is not None:
        report.add(MISSPELLED_FIELD, node, f'the schema has no field "{name}"', None, declared)


def _no_object(report: ProblemReport, node: Node, t: Type) -> Type | None:
    kinds = t.kinds - {"null", "expref"}
    if not kinds:
        return None
    help_text = None
    if node["value"] == "length" and kinds <= {"array", "string"}:
        help_text = "write the function length(...) around the path"
    elif kinds == {"array"}:
        name = node["value"]
        help_text = f"write [*].{name} for all elements, or [0].{name} for the first"
    message = f'cannot read field "{node["value"]}" of {any_kind(kinds)}'
    report.add(UNKNOWN_FIELD, node, message, help_text)
    return UNKNOWN


def _envelope_field(report: ProblemReport, node: Node, shapes: Sequence[Shape]) -> Type:
    """The type of a name that the data does not declare: an envelope field, unless it is a misspelling."""
    name = node["value"]
    similar = did_you_mean if len(name) >= _MIN_SUGGESTED_LENGTH else misspelled_field
    if name.lower() not in _USUAL_ENVELOPE and similar(name, declared_names(shapes)):
        return _add_problem(report, node, shapes)
    return ENVELOPE_FIELD


def refuse_envelope_field(report: ProblemReport, node: Node, scope: Type) -> Type:
    """Report a step into an envelope field, which would be a string."""
    return _add_problem(report, node, scope.objects)


def _add_problem(report: ProblemReport, node: Node, shapes: Sequence[Shape]) -> Type:
    name, names = node.get("value", report.text(node)), declared_names(shapes)
    suggestion = did_you_mean(name, names)
    help_text = None if suggestion else _fields(name, names, shapes)
    report.add(UNKNOWN_FIELD, node, f'the schema has no field "{name}"', help_text, suggestion)
    return UNKNOWN


def _fields(name: str, names: Sequence[str], shapes: Sequence[Shape]) -> str:
    if name in NAMES_OF_THE_PAYLOAD and any(shape.envelope for shape in shapes):
        return f'a path starts inside the payload; remove "{name}."'
    fields = ", ".join(sorted(names)[:12]) + (", ..." if len(names) > 12 else "")
    return f"the schema has {fields}" if names else "the schema has no fields here"


def check_list(report: ProblemReport, node: Node, t: Type) -> Type | None:
    """Report an index or a projection of a value that is not a list, and return its type."""
    return _check_base(report, node, t, "array")


def check_object(report: ProblemReport, node: Node, t: Type) -> Type | None:
    """Report a ``*`` of a value that is not an object, and return its type."""
    return _check_base(report, node, t, "object")


def _check_base(report: ProblemReport, node: Node, t: Type, expected: Kind) -> Type | None:
    kinds = t.kinds - {"null", "expref"}
    if not report.declared or not kinds or expected in kinds:
        return None
    message = f"expected {any_kind([expected])}, but this is {any_kind(kinds)}"
    report.add(UNKNOWN_FIELD, node, message)
    return UNKNOWN
