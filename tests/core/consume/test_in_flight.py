"""InFlight: an entry redelivered during its run is not run twice, and is still settled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from loop_clock import turns
from messages import message_of
from streamroute.core.consume.in_flight import InFlight
from streamroute.message import Message


def delivery(deliveries: int, confirmed: int = 0, n: bytes = b"1") -> Message:
    return message_of({}, id="1-0", deliveries=deliveries, lease_confirmed_at=confirmed, fields={b"n": n})


def test_an_entry_not_yet_held_is_handled() -> None:
    held = InFlight()
    first, second = ("1-0", {"n": 1}), ("2-0", {"n": 2})
    assert held.add([first, second]) == [first, second]
    assert held.add([second]) == []


def test_the_run_in_progress_answers_for_a_new_delivery_of_its_entry() -> None:
    held, running = InFlight(), delivery(1, confirmed=100)
    held.add([("1-0", running)])
    assert held.add([("1-0", delivery(2, confirmed=200))]) == []
    assert (running.deliveries, running.delivery.lease_confirmed_at) == (2, 200)
    assert held.has_delivery("1-0", 2)
    assert not held.has_delivery("1-0", 1)


def test_a_run_does_not_answer_for_another_entry_under_its_id() -> None:
    """Otherwise it would acknowledge an entry that was never handled: the fence must refuse it."""
    held, running = InFlight(), delivery(1, confirmed=100)
    held.add([("1-0", running)])
    assert held.add([("1-0", delivery(1, confirmed=200, n=b"2"))]) == []
    assert (running.deliveries, running.delivery.lease_confirmed_at) == (0, 0)


def test_an_entry_released_and_redelivered_is_a_new_one() -> None:
    held, first, second = InFlight(), delivery(1), delivery(1)
    held.add([("1-0", first)])
    held.discard([("1-0", first), ("unknown", {})])
    assert held.add([("1-0", second)]) == [("1-0", second)]
    assert held.has("1-0", second)
    assert not held.has("1-0", first)


def test_a_snapshot_holds_deliveries_of_messages_only_and_does_not_change() -> None:
    held, message = InFlight(), delivery(1)
    held.add([("1-0", message), ("2-0", {"plain": True})])
    snapshot = held.snapshot()
    held.clear()
    assert snapshot == {"1-0": message.delivery}
    assert held.get("1-0") == {}


def test_an_older_delivery_that_is_let_go_late_leaves_the_newer_one_held() -> None:
    held, older, newer = InFlight(), delivery(1), delivery(3)
    held.add([("1-0", older)])
    held.discard([("1-0", older)])
    held.add([("1-0", newer)])
    held.discard([("1-0", older)])
    assert held.has("1-0", newer)
    assert "1-0" in held
    held.clear()
    assert "1-0" not in held


def test_a_plain_payload_can_be_redelivered() -> None:
    held, plain = InFlight(), {"plain": True}
    held.add([("1-0", plain), ("2-0", delivery(1))])
    assert held.add([("1-0", delivery(2)), ("2-0", plain), ("3-0", plain)]) == [("3-0", plain)]
    assert held.has("1-0", plain)


@pytest.mark.parametrize("end", [lambda held: held.discard([("1-0", held.get("1-0"))]), InFlight.clear])
async def test_a_waiter_continues_when_an_entry_is_released(
    end: Callable[[InFlight], None],
) -> None:
    held = InFlight()
    held.add([("1-0", delivery(1)), ("2-0", delivery(1))])
    waiting = asyncio.create_task(held.next_change())
    await turns()
    held.add([("3-0", delivery(1))])
    await turns()
    assert not waiting.done()
    end(held)
    await turns()
    assert waiting.done()
    assert waiting.exception() is None


async def test_a_cancelled_waiter_is_not_notified() -> None:
    held = InFlight()
    held.add([("1-0", delivery(1))])
    waiting = asyncio.create_task(held.next_change())
    await turns()
    waiting.cancel()
    await turns()
    held.clear()
    again = asyncio.create_task(held.next_change())
    await turns()
    assert not again.done()
    held.clear()
    await again
