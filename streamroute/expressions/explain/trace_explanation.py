"""Why an expression was true or false for a message: the deciding operands, with their values."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from streamroute.expansion import ExpansionError, is_expanding, refuse_expanding
from streamroute.expressions.evaluate.interpreter import is_falsy
from streamroute.expressions.explain.trace import Observed, Step, Trace
from streamroute.expressions.syntax.parser import Node
from streamroute.text.kinds import SINGULAR, kind_of
from streamroute.text.safe_text import safe_repr, safe_str
from streamroute.text.truncation import ellipsize

_WIDTH: Final = 60
_STEPWISE: Final = frozenset({"subexpression", "index_expression"})
_PROJECTIONS: Final = frozenset({"projection", "value_projection", "flatten", "filter_projection"})


@dataclass(frozen=True, slots=True)
class Reason:
    """A deciding operand, and the values that it depends on (empty if its own value suffices)."""

    step: Step
    detail: str

    @property
    def text(self) -> str:
        """``nights >= `3` is false: nights is 1``."""
        verdict = f"{self.step.text} {_verdict(self.step)}"
        return f"{verdict}: {self.detail}" if self.detail else verdict


def reasons(trace: Trace) -> list[Reason]:
    """The deciding operands: if one of them had another truth, the expression would have another value."""
    if trace.truncated:
        return [Reason(trace.root, "")]
    steps = [trace.root] if trace.error is not None else list(_decisive(trace.root))
    if trace.error is not None:
        steps = [step for step in trace.root.walk() if step.error] or steps
    return [Reason(step, "" if step.error else explain_inputs(step)) for step in steps]


def _decisive(step: Step) -> Iterator[Step]:
    """The last evaluated operand of a false ``&&``, all of a true one; the opposite for ``||``."""
    if not step.operands:
        yield step
        return
    reached = [part for part in step.operands if part.observed.count]
    if step.kind == "pipe" or truth(step.observed) == (step.kind == "or_expression"):
        reached = reached[-1:]
    for part in reached:
        yield from _decisive(part)


def truth(observed: Observed) -> bool | None:
    """The truth of a part if it was always the same, else None."""
    return next(iter(observed.truths)) if len(observed.truths) == 1 else None


def explain_inputs(step: Step) -> str:
    """The values that a step was computed from, or where a null path ended."""
    if step.is_path:
        return missing_at(step) or ""
    inputs = [part for part in step.parts if part.observed.count == 1]
    return ", ".join(_input(part) for part in inputs)


def _input(part: Step) -> str:
    reason = missing_at(part)
    return f"{part.text} is {as_text(part.shown[-1])}{f' ({reason})' if reason else ''}"


def _verdict(step: Step) -> str:
    if step.error is not None:
        return f"failed: {step.error}"
    value, shown = step.observed.values[-1], as_text(step.shown[-1])
    if isinstance(value, bool):
        return f"is {shown}"
    return f"is {shown}, which counts as {'false' if is_falsy(value) else 'true'}"


def missing_at(step: Step) -> str | None:
    """Where a null path ended: ``guest is null or missing``; None if only its last part is null."""
    if not step.is_path or step.observed.count != 1 or step.observed.values[-1] is not None:
        return None
    return _missing_at(step, step.node)


def _missing_at(step: Step, node: Node) -> str | None:
    children = node["children"]
    if node["type"] in _PROJECTIONS:
        return _missing_base(step, children[0])
    if node["type"] not in _STEPWISE:
        return None
    before: Any = None
    for number, child in enumerate(children):
        value = _last_value(step.trace.observed(child))
        if value is None and number == 0:
            return _missing_base(step, child)
        if value is None:
            explanation = _wrong_kind(_up_to(step, children[number - 1]), before, child) or _missing_at(
                step, child
            )
            return explanation or (
                None if child is children[-1] else f"{_up_to(step, child)} is null or missing"
            )
        before = value
    return None


def _missing_base(step: Step, base: Node) -> str | None:
    if _last_value(step.trace.observed(base)) is not None or base["type"] in ("identity", "current"):
        return None
    return _missing_at(step, base) or f"{_up_to(step, base)} is null or missing"


def _up_to(step: Step, node: Node) -> str:
    """The text of the path up to the end of one of its nodes."""
    if node["type"] == "identity":
        return "@"
    text = step.trace.tree.expression[step.start : node.get("end", step.end)]
    while text.startswith("(") and text.count("(") > text.count(")"):
        text = text[1:].lstrip()  # its closing parenthesis is after the node
    return text


def _wrong_kind(text: str, base: Any, child: Node) -> str | None:
    if child["type"] == "field" and not isinstance(base, Mapping):
        return f"{text} is {_described(base)}, which has no fields"
    if child["type"] == "index" and not isinstance(base, list):
        return f"{text} is {_described(base)}, not a list"
    return None


def _described(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return SINGULAR[kind_of(value) or "object"]


def _last_value(observed: Observed) -> Any:
    return observed.values[-1] if observed.values else None


def as_text(value: Any, width: int = _WIDTH) -> str:
    """A value as JSON on one line, shortened if it is long."""
    try:
        refuse_expanding(value)
        text = json.dumps(value, ensure_ascii=False, default=_plain)
    except ExpansionError:
        return safe_repr(value, width)
    except (ValueError, RecursionError):
        return "(a value nested too deep to show)"
    except Exception:  # noqa: BLE001 - an object from a user's codec may raise anything
        return safe_repr(value, width)
    return ellipsize(text, width)


def json_safe(value: Any) -> Any:
    """A value that can be written as JSON; the start of its text if it would expand to far more."""
    return safe_repr(value, _WIDTH) if is_expanding(value) else value


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else safe_str(value)
