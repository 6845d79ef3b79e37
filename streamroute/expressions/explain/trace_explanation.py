"""Why an expression was true or false for a message: the operands that decided, and what they were."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from streamroute.expansion import ExpansionError, is_expanding, refuse_expanding
from streamroute.expressions.evaluate.interpreter import is_false
from streamroute.expressions.explain.trace import Seen, Step, Trace
from streamroute.expressions.syntax.parser import Node
from streamroute.text.safe_text import safe_repr, safe_str

_WIDTH: Final = 60
_STEPWISE: Final = frozenset({"subexpression", "index_expression"})
_PROJECTIONS: Final = frozenset({"projection", "value_projection", "flatten", "filter_projection"})


@dataclass(frozen=True, slots=True)
class Reason:
    """One operand that decided, and in words what made it so (empty where its own value says all)."""

    step: Step
    because: str

    @property
    def text(self) -> str:
        """``nights >= `3` is false: nights is 1``."""
        verdict = f"{self.step.text} {_verdict(self.step)}"
        return f"{verdict}: {self.because}" if self.because else verdict


def reasons(trace: Trace) -> list[Reason]:
    """The operands that made the expression what it was: those that another truth would have changed."""
    if trace.cut:
        return [Reason(trace.root, "")]
    found = [trace.root] if trace.error is not None else list(_deciders(trace.root))
    if trace.error is not None:
        found = [step for step in trace.root.walk() if step.error] or found
    return [Reason(step, "" if step.error else because(step)) for step in found]


def _deciders(step: Step) -> Iterator[Step]:
    """Of a false ``&&`` the last operand that was reached, of a true one all; ``||`` mirrors it."""
    if not step.operands:
        yield step
        return
    reached = [part for part in step.operands if part.seen.count]
    if step.kind == "pipe" or truth(step.seen) == (step.kind == "or_expression"):
        reached = reached[-1:]
    for part in reached:
        yield from _deciders(part)


def truth(seen: Seen) -> bool | None:
    """The truth of a part that was evaluated once; None of one that was not."""
    return next(iter(seen.truths)) if len(seen.truths) == 1 else None


def because(step: Step) -> str:
    """What the values were that a step computed with, or why a path led nowhere."""
    if step.is_path:
        return lost(step) or ""
    inputs = [part for part in step.parts if part.seen.count == 1]
    return ", ".join(_input(part) for part in inputs)


def _input(part: Step) -> str:
    why = lost(part)
    return f"{part.text} is {shown(part.seen.values[-1])}{f' ({why})' if why else ''}"


def _verdict(step: Step) -> str:
    if step.error is not None:
        return f"failed: {step.error}"
    value = step.seen.values[-1]
    if isinstance(value, bool):
        return f"is {shown(value)}"
    return f"is {shown(value)}, which counts as {'false' if is_false(value) else 'true'}"


def lost(step: Step) -> str | None:
    """Where a path that is null ends early: ``there is no guest``; None where only its last part is null."""
    if not step.is_path or step.seen.count != 1 or step.seen.values[-1] is not None:
        return None
    return _lost(step, step.node)


def _lost(step: Step, node: Node) -> str | None:
    children = node["children"]
    if node["type"] in _PROJECTIONS:
        return _lost_base(step, children[0])
    if node["type"] not in _STEPWISE:
        return None
    before: Any = None
    for number, child in enumerate(children):
        value = _only(step.trace.seen(child))
        if value is None and number == 0:
            return _lost_base(step, child)
        if value is None:
            told = _no_place(_up_to(step, children[number - 1]), before, child) or _lost(step, child)
            return told or (None if child is children[-1] else f"{_up_to(step, child)} is null or missing")
        before = value
    return None


def _lost_base(step: Step, base: Node) -> str | None:
    if _only(step.trace.seen(base)) is not None or base["type"] in ("identity", "current"):
        return None
    return _lost(step, base) or f"{_up_to(step, base)} is null or missing"


def _up_to(step: Step, node: Node) -> str:
    """The path from its beginning to the end of one of its nodes, as it is written."""
    if node["type"] == "identity":
        return "@"
    text = step.trace.tree.expression[step.start : node.get("end", step.end)]
    while text.startswith("(") and text.count("(") > text.count(")"):
        text = text[1:].lstrip()  # it is closed behind the node
    return text


def _no_place(text: str, holder: Any, child: Node) -> str | None:
    if child["type"] == "field" and not isinstance(holder, Mapping):
        return f"{text} is {kind_of(holder)}, and has no fields"
    if child["type"] == "index" and not isinstance(holder, list):
        return f"{text} is {kind_of(holder)}, and no list"
    return None


def _only(seen: Seen) -> Any:
    return seen.values[-1] if seen.values else None


def kind_of(value: Any) -> str:
    """What JSON calls a value."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, (int, float)):
        return "a number"
    return "a string" if isinstance(value, str) else "a list" if isinstance(value, list) else "an object"


def shown(value: Any, width: int = _WIDTH) -> str:
    """A value on one line, as JSON, cut where it is long."""
    try:
        refuse_expanding(value)
        text = json.dumps(value, ensure_ascii=False, default=_plain)
    except ExpansionError:
        return safe_repr(value, width)
    except (ValueError, RecursionError):
        return "(a value nested too deep to be shown)"
    except Exception:  # noqa: BLE001 - what a codec of the user's has made may raise anything
        return safe_repr(value, width)
    return text if len(text) <= width else f"{text[: width - 3]}..."


def writable(value: Any) -> Any:
    """A value for a JSON of ours; the beginning of its text where it would be far larger than it is."""
    return safe_repr(value, _WIDTH) if is_expanding(value) else value


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else safe_str(value)
