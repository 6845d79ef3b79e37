"""The dedupe locks of a delivery, and their state after its outcomes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from streamroute.delivery import Delivery
from streamroute.message import Message
from streamroute.values import DeadLetter, DedupeLock


@dataclass(frozen=True, slots=True)
class LockResolution:
    """The new state of one key: ``done`` for a ttl in ms, ``delayed`` with a retry's name, or ``free``.

    ``fact`` is the ttl or the name.
    """

    key: str
    route: str
    state: str
    fact: str | int


def resolve_locks(delivery: Delivery, names: dict[str, str]) -> Iterator[LockResolution]:
    """Yield the new states of the keys that a delivery holds; ``names`` has the retry's name by route.

    A lock whose route has no outcome (an external scheduler has the retry) stays unchanged: the next message
    with the key finds that its holder is not running any more.
    """
    failed = {outcome.route for outcome in delivery.outcomes or () if isinstance(outcome, DeadLetter)}
    for route, lock in (delivery.dedupe_locks or {}).items():
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


def lock_owner(message: Message) -> str:
    """Return what identifies a message as the owner of a lock; a replay of a message is another owner."""
    return message.id if message.replay is None else f"{message.id}@{message.replay}"


def attach_lock(delivery: Delivery, route: str, lock: DedupeLock) -> None:
    """Attach a lock to the delivery, which holds it until it is settled."""
    if delivery.dedupe_locks is None:
        delivery.dedupe_locks = {}
    delivery.dedupe_locks[route] = lock


def pending_location(message: Message) -> str:
    """Return where a message is pending: ``retry`` (the group's retry stream) or ``entry`` (the stream)."""
    return "retry" if message.is_stored_retry else "entry"
