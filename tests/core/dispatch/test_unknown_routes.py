"""Routes and types unknown here: a message waits for a worker that knows them, if the group has one."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from messages import message_of
from streamroute.core.dispatch.unknown_routes import outcome_of_unknown_route, outcome_of_unknown_type
from streamroute.message import Message
from streamroute.text.limits import NAME
from streamroute.values import DeadLetter, RetryLater, RouteWait

ROUTE, TYPE = "ship", "booked"
SINCE = 1_700_000_000_000


class Workers:
    """Scripted knowledge of the group's workers, and a record of the queries."""

    def __init__(self, answer: RouteWait | Exception) -> None:
        self.answer = answer
        self.requests: list[tuple[str, str]] = []

    async def route_wait(self, message: Message, route: str) -> RouteWait:
        return self._answer("route", message, route)

    async def type_wait(self, message: Message, message_type: str) -> RouteWait:
        return self._answer("type", message, message_type)

    def _answer(self, what: str, message: Message, name: str) -> RouteWait:
        assert message.id == "1-0"
        self.requests.append((what, name))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def message(coordinator: object, **facts: Any) -> Message:
    facts = {"id": "1-0", "outcomes": [], "attempt": 3, **facts}
    return message_of({"type": TYPE}, coordinator=coordinator, **facts)


async def outcome(what: str, got: Message) -> Any:
    return await (
        outcome_of_unknown_route(got, ROUTE) if what == "route" else outcome_of_unknown_type(got, TYPE)
    )


BOTH = pytest.mark.parametrize("what", ["route", "type"])


@BOTH
@pytest.mark.parametrize(("delay", "since"), [(2.5, 0), (0.0, 0), (7.0, SINCE)])
async def test_a_retry_of_an_unknown_route_waits_without_spending_an_attempt(
    what: str, delay: float, since: int
) -> None:
    workers = Workers(RouteWait(delay, since))
    found = await outcome(what, message(workers, unknown_since=since))
    route = ROUTE if what == "route" else ""
    assert found == RetryLater(route, delay, 3, "", postponed=True, unknown_since=since)
    assert workers.requests == [(what, ROUTE if what == "route" else TYPE)]


@BOTH
async def test_when_the_wait_is_over_the_local_routes_decide(what: str) -> None:
    found = await outcome(what, message(Workers(RouteWait(None, SINCE)), unknown_since=SINCE))
    if what == "route":
        assert isinstance(found, DeadLetter)
        assert (found.route, found.attempt) == (ROUTE, 3)
        assert found.reason == "the route 'ship' is no longer configured"
    else:
        assert found is None


@BOTH
async def test_without_an_answer_it_waits_a_second_and_keeps_the_last_one(
    what: str, caplog: pytest.LogCaptureFixture
) -> None:
    found = await outcome(what, message(Workers(ConnectionError("away")), unknown_since=SINCE))
    assert (found.delay, found.unknown_since, found.postponed) == (1.0, SINCE, True)
    [expected_text] = caplog.messages
    assert expected_text == (
        "could not read the routes of the group's workers; messages wait: ConnectionError: away"
    )


class Mocked:
    """One that has the methods by accident: a mock has every attribute."""

    def __init__(self) -> None:
        self.route_wait = self.type_wait = Workers(RouteWait(1)).route_wait


@BOTH
@pytest.mark.parametrize(
    ("coordinator", "outcomes"),
    [(None, []), (object(), []), (Mocked(), []), (Workers(RouteWait(1)), None)],
    ids=["none", "another", "mocked", "nothing is settled"],
)
async def test_without_other_workers_the_local_routes_decide(
    what: str, coordinator: object, outcomes: list[Any] | None
) -> None:
    found = await outcome(what, message(coordinator, outcomes=outcomes))
    assert (type(found) is DeadLetter) if what == "route" else (found is None)


async def test_a_plain_payload_does_not_wait_for_other_workers() -> None:
    assert await outcome_of_unknown_type({"type": TYPE}, TYPE) is None


@BOTH
@pytest.mark.parametrize(
    ("before", "now", "expected_text"),
    [(0, SINCE, True), (SINCE, SINCE, False), (0, 0, False), (SINCE, 0, False)],
)
async def test_the_first_unknown_retry_is_logged(
    what: str, before: int, now: int, expected_text: bool, caplog: pytest.LogCaptureFixture
) -> None:
    await outcome(what, message(Workers(RouteWait(1, now)), unknown_since=before))
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * expected_text
    if expected_text:
        name = ROUTE if what == "route" else TYPE
        assert f"{name!r} wait" in caplog.text
        # Equal lines about one name are logged once; those about another name are logged as well.
        assert vars(caplog.records[0])["coalesced_by"][1:] == (name,)


async def test_a_long_type_is_truncated(caplog: pytest.LogCaptureFixture) -> None:
    await outcome_of_unknown_type(message(Workers(RouteWait(1, SINCE))), "x" * 1_000_000)
    assert len(caplog.messages[0]) < NAME + 200
