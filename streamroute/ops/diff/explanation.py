"""Why a route did or did not run for an event, as lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from streamroute.compiler.dry_run import ELSEWHERE, Decision, Verdict, decide
from streamroute.config.document import RouteConfig
from streamroute.config.findings.quoting import hide_secrets
from streamroute.expansion import is_expanding
from streamroute.expressions.explain.trace_explanation import as_text
from streamroute.ops.route_tests.diff import MISSING, differences
from streamroute.text.safe_text import redacted_str
from streamroute.text.truncation import ellipsize

_MOST: Final = 3  # lines
_LONGEST: Final = 300  # characters of a line


def explain(
    routes: Sequence[RouteConfig], payload: Mapping[str, Any] | None, stream: str | None, refusal: str
) -> tuple[str, ...]:
    """Return the operands by which the first of the routes decided about an event.

    The routes are none if it does not exist; a second one is the other side of its canary. ``payload`` is
    None for an event that reaches no route, ``refusal`` why it is dead-lettered as a whole, else empty.
    """
    if refusal:
        return (refused_as_a_whole(refusal),)
    if not routes:
        return ("there is no such route",)
    if payload is None:
        return ("there is no such stream",)
    decision = decide(routes, payload, stream)[0]
    return tuple(map(redacted_line, islice(_reasons(decision), _MOST)))


def refused_as_a_whole(refusal: str) -> str:
    """Return a line about an event that no route receives."""
    return redacted_line(f"dead-lettered as a whole: {refusal}")


def _reasons(decision: Decision) -> Iterator[str]:
    if not decision.route.enabled:
        yield "it is disabled"
    elif decision.route.shadow:
        yield "it is a shadow"
    elif decision.verdict in ELSEWHERE:
        yield f"it {decision.phrase}"
    else:
        yield from _reasons_of_live(decision)


def _reasons_of_live(decision: Decision) -> Iterator[str]:
    if decision.side is not None:
        yield decision.side.reason
    if decision.verdict is Verdict.OTHER_SIDE:
        yield f"it {decision.phrase}"
    elif decision.transform_error:
        yield decision.transform_error
    elif decision.filter is None:
        yield "it has no filter"
    else:
        yield from (reason.text for reason in decision.reasons)


def payload_differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the differences between the payloads of a handler as lines, at most ``_MOST``."""
    if is_expanding(old) or is_expanding(new):
        return ()
    lines = (
        f"{path or 'the payload'} is {_value(after)}, was {_value(before)}"
        for path, before, after in differences(old, new)
    )
    return tuple(map(redacted_line, islice(lines, _MOST)))


def is_same_payload(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether two payloads are equal; 1 equals 1.0, but not true."""
    if old is new:
        return True
    try:
        if is_expanding(old) or is_expanding(new):
            return False
        return old == new and next(differences(old, new), None) is None
    except RecursionError:
        return False


def _value(value: Any) -> str:
    return "missing" if value is MISSING else as_text(value)


def redacted_line(line: str) -> str:
    """Return a line of limited length without secrets."""
    return ellipsize(hide_secrets(redacted_str(line)), _LONGEST)
