"""Retry or delete the dead letters of a failure, and stop or resume such a job."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from streamroute.board.action import ActionOutcome, BoardAction, Question
from streamroute.board.actions.failures import failure_page, rows_of
from streamroute.board.actions.fields import reason_field, signature_field, stream_field
from streamroute.board.conditions import payload_condition
from streamroute.board.errors import BoardBusyError, InvalidInputError
from streamroute.errors import StreamrouteError
from streamroute.ops.audit import Audit, group_keys
from streamroute.ops.dead_letters.actions import ActionResult, drop_page
from streamroute.ops.dead_letters.filter import DeadLetterFilter
from streamroute.ops.dead_letters.query import DeadLetterQuery
from streamroute.ops.jobs.audited import run_audited
from streamroute.ops.jobs.control import find_job, stop_job, take_job
from streamroute.ops.paced_retry.selection import KIND, LetterSelection
from streamroute.ops.paced_retry.start import count_letters, create_retry
from streamroute.ops.paced_retry.work import PacedRetry
from streamroute.text.counted import counted

if TYPE_CHECKING:
    from streamroute.adapters.jobs.held_job import HeldJob
    from streamroute.adapters.jobs.job import Job
    from streamroute.board.action import Fields
    from streamroute.board.service import BoardService
    from streamroute.keys import GroupKeys

_RATE: Final = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)/(s|m)")
_DEFAULT_RATE: Final = 50.0
_COUNTING: Final = 20.0  # seconds that counting letters for a question may take


@dataclass(frozen=True, slots=True)
class _Started:
    """A job that this board has taken."""

    keys: GroupKeys
    held: HeldJob
    job: Job
    selection: LetterSelection


def _selection(service: BoardService, fields: Fields) -> LetterSelection:
    stream, signature = stream_field(service, fields), signature_field(fields)
    where = fields.get("where", "")
    condition = payload_condition(service.document, where) if where else None
    criteria = DeadLetterFilter(streams=(stream,), groups=(signature,), where=condition)
    return LetterSelection(criteria=criteria, stop_after=_stop_after(fields), watch=True)


def _rate(fields: Fields) -> float:
    text = fields.get("rate", "")
    found = _RATE.fullmatch(text) if text else None
    if text and (found is None or not float(found[1])):
        raise InvalidInputError("a rate is written as 50/s or 10/m")
    return _DEFAULT_RATE if found is None else float(found[1]) / (60 if found[2] == "m" else 1)


def _stop_after(fields: Fields) -> int | None:
    text = fields.get("stop_after", "")
    if text and not (text.isascii() and text.isdigit() and int(text[:9]) > 0 and len(text) < 9):
        raise InvalidInputError("the number of failures after which to stop must be 1 or more")
    return int(text) if text else None


async def _count(service: BoardService, fields: Fields) -> int:
    """Return how many letters are selected: from the index, or with a payload filter by reading them."""
    [row] = await rows_of(service, fields)
    if not fields.get("where"):
        return row.group.count
    query = DeadLetterQuery(service.redis, service.document)
    try:
        async with service.computing, asyncio.timeout(_COUNTING):
            return (await count_letters(query, _selection(service, fields))).total()
    except TimeoutError:
        raise BoardBusyError("counting these letters takes too long: use streamroute dead") from None


async def _ask_retry(service: BoardService, fields: Fields) -> Question:
    count, rate = await _count(service, fields), _rate(fields)
    stop_after = _stop_after(fields)
    stop = f" It stops when {counted(stop_after, 'message')} failed again." if stop_after else ""
    text = f"Retry {counted(count, 'dead letter')}, at most {rate:g} a second?"
    return Question(text, count, (f"The page of jobs shows how it goes.{stop}",))


async def _retry(service: BoardService, fields: Fields, who: str) -> ActionOutcome:
    selection, rate = _selection(service, fields), _rate(fields)
    await rows_of(service, fields)
    query = DeadLetterQuery(service.redis, service.document)
    async with service.computing:
        counts = await count_letters(query, selection)
    if not counts:
        return ActionOutcome("there are no such dead letters any more", is_ok=False)
    with service.background.place():  # a job that nothing runs would look interrupted
        keys, held, job = await create_retry(
            service.redis, service.document, selection, counts, who=who, rate=rate
        )
        _run(service, _Started(keys, held, job, selection), who, reason_field(fields))
    return ActionOutcome(f"{job.id} retries {counted(counts.total(), 'dead letter')}")


def _run(service: BoardService, started: _Started, who: str, reason: str) -> None:
    work = PacedRetry(service.redis, service.document, started.keys, started.selection)

    async def run() -> None:
        await run_audited(
            *(Audit(service.redis, who), started.keys, started.held, started.job, work, _ignore),
            target=started.selection.text,
            reason=reason,
        )
        service.forget_readings()

    service.background.start(run(), f"the job {started.job.id}")


def _ignore(_job: object, _waits_for: str) -> None:
    """Show no progress: the page of jobs reads it from Redis."""


async def _ask_drop(service: BoardService, fields: Fields) -> Question:
    count = await _count(service, fields)
    text = f"Delete {counted(count, 'dead letter')} for good? Their messages are lost."
    return Question(text, count)


async def _drop(service: BoardService, fields: Fields, who: str) -> ActionOutcome:
    count, criteria = await _count(service, fields), _selection(service, fields).criteria
    keys, audit, reason = (
        group_keys(service.document, criteria.streams),
        Audit(service.redis, who),
        reason_field(fields),
    )
    query = DeadLetterQuery(service.redis, service.document)
    target = f"failure {fields['signature']}" + (f" where {fields['where']}" if fields.get("where") else "")

    async def run() -> None:
        result = ActionResult()
        async with audit.action(keys, "dead drop", target, reason=reason) as action:
            try:
                async for page in query.find(criteria):
                    await drop_page(page, result)
            finally:
                action.count = result.done
        service.forget_readings()

    with service.background.place():
        service.background.start(run(), "deleting dead letters")
    return ActionOutcome(
        f"{counted(count, 'dead letter')} are being deleted; the audit log says when that is done"
    )


async def _ask_stop(service: BoardService, fields: Fields) -> Question:
    _, stored = await find_job(service.redis, group_keys(service.document), fields.get("job", ""))
    return Question(f"Stop the job {stored.job.id}? It can be resumed.")


async def _stop(service: BoardService, fields: Fields, who: str) -> ActionOutcome:
    store, stored = await find_job(service.redis, group_keys(service.document), fields.get("job", ""))
    await stop_job(store, stored.job.id, who)
    await Audit(service.redis, who).write([store.keys], f"{stored.job.kind} stop", stored.job.id)
    return ActionOutcome(f"{stored.job.id} stops at its next step")


async def _ask_resume(service: BoardService, fields: Fields) -> Question:
    _, stored = await find_job(service.redis, group_keys(service.document), fields.get("job", ""), KIND)
    return Question(f"Go on with the job {stored.job.id}?")


async def _resume(service: BoardService, fields: Fields, who: str) -> ActionOutcome:
    store, stored = await find_job(service.redis, group_keys(service.document), fields.get("job", ""), KIND)
    with service.background.place():
        try:
            held, job = await take_job(store, stored.job.id, who)
            selection = LetterSelection.of(job, partial(payload_condition, service.document))
        except StreamrouteError as error:
            return ActionOutcome(f"the job cannot go on: {error}", is_ok=False)
        _run(service, _Started(store.keys, held, job, selection), who, "")
    return ActionOutcome(f"{job.id} goes on")


def _jobs(_fields: Fields) -> str:
    return "/jobs"


RETRY: Final = BoardAction("retry-failure", "Retry", _ask_retry, _retry, _jobs, takes_reason=True)
DROP: Final = BoardAction(
    "drop-failure", "Delete", _ask_drop, _drop, failure_page, is_dangerous=True, takes_reason=True
)
STOP: Final = BoardAction("stop-job", "Stop", _ask_stop, _stop, _jobs)
RESUME: Final = BoardAction("resume-job", "Resume", _ask_resume, _resume, _jobs)
