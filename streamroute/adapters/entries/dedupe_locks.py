"""The dedupe locks of a message, and what its outcomes make of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from streamroute.message import Message
from streamroute.values import DeadLetter, DedupeLock


@dataclass(frozen=True, slots=True)
class LockResolution:
    """What becomes of one key: ``done`` for so many ms, ``delayed`` with a retry's name, or ``free``."""

    key: str
    route: str
    state: str
    fact: str | int


def resolve_locks(message: Message, names: dict[str, str]) -> Iterator[LockResolution]:
    """What becomes of the keys that a message holds; ``names`` are those of its routes' retries.

    A lock without an outcome here (another scheduler has its retry) stays as it is: the next message
    with the key finds that nobody runs any more.
    """
    failed = {outcome.route for outcome in message.outcomes or () if isinstance(outcome, DeadLetter)}
    for route, lock in (message.dedupe_locks or {}).items():
        state: tuple[str, str | int]
        if lock.succeeded:
            state = "done", max(1, int(lock.ttl * 1000))
        elif route in names:
            state = "delayed", names[route]
        elif route in failed:
            state = "free", ""
        else:
            continue
        yield from (LockResolution(key, route, *state) for key in lock.keys)


def attach_lock(message: Message, route: str, lock: DedupeLock) -> None:
    """Let the message hold a lock until it is settled."""
    if message.dedupe_locks is None:
        message.dedupe_locks = {}
    message.dedupe_locks[route] = lock


def pending_location(message: Message) -> str:
    """Where a message is pending: ``retry`` in the group's retry stream, ``entry`` in the stream itself."""
    return "entry" if message.pending_key == message.stream else "retry"
