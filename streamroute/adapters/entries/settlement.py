"""Settlements: the keys and arguments of the settle script for one message."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from streamroute.adapters.entries.dead_record import DeadRecord, group_facts
from streamroute.adapters.entries.dedupe_locks import lock_owner, resolve_locks
from streamroute.adapters.entries.field_lists import flatten_fields
from streamroute.adapters.entries.parked_names import parked_name
from streamroute.adapters.entries.retry_record import retry_record
from streamroute.adapters.redis.scripts import Argument, Call
from streamroute.delivery import Delivery
from streamroute.keys import GroupKeys, PauseKeys
from streamroute.message import Message
from streamroute.values import DeadLetter, RetryLater

MAX_FAILURE_GROUPS: Final = 1000
"""Groups of dead letters that the index of a consumer group holds; further ones are counted together."""

_PARKED: Final = "parked"  # instead of a delay
_MAX_DELAY: Final = 365 * 86_400_000  # ms; the scripts treat a due time more than a year ahead as corrupt


def needs_settle_script(delivery: Delivery) -> bool:
    """Whether XACK alone is not enough: there are failures to write, or dedupe locks to update."""
    return bool(delivery.outcomes or delivery.dedupe_locks)


def settlement(keys: GroupKeys, group: str, consumer: str, message: Message) -> Call:
    """Return keys and arguments of the script ``settle`` for one message."""
    delivery = message.delivery
    outcomes = delivery.outcomes or ()
    retries = [outcome for outcome in outcomes if isinstance(outcome, RetryLater)]
    letters = [outcome for outcome in outcomes if isinstance(outcome, DeadLetter)]
    records = [retry_record(message, retry) for retry in retries]
    names = {retry.route: record.name for retry, record in zip(retries, records, strict=True)}
    keys_held = list(resolve_locks(delivery, names))
    arguments: list[Argument] = [
        *(group, consumer, delivery.entry_id, delivery.deliveries),
        *(ack_mode(is_retry=message.is_stored_retry), len(retries), len(letters), lock_owner(message)),
        *(keys.failures, MAX_FAILURE_GROUPS),
    ]
    for retry, record in zip(retries, records, strict=True):
        if retry.parked_for:
            arguments += [parked_name(retry.parked_for, record.id, record.name), _PARKED, record.pack()]
        else:
            arguments += [record.name, delay_ms(retry.delay), record.pack()]
    for letter in letters:
        dead = DeadRecord.of(message, letter)
        fields = flatten_fields(dead.write())
        arguments += [len(fields), *fields, dead.signature, group_facts(dead)]
    for held in keys_held:
        arguments += [held.route, held.state, held.fact]
    return [
        delivery.pending_key,
        keys.due,
        keys.delayed,
        keys.dead,
        *(held.key for held in keys_held),
        *_parking_keys(keys, retries),
    ], arguments


def _parking_keys(keys: GroupKeys, retries: Iterable[RetryLater]) -> Sequence[str]:
    """Return the keys of parked messages, only if one is parked: a user may lack access to them."""
    if not any(retry.parked_for for retry in retries):
        return ()
    pauses = PauseKeys.of(keys)
    return pauses.parked, pauses.parked_entries


def ack_mode(*, is_retry: bool) -> str:
    """Return ``drop`` if an acknowledged entry is deleted (no other group reads retries), else ``keep``."""
    return "drop" if is_retry else "keep"


def delay_ms(delay: float) -> int:
    """Return the delay of a retry in ms, at most a year."""
    return min(int(delay * 1000), _MAX_DELAY)
