"""The gate: which routes run now, and what circuits count."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from streamroute.delivery import Unparked
from streamroute.pauses import NOTHING_PAUSED, Circuit, PauseGate, PauseView
from streamroute.values import DeadLetter, Outcome, RetryLater


class Named(NamedTuple):
    """A route."""

    key: str = "new"
    formerly: frozenset[str] = frozenset({"old"})


ROUTE = Named()
PAUSED = PauseView(routes=frozenset({"new"}))
CIRCUIT = PauseView(routes=frozenset({"new"}), circuits=frozenset({"new"}))
RETURNING = PauseView(returning=frozenset({"old"}))


def gate_with(view: PauseView) -> PauseGate:
    gate = PauseGate()
    gate.apply(view)
    return gate


@pytest.mark.parametrize(
    ("view", "unparked", "waits_for"),
    [
        (NOTHING_PAUSED, None, None),
        (PAUSED, None, "new"),
        (PauseView(routes=frozenset({"old"})), None, "old"),
        (PAUSED, Unparked("new"), "new"),
        (PAUSED, Unparked("new", is_probe=True), "new"),
        (CIRCUIT, Unparked("new"), "new"),
        (CIRCUIT, Unparked("new", is_probe=True), None),
        (CIRCUIT, Unparked("else", is_probe=True), "new"),
        (RETURNING, None, "old"),
        (RETURNING, Unparked("old"), None),
        (RETURNING, Unparked("else"), "old"),
    ],
)
def test_a_message_waits_unless_it_is_its_turn(
    view: PauseView, unparked: Unparked | None, waits_for: str | None
) -> None:
    assert gate_with(view).parked_for(ROUTE, unparked) == waits_for


def test_the_gate_is_asked_only_while_a_route_parks() -> None:
    assert not gate_with(PauseView(stream=True)).parks
    assert gate_with(PAUSED).parks
    assert gate_with(RETURNING).parks


def test_a_parked_message_keeps_its_attempt() -> None:
    outcome = PauseGate().park("old", "new", 3)
    assert (outcome.attempt, outcome.postponed, outcome.parked_for) == (3, True, "old")


def test_the_stream_is_held_and_let_go_once() -> None:
    told: list[bool] = []
    gate = PauseGate()
    gate.on_stream_paused(told.append)
    for view in (PauseView(stream=True), PauseView(stream=True, routes=frozenset("a")), NOTHING_PAUSED):
        gate.apply(view)
    assert told == [True, False]


@pytest.mark.parametrize(
    ("outcome", "counts"),
    [
        (RetryLater("new", 1, 2, "no luck"), True),
        (RetryLater("new", 1, 1, "", postponed=True), False),
        (DeadLetter("new", "failed after 3 attempts"), True),
        (DeadLetter("new", "not for us", is_rejected=True), False),
    ],
)
def test_a_circuit_counts_failures_of_the_route_not_of_the_message(outcome: Outcome, counts: bool) -> None:
    gate = PauseGate()
    gate.circuits = {"new": Circuit(5, 60, 60)}
    gate.note_failure(ROUTE, outcome)
    gate.note_failure(Named("other"), outcome)
    assert list(gate.counted) == ["new"] * counts


@pytest.mark.parametrize(
    ("counted", "probes", "is_urgent"),
    [([], [], False), (["new"], [], False), (["new", "new"], [], True), ([], [("new", "closed")], True)],
)
def test_the_group_is_told_at_once_when_a_circuit_may_open_or_a_probe_has_ended(
    counted: list[str], probes: list[tuple[str, str]], is_urgent: bool
) -> None:
    gate = PauseGate()
    gate.circuits = {"new": Circuit(2, 60, 60), "other": Circuit(5, 60, 60)}
    gate.counted.extend(counted)
    gate.probes.extend(probes)
    assert gate.is_urgent == is_urgent
