"""Pause and resume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streamroute.adapters.pauses.store import PauseStore

if TYPE_CHECKING:
    from streamroute.adapters.pauses.record import Pause
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.ops.audit import Audit
    from streamroute.ops.pauses.targets import PauseTarget


@dataclass(frozen=True, slots=True)
class PauseChange:
    """What an action did to a target: the pause ``before``, and the one ``after`` it (None: not paused)."""

    target: PauseTarget
    before: Pause | None
    after: Pause | None


async def pause(
    redis: RedisConnection,
    audit: Audit,
    targets: Sequence[PauseTarget],
    reason: str,
    seconds: float | None = None,
) -> list[PauseChange]:
    """Pause the targets, for ``seconds`` (None: until they are resumed); who pauses is the audit's operator.

    What is paused already keeps the time since when, and gets the new reason. Workers see it within about a
    second. Raises RedisUnavailableError if Redis cannot be reached, SetupError if it refuses.
    """
    changes = []
    for target in targets:
        store = PauseStore(redis, target.keys)
        before, after = await store.pause(target.route, reason, audit.who, seconds)
        await audit.write([target.keys], "pause", _audited(target), reason=reason)
        changes.append(PauseChange(target, before, after))
    return changes


async def resume(
    redis: RedisConnection, audit: Audit, targets: Sequence[PauseTarget], reason: str = ""
) -> list[PauseChange]:
    """Resume the targets, also what was paused under a former name of a route.

    The parked messages return in their order. A target that is not paused has no pause ``before``, and is
    not written to the audit log. Raises what ``pause`` raises.
    """
    changes = []
    for target in targets:
        store = PauseStore(redis, target.keys)
        found = [await store.resume(name) for name in (target.route, *target.formerly)]
        before = next((pause for pause in found if pause is not None), None)
        if before is not None:
            await audit.write([target.keys], "resume", _audited(target), reason=reason)
        changes.append(PauseChange(target, before, None))
    return changes


def _audited(target: PauseTarget) -> str:
    return f"route {target.route}" if target.route else f"stream {target.stream}"
