"""Parking: what becomes of a message whose routes are paused, and what a probe tells the circuit."""

from __future__ import annotations

from typing import Any

import pytest

from consuming import Handling, dispatcher_of, message, named
from streamroute.core.dispatcher import BotRedisDispatcher
from streamroute.core.observer import Result
from streamroute.delivery import Unparked
from streamroute.errors import Postpone, Reject
from streamroute.pauses import PauseGate, PauseView
from streamroute.values import RetryLater

CIRCUIT = PauseView(routes=frozenset({"charge"}), circuits=frozenset({"charge"}))


def gated(dispatcher: BotRedisDispatcher, view: PauseView) -> PauseGate:
    gate = PauseGate()
    gate.apply(view)
    dispatcher.use_gate(gate)
    return gate


async def test_the_other_routes_of_a_message_run() -> None:
    seen: list[tuple[str | None, Result]] = []
    charge, note = Handling(), Handling()
    dispatcher = dispatcher_of(
        named(charge, "charge"), named(note, "note"), observer=lambda _, *what: seen.append(what)
    )
    gated(dispatcher, CIRCUIT)
    given = message()
    await dispatcher.process_message(given)
    assert (len(charge.seen), len(note.seen)) == (0, 1)
    assert given.delivery.outcomes == [RetryLater("charge", 0.0, 1, "", postponed=True, parked_for="charge")]
    assert seen == [("note", Result.SUCCEEDED), ("charge", Result.PARKED)]


async def test_a_message_that_cannot_be_parked_runs() -> None:
    charge = Handling()
    dispatcher = dispatcher_of(named(charge, "charge"))
    gated(dispatcher, CIRCUIT)
    await dispatcher.process_message({"type": "booked"})
    assert len(charge.seen) == 1


@pytest.mark.parametrize(
    ("raised", "result"),
    [(None, "closed"), (RuntimeError("no luck"), "open"), (Reject("no"), "again"), (Postpone(1), "again")],
)
async def test_a_probe_tells_whether_its_route_works(raised: Exception | None, result: str) -> None:
    def act(_: Any) -> None:
        if raised is not None:
            raise raised

    dispatcher = dispatcher_of(named(Handling(then=act), "charge"))
    gate = gated(dispatcher, CIRCUIT)
    probe = message(routes=frozenset({"charge"}), accepted=True)
    probe.delivery.unparked = Unparked("charge", is_probe=True)
    await dispatcher.process_message(probe)
    assert list(gate.probes) == [("charge", result)]


async def test_a_returning_message_that_is_no_probe_tells_nothing() -> None:
    charge = Handling()
    dispatcher = dispatcher_of(named(charge, "charge"))
    gate = gated(dispatcher, PauseView(returning=frozenset({"charge"})))
    returned = message(routes=frozenset({"charge"}), accepted=True)
    returned.delivery.unparked = Unparked("charge")
    await dispatcher.process_message(returned)
    assert len(charge.seen) == 1
    assert not gate.probes
