"""Pause and resume routes and streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from streamroute.board.action import ActionOutcome, BoardAction, Question
from streamroute.board.actions.fields import reason_field, stream_field
from streamroute.board.errors import InvalidInputError
from streamroute.durations import parse_duration
from streamroute.ops.audit import Audit
from streamroute.ops.pauses.actions import pause, resume
from streamroute.ops.pauses.targets import PauseTarget, route_targets, stream_target
from streamroute.ops.served_routes import why_not_served
from streamroute.text.counted import pluralize
from streamroute.text.limits import NAME
from streamroute.text.truncation import clip

if TYPE_CHECKING:
    from streamroute.board.action import Fields
    from streamroute.board.service import BoardService


def _targets(service: BoardService, fields: Fields) -> list[PauseTarget]:
    """Return what the fields name: a route in each of its streams (or in one), or a stream."""
    route = fields.get("route", "")
    if not route:
        return [stream_target(service.document.streams[stream_field(service, fields)])]
    stream = stream_field(service, fields) if fields.get("stream") else None
    targets = route_targets(service.document, route, stream)
    if not targets:
        raise InvalidInputError(f'the route "{clip(route, NAME)}" does not consume this stream')
    return targets


def _seconds(fields: Fields) -> float | None:
    text = fields.get("for", "")
    if not text:
        return None
    try:
        return parse_duration(text)
    except ValueError as error:
        raise InvalidInputError(f"the time cannot be used: {error}") from None


def _labels(targets: list[PauseTarget]) -> str:
    return ", ".join(target.label for target in targets)


async def _ask_pause(service: BoardService, fields: Fields) -> Question:
    targets, route = _targets(service, fields), fields.get("route", "")
    refusal = why_not_served(service.document, route) if route else None
    if refusal is not None:
        raise InvalidInputError(refusal)
    _seconds(fields)
    what = (
        "Its messages are parked, and return in their order."
        if route
        else "Nothing of it is read until then."
    )
    return Question(f"Pause {_labels(targets)}?", len(targets), (what,))


async def _pause(service: BoardService, fields: Fields, who: str) -> ActionOutcome:
    await _ask_pause(service, fields)
    targets, audit = _targets(service, fields), Audit(service.redis, who)
    await pause(service.redis, audit, targets, reason_field(fields), _seconds(fields))
    service.forget_readings()
    return ActionOutcome(f"paused {_labels(targets)}; workers see it within a second")


async def _ask_resume(service: BoardService, fields: Fields) -> Question:
    targets = _targets(service, fields)
    chosen = {(target.stream, target.route) for target in targets}
    parked = sum(item.parked for item in await service.paused() if (item.stream, item.route) in chosen)
    notes = (f"{pluralize(parked, 'parked message')} return in their order.",) if parked else ()
    return Question(f"Resume {_labels(targets)}?", len(targets), notes)


async def _resume(service: BoardService, fields: Fields, who: str) -> ActionOutcome:
    targets = _targets(service, fields)
    changes = await resume(service.redis, Audit(service.redis, who), targets, reason_field(fields))
    service.forget_readings()
    if all(change.before is None for change in changes):
        return ActionOutcome(f"{_labels(targets)} was not paused", is_ok=False)
    return ActionOutcome(f"resumed {_labels(targets)}")


def _back(fields: Fields) -> str:
    return f"/route/{quote(fields['route'], safe='')}" if fields.get("route") else "/"


PAUSE: Final = BoardAction("pause", "Pause", _ask_pause, _pause, _back, takes_reason=True)
RESUME: Final = BoardAction("resume", "Resume", _ask_resume, _resume, _back, takes_reason=True)
