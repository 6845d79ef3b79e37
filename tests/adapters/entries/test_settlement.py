"""The arguments of the settle script for a message."""

from __future__ import annotations

from typing import Any

import pytest

from backends import KEYS
from consuming import GROUP, STREAM
from messages import message_of
from streamroute.adapters.entries.dead_record import DeadRecord, group_facts
from streamroute.adapters.entries.dedupe_locks import (
    LockResolution,
    attach_lock,
    pending_location,
    resolve_locks,
)
from streamroute.adapters.entries.retry_record import RetryRecord
from streamroute.adapters.entries.settlement import ack_mode, needs_settle_script, settlement
from streamroute.message import Message
from streamroute.values import DeadLetter, DedupeLock, RetryLater

THANK, BILL = KEYS.dedupe("thank", "a"), KEYS.dedupe("bill", "a")


def message(**facts: Any) -> Message:
    """Return a message of the tests' group, pending in its stream at its third delivery."""
    known: dict[str, Any] = {"id": "1-0", "stream": STREAM, "group": GROUP, "deliveries": 3, "outcomes": []}
    return message_of({"type": "booked"}, **(known | facts), fields={b"type": b"booked"})


def retried(**facts: Any) -> Message:
    """Return a message that is pending in the retry stream."""
    return message(pending_key=KEYS.retry, entry_id="7-7", **facts)


def test_a_plain_ack_will_do_unless_something_failed_or_a_key_is_held() -> None:
    made = message()
    assert not needs_settle_script(made.delivery)
    assert not needs_settle_script(message(outcomes=None).delivery)
    assert needs_settle_script(message(outcomes=[DeadLetter("thank", "no")]).delivery)
    attach_lock(made.delivery, "thank", DedupeLock([THANK], 60))
    assert needs_settle_script(made.delivery)


def test_a_retry_leaves_its_stream_and_an_entry_stays() -> None:
    assert (ack_mode(is_retry=False), ack_mode(is_retry=True)) == ("keep", "drop")
    assert (message().is_stored_retry, retried().is_stored_retry) == (False, True)
    assert (pending_location(message()), pending_location(retried())) == ("entry", "retry")


@pytest.mark.parametrize(
    ("made", "pending_key", "entry_id"), [(message, STREAM, "1-0"), (retried, KEYS.retry, "7-7")]
)
def test_settlement_arguments_follow_the_order_of_the_script(
    made: Any, pending_key: str, entry_id: str
) -> None:
    retry, letter = RetryLater("thank", 2.5, 2, "no luck"), DeadLetter("bill", "bad", attempt=1)
    settled = made(outcomes=[letter, retry])
    attach_lock(settled.delivery, "thank", DedupeLock([THANK], 60))
    attach_lock(settled.delivery, "bill", DedupeLock([BILL], 60))
    keys, (*head, name, delay, entry, count), rest = _parted(settled)
    assert keys == [pending_key, KEYS.due, KEYS.delayed, KEYS.dead, THANK, BILL]
    mode = ack_mode(is_retry=settled.is_stored_retry)
    assert head == [GROUP, "me", entry_id, 3, mode, 1, 1, "1-0", KEYS.failures, 1000]
    assert (name, delay) == ("1-0|thank|2", 2_500)
    record = RetryRecord.unpack(entry)
    assert (record.id, record.routes, record.attempt) == ("1-0", frozenset({"thank"}), 2)
    pairs = dict(zip(rest[:count:2], rest[1:count:2], strict=True))
    dead = DeadRecord.read({_bytes(key): _bytes(value) for key, value in pairs.items()})
    assert (dead.id, dead.route, dead.reason) == ("1-0", "bill", "bad")
    assert rest[count : count + 2] == [dead.signature, group_facts(dead)]
    assert rest[count + 2 :] == ["thank", "delayed", "1-0|thank|2", "bill", "free", ""]


def _parted(settled: Message) -> tuple[list[str], list[Any], list[Any]]:
    """Return the keys, the arguments up to the first letter's size, and the arguments after it."""
    keys, arguments = settlement(KEYS, GROUP, "me", settled)
    return list(keys), list(arguments[:14]), list(arguments[14:])


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def test_a_dedupe_key_is_kept_or_freed_by_its_routes_outcome() -> None:
    settled = message(outcomes=[DeadLetter("failed", "no"), RetryLater("later", 1, 2, "no luck")])
    locks = {
        "done": DedupeLock(["k1", "k1 formerly"], 60, succeeded=True),
        "done at once": DedupeLock(["k2"], 0.0001, succeeded=True),
        "later": DedupeLock(["k3"], 60),
        "failed": DedupeLock(["k4"], 60),
        "elsewhere": DedupeLock(["k5"], 60),
    }
    for route, lock in locks.items():
        attach_lock(settled.delivery, route, lock)
    assert list(resolve_locks(settled.delivery, {"later": "1-0|later|2"})) == [
        LockResolution("k1", "done", "done", 60_000),
        LockResolution("k1 formerly", "done", "done", 60_000),
        LockResolution("k2", "done at once", "done", 1),
        LockResolution("k3", "later", "delayed", "1-0|later|2"),
        LockResolution("k4", "failed", "free", ""),
    ]
    assert list(resolve_locks(message().delivery, {})) == []


def test_a_retry_waits_a_year_at_most() -> None:
    """A due time much later than that is considered overwritten."""
    message = message_of(
        {"type": "t"}, id="1-0", stream=STREAM, outcomes=[RetryLater("thank", 1e10, 2, "no")]
    )
    _, (*_, delay, _entry) = settlement(KEYS, GROUP, "me", message)
    assert delay == 365 * 24 * 3600 * 1000
