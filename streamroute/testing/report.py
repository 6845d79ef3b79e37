"""Explains in the text of a failed assertion what happened to the published messages, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from streamroute.cli.output.explanation import render_text
from streamroute.cli.output.streams import printable
from streamroute.compiler.dry_run import ELSEWHERE
from streamroute.logs.exception_text import error_line
from streamroute.ops.explain.explanation import explain_entry
from streamroute.testing.recording.handled_message import HandledMessage
from streamroute.text.counted import pluralize

if TYPE_CHECKING:
    from streamroute.compiler.compiled import Compiled
    from streamroute.testing.event_log import PublishedEvent
    from streamroute.testing.waiting_messages import DeadMessage, RetryMessage

_SHOWN: Final = 3  # events
_RUNS: Final = 20
_WAITING: Final = 5


def report(
    compiled: Compiled,
    published: Sequence[PublishedEvent],
    runs: Sequence[HandledMessage],
    retries: Sequence[RetryMessage],
    dead: Sequence[DeadMessage],
    route: str | None = None,
) -> str:
    """Return what happened, as lines: the runs, what waits, the dead letters, and events explained.

    With ``route``, the events that it might have taken come first, and it is explained for each.
    """
    lines = [*_runs(runs), *_retries(retries), *_dead(dead)]
    if not published:
        lines.append("nothing was published")
    shown = _of_interest(compiled, published, runs, route)[:_SHOWN]
    for event in shown:
        lines += ["", f"published to {event.stream} {event.id or '(delayed)'}:"]
        lines += [f"  {line}".rstrip() for line in _explained(compiled, event, route)]
    if len(published) > len(shown):
        lines += ["", f"and {pluralize(len(published) - len(shown), 'other event')}"]
    return "\n".join(lines)


def _of_interest(
    compiled: Compiled,
    published: Sequence[PublishedEvent],
    runs: Sequence[HandledMessage],
    route: str | None,
) -> list[PublishedEvent]:
    """Return the latest events first; those that the route did not take, of its types, before all others."""
    types = {
        name.encode()
        for known in compiled.routes
        if known.config.name == route
        for name in known.config.types
    }
    taken = {(run.stream, run.id) for run in runs if run.route == route and run.result == "succeeded"}

    def rank(event: PublishedEvent) -> tuple[bool, bool]:
        return (event.stream, event.id) in taken, types.isdisjoint(event.fields.values())

    latest = list(reversed(published))
    latest.sort(key=rank)
    return latest


def _explained(compiled: Compiled, event: PublishedEvent, route: str | None) -> list[str]:
    explanation = explain_entry(compiled, event.fields, event.stream)
    lines = render_text(explanation, everything=False).splitlines()
    other = [row for row in explanation.decisions if row.route.name == route and row.verdict in ELSEWHERE]
    return lines + [
        f"{row.route.name} accepts {', '.join(row.route.types)} from {', '.join(row.route.streams)}"
        for row in other
    ]


def _runs(runs: Sequence[HandledMessage]) -> Iterator[str]:
    for run in runs[-_RUNS:]:
        error = f": {error_line(run.error)}" if run.error is not None else ""
        yield printable(f"{run.route} {run.result} for {run.type} {run.id} (attempt {run.attempt}){error}")


def _retries(retries: Sequence[RetryMessage]) -> Iterator[str]:
    for retry in retries[:_WAITING]:
        yield printable(
            f"{', '.join(retry.routes) or 'every route'} runs {retry.id} again in {retry.due_in:g} s "
            f"(attempt {retry.attempt}): await t.advance({retry.due_in:g})"
        )


def _dead(dead: Sequence[DeadMessage]) -> Iterator[str]:
    for letter in dead[:_WAITING]:
        yield printable(f"{letter.id} is a dead letter of {letter.route or 'no route'}: {letter.reason}")
