"""The first round trip of an overview: the commands for one group, and the parsing of their answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from redis.exceptions import NoPermissionError, ResponseError

from streamroute.adapters.groups.answers import answer_or_none, group_attributes
from streamroute.adapters.groups.live_workers import live_workers
from streamroute.adapters.overview.group_overview import ConsumerHolding, GroupOverview
from streamroute.adapters.pauses.record import Pause, parse_pause
from streamroute.adapters.redis.exchange import CommandArgs
from streamroute.adapters.redis.replies import attributes, milliseconds, text
from streamroute.keys import RELEASED, GroupKeys, PauseKeys
from streamroute.text.safe_text import safe_str

_MISSING: Final = ("no such key", "NOGROUP")


def fact_commands(keys: GroupKeys, group: str) -> Sequence[CommandArgs]:
    """Return the commands whose answers ``read_facts`` reads; their cost does not depend on the length.

    Sources: https://redis.io/docs/latest/commands/xinfo-groups/,
    https://redis.io/docs/latest/commands/xpending/
    """
    return [
        ("TIME",),
        ("XLEN", keys.stream),
        ("XINFO", "GROUPS", keys.stream),
        ("XPENDING", keys.stream, group),
        ("XINFO", "GROUPS", keys.retry),
        ("XPENDING", keys.retry, group),
        ("XLEN", keys.retry),
        ("ZCARD", keys.due),
        ("ZRANGE", keys.due, 0, 0, "WITHSCORES"),
        ("XLEN", keys.dead),
        ("HGETALL", keys.workers),
        ("HGETALL", keys.generations),
        ("ZCARD", PauseKeys.of(keys).parked),
        ("HGETALL", PauseKeys.of(keys).paused),
    ]


def read_facts(keys: GroupKeys, group: str, answers: Sequence[Any]) -> GroupOverview:
    """Return the overview without what takes further round trips; raises an error of the whole server."""
    (
        clock,
        length,
        groups,
        held,
        retry_groups,
        held_retries,
        retries,
        due,
        first,
        dead,
        workers,
        generations,
        parked,
        paused,
    ) = (_known(answer) for answer in answers)
    now = milliseconds(answer_or_none(answers[0])) if clock is not None else 0
    stats, retry_stats = group_attributes(groups or (), group), group_attributes(retry_groups or (), group)
    pending, oldest, holding = _pending(held)
    retrying, _, holding_retries = _pending(held_retries)
    alive = live_workers(attributes(workers or ()), now)
    recorded = attributes(generations or ())
    return GroupOverview(
        time=now,
        exists=bool(stats),
        length=length,
        unread=stats.get("lag"),
        pending=None if held is None or held_retries is None else pending + retrying,
        oldest=oldest,
        scheduled=due,
        # Settled entries are deleted from the retry stream: its entries are pending or unread.
        due=None if retries is None else max(0, retries - int(retry_stats.get("pending") or 0)),
        next_due=_first_score(first),
        dead=dead,
        alive={name: lease for name, (lease, _) in alive.items()},
        generations={name: text(recorded[name]) for name in alive if name in recorded},
        holding={
            name: ConsumerHolding(holding.get(name, 0), holding_retries.get(name, 0))
            for name in [*holding, *(name for name in holding_retries if name not in holding)]
        },
        parked=parked,
        pauses=_pauses(paused),
        damaged=tuple(_wrong_types(fact_commands(keys, group), answers)),
        denied=next((safe_str(one) for one in answers if isinstance(one, NoPermissionError)), ""),
    )


def is_released(consumer: str) -> bool:
    """Whether this is the consumer of released entries, which the next claim of any worker takes."""
    return consumer == RELEASED


def _pauses(stored: Any) -> dict[str, Pause]:
    """Read what is paused, by route; a damaged pause pauses nothing."""
    found = ((route, parse_pause(packed)) for route, packed in attributes(stored or ()).items())
    return {route: pause for route, pause in found if pause is not None}


def _known(answer: Any) -> Any:
    """Return an answer; for a stream or group that does not exist, what an empty one would answer."""
    if isinstance(answer, ResponseError) and any(words in str(answer) for words in _MISSING):
        return ()
    return answer_or_none(answer)


def _pending(summary: Any) -> tuple[int, str, dict[str, int]]:
    """Read XPENDING: the number of entries, the lowest id, and the number by consumer."""
    if not summary or not summary[0]:
        return 0, "", {}
    count, lowest, _, consumers = summary
    return int(count), text(lowest), {text(name): int(held) for name, held in consumers or ()}


def _first_score(first: Any) -> int | None:
    """Read the score of ZRANGE WITHSCORES: a flat list in RESP2, pairs in RESP3."""
    if not first:
        return None
    score = first[0][1] if isinstance(first[0], (list, tuple)) else first[1]
    return int(float(score))


def _wrong_types(commands: Sequence[CommandArgs], answers: Sequence[Any]) -> list[str]:
    keys = [
        str(words[2] if words[0] == "XINFO" else words[1])
        for words, answer in zip(commands, answers, strict=True)
        if isinstance(answer, ResponseError) and "WRONGTYPE" in str(answer)
    ]
    return [f"{key} holds another type of value" for key in dict.fromkeys(keys)]
