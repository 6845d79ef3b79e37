"""The output of ``streamroute explain``: each route's decision, with the value of each part of its filter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from streamroute.cli.output.layout import PLAIN, OutputLayout
from streamroute.cli.output.route_location import place_of
from streamroute.cli.output.streams import printable
from streamroute.cli.output.tables.wrapping import hang
from streamroute.compiler.dry_run import ELSEWHERE, Decision, Verdict
from streamroute.compiler.trials.sides import CanarySide
from streamroute.expressions.explain.step_text import step_rows, value_of
from streamroute.expressions.explain.trace import Step
from streamroute.expressions.explain.trace_explanation import as_text, json_safe
from streamroute.text.display_width import display_width, shorten_middle
from streamroute.text.suggestions import suggestion_hint

if TYPE_CHECKING:
    from streamroute.ops.explain.explanation import Explanation

_COLORS: Final = {Verdict.MATCHED: "green", Verdict.NOT_MATCHED: "yellow", Verdict.FAILED: "red"}
_MAX_WIDTH: Final = 72


def render_text(explanation: Explanation, *, everything: bool, layout: OutputLayout = PLAIN) -> str:
    """Render the explanation as text; ``everything`` includes the routes of other types."""
    kind, decisions = explanation.kind, explanation.decisions
    if explanation.unread is not None:
        return printable(explanation.unread) + "\n"
    if explanation.invalid is not None:
        return printable(f"{kind or '(no type)'}: dead-lettered as a whole: {explanation.invalid}") + "\n"
    candidates = [decision for decision in decisions if decision.verdict not in ELSEWHERE]
    rows = list(decisions) if everything else candidates
    blocks = [[_headline(kind, decisions, candidates)], *(list(_block(row, layout)) for row in rows)]
    return "\n".join("".join(f"{hang(line, layout.width, 4)}\n" for line in block) for block in blocks)


def _headline(kind: str, decisions: Sequence[Decision], candidates: Sequence[Decision]) -> str:
    if candidates:
        matching = sum(decision.runs for decision in candidates)
        plural, verb = ("s", "match") if len(candidates) > 1 else ("", "matches")
        return printable(f"{kind}: {matching} of {len(candidates)} route{plural} of this type {verb}")
    known = {name for decision in decisions for name in decision.route.types}
    return printable(f'no route matches type "{kind}"{suggestion_hint(kind, known)}')


def _block(decision: Decision, layout: OutputLayout) -> Iterator[str]:
    route = decision.route
    outcome = decision.phrase
    paint = _COLORS.get(decision.verdict, "white") if route.is_live else "white"
    verdict = click.style(outcome, fg=paint, bold=True) if layout.color else outcome
    yield f"{printable(route.name)} {verdict}  ({printable(place_of(route))})"
    if decision.side is not None:
        yield printable(f"  {decision.side.reason}")
    if decision.verdict in ELSEWHERE:
        yield f"  it accepts {printable(', '.join(route.types))} from {', '.join(route.streams)}"
    elif decision.filter is None:
        yield "  it has no filter"
    else:
        yield from _steps(decision, layout)
    if decision.transform_error:
        yield printable(f"  {decision.transform_error}")
    elif route.transform is not None and decision.handler_payload is not None:
        yield printable(f"  its handler receives {as_text(decision.handler_payload, 500)}")


def _steps(decision: Decision, layout: OutputLayout) -> Iterator[str]:
    assert decision.filter is not None  # noqa: S101 - asked only of routes with a filter
    deciders = {(reason.step.start, reason.step.end) for reason in decision.reasons}
    rows = [(f"{'  ' * depth}{text}", step) for depth, text, step in step_rows(decision.filter.root, 1)]
    room = _MAX_WIDTH if layout.width is None else layout.width * 2 // 3
    width = min(max(display_width(printable(indented)) for indented, _ in rows), room)
    for indented, step in rows:
        decides = (step.start, step.end) in deciders and step.node is not step.trace.tree.root
        mark = "  <- decides" if decides else ""
        yield _aligned(printable(indented), width, layout) + f"  {printable(value_of(step))}{mark}"
    if decision.filter.truncated:
        yield "  too many steps: not all parts are shown"


def _aligned(text: str, width: int, layout: OutputLayout) -> str:
    """Return a part of a filter in ``width`` columns; on a terminal, one that is wider loses its middle."""
    shown = text if layout.width is None else shorten_middle(text, width)
    return shown + " " * (width - display_width(shown))


def explained(explanation: Explanation, *, everything: bool) -> dict[str, Any]:
    """Return the explanation as an object for JSON."""
    rows = [row for row in explanation.decisions if everything or row.verdict not in ELSEWHERE]
    return {
        "type": explanation.kind,
        "invalid": explanation.invalid or explanation.unread,
        "routes": [decision.route.name for decision in explanation.decisions if decision.runs],
        "decisions": [_decision(row) for row in rows],
    }


def _decision(decision: Decision) -> dict[str, Any]:
    route, traced = decision.route, decision.filter
    return {
        "route": route.name,
        "file": route.location.source.path,
        "line": route.line,
        "types": list(route.types),
        "streams": list(route.streams),
        "enabled": route.enabled,
        "shadow": route.shadow,
        "verdict": str(decision.verdict),
        "canary": _side(decision.side),
        "error": (traced.shown_error if traced else None) or decision.transform_error or None,
        "reasons": [reason.text for reason in decision.reasons],
        "filter": _step(traced.root) if traced else None,
        "handed": json_safe(decision.handler_payload),
    }


def _side(side: CanarySide | None) -> Mapping[str, Any] | None:
    """Return the side on which a message falls; ``position`` is 0 to 9,999, or null without a key."""
    if side is None:
        return None
    return {
        "route": side.canary.name,
        "instead_of": side.canary.instead_of,
        "key": json_safe(side.placement.value),
        "position": side.placement.position,
        "in_share": side.placement.is_included,
        "taken_by": side.taker,
        "reason": side.reason,
    }


def _step(step: Step) -> Mapping[str, Any]:
    return {
        "expression": step.text,
        "start": step.start,
        "end": step.end,
        "count": step.observed.count,
        "values": list(map(json_safe, step.shown)),
        "error": step.error,
        "parts": [_step(part) for part in step.parts],
    }
