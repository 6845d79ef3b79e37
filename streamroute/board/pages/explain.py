"""Explain a pasted event: which routes match it, and why."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from streamroute.board.forms import field, read_form
from streamroute.board.page import Page
from streamroute.compiler.dry_run import ELSEWHERE
from streamroute.errors import StreamrouteError
from streamroute.expressions.explain.step_text import step_rows, value_of
from streamroute.expressions.explain.trace_explanation import as_text
from streamroute.ops.explain.event_text import read_event
from streamroute.ops.explain.explanation import Explanation, explain_message

if TYPE_CHECKING:
    from starlette.requests import Request

    from streamroute.board.service import BoardService, ShownConfig
    from streamroute.compiler.dry_run import Decision

_MAX_ROWS: Final = 500
"""Parts of one filter that are shown."""
_MAX_ROUTES: Final = 100
_WIDTH: Final = 2000


async def load(service: BoardService, request: Request) -> Mapping[str, Any]:
    """Return the values of the page; one event is explained at a time, in a thread."""
    values: dict[str, Any] = {"text": "", "stream": "", "streams": list(service.document.streams)}
    if request.method != "POST":
        return {**values, "explanation": None}
    form = await read_form(request)
    values |= {"text": field(form, "event"), "stream": field(form, "stream")}
    try:
        async with service.computing:
            found = await asyncio.to_thread(
                _explain, service.config, values["text"], values["stream"] or None
            )
    except StreamrouteError as error:
        return {**values, "explanation": None, "problem": str(error)}
    return {**values, **explained(found)}


def explained(found: Explanation) -> dict[str, Any]:
    """Return an explanation as values for the template ``_explanation.html``."""
    seen = [decision for decision in found.decisions if decision.verdict not in ELSEWHERE]
    return {
        "explanation": found,
        "decisions": [(decision, _rows(decision), _received(decision)) for decision in seen[:_MAX_ROUTES]],
        "matching": sum(decision.runs for decision in seen),
        "candidates": len(seen),
    }


def _explain(config: ShownConfig, text: str, stream: str | None) -> Explanation:
    return explain_message(config.compiled, read_event(text, "the event"), stream)


def _rows(decision: Decision) -> list[tuple[int, str, str, bool]]:
    """Return the parts of a filter: depth, text, value, and whether the part decides."""
    if decision.filter is None:
        return []
    deciders = {(reason.step.start, reason.step.end) for reason in decision.reasons}
    root = decision.filter.root
    rows = [
        (depth, text, value_of(step), step is not root and (step.start, step.end) in deciders)
        for depth, text, step in step_rows(root)
    ]
    return rows[:_MAX_ROWS]


def _received(decision: Decision) -> str:
    """Return what the handler receives, if a transform makes it."""
    if decision.route.transform is None or decision.handler_payload is None:
        return ""
    return as_text(decision.handler_payload, _WIDTH)


PAGE: Final = Page("/explain", "Explain an event", "explain.html", load, in_navigation=True, takes_form=True)
