"""Failures judged: whatever was raised, there is an outcome, and what it says has a bound."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import pytest

from misbehaving import ALL, BIG, FAILURES, REJECTIONS, Unspeakable
from streamroute.core.failures import (
    RoutesFailedError,
    attempt_of,
    dead,
    judge,
    no_route,
    no_type,
    route_is_gone,
    type_of,
)
from streamroute.core.routes import Route, route_key
from streamroute.errors import Reject, Retry, as_delay
from streamroute.limits import ERROR, LONG, NAME, REASON
from streamroute.message import Message
from streamroute.values import DeadLetter, RetryLater, RetryPolicy

POLICY = RetryPolicy(max_attempts=3, delay=7, jitter=0)


async def handler(payload: Any, container: Any) -> None: ...


ROUTE = Route("r", handler, None)


@pytest.mark.parametrize("kind", FAILURES)
def test_a_failure_is_retried_by_policy_and_then_dead(kind: str) -> None:
    again = judge(ROUTE, FAILURES[kind](), 1, POLICY)
    assert isinstance(again, RetryLater)
    assert (again.route, again.delay, again.attempt, again.postponed) == ("r", 7, 2, False)
    assert type(again.error) is str
    assert 0 < len(again.error) <= ERROR
    last = judge(ROUTE, FAILURES[kind](), 3, POLICY)
    assert isinstance(last, DeadLetter)
    assert (last.route, last.reason, last.attempt) == ("r", "failed after 3 attempts", 3)


@pytest.mark.parametrize("kind", REJECTIONS)
def test_a_rejection_is_dead_at_once(kind: str) -> None:
    found = judge(ROUTE, REJECTIONS[kind](), 1, POLICY)
    assert isinstance(found, DeadLetter)
    assert 0 < len(found.reason) <= REASON


@pytest.mark.parametrize("kind", ALL)
def test_a_dead_letter_has_a_bound(kind: str) -> None:
    found = dead("r", "the filter failed", ALL[kind](), 1)
    assert [type(text) for text in (found.reason, found.error, found.traceback)] == [str] * 3
    assert len(found.error) <= ERROR
    assert len(found.traceback) <= LONG


@pytest.mark.parametrize(
    ("delay", "seconds"),
    [
        *[(0, 0.0), (3, 3.0), (2.5, 2.5), (-1, -1.0), (True, 1.0), (1e10, 1e10)],
        *[(math.nan, None), (math.inf, None), (-math.inf, None), (1e11, None), (10**400, None)],
        *[("1", None), (None, None), (Decimal(1), None), ([], None)],
        (
            type("Number", (float,), {"__abs__": lambda _self: 1 / 0, "__float__": lambda _self: 1 / 0})(4),
            4.0,
        ),
        (type("Number", (int,), {"__abs__": lambda _self: 1 / 0, "__float__": lambda _self: 1 / 0})(4), 4.0),
    ],
)
def test_a_delay_is_a_number_that_can_be_waited_for(delay: Any, seconds: float | None) -> None:
    assert as_delay(delay) == seconds
    asked = Retry()
    asked.delay = delay
    found = judge(ROUTE, asked, 1, POLICY)
    assert isinstance(found, RetryLater)
    assert found.delay == (7 if seconds is None else seconds)


def test_a_delay_that_no_one_could_wait_for_is_refused_where_it_is_named() -> None:
    with pytest.raises(TypeError, match="a number of seconds, not <Unspeakable: __repr__ raised"):
        Retry(delay=Unspeakable())  # type: ignore[arg-type]  # that it is none is the point


class Silent:
    """An object without a text."""

    def __str__(self) -> str:
        raise KeyboardInterrupt


def test_a_reject_for_an_object_keeps_its_text() -> None:
    assert Reject(Silent()).reason == "(no text: __str__ raised KeyboardInterrupt)"  # type: ignore[arg-type]  # as above
    assert len(Reject(BIG).reason) == ERROR


@pytest.mark.parametrize(("attempt", "kind"), [(1, RetryLater), (3, DeadLetter)])
def test_a_failure_that_cannot_be_judged_is_an_outcome_by_policy(
    attempt: int, kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("streamroute.core.failures.error_text", fail)
    found = judge(ROUTE, ValueError("no luck"), attempt, POLICY)
    assert type(found) is kind
    assert found.error == "ValueError"


def test_a_policy_that_gives_no_delay_is_not_believed() -> None:
    found = judge(ROUTE, ValueError(), 1, RetryPolicy(delay=math.nan, max_delay=math.nan))
    assert isinstance(found, RetryLater)
    assert found.delay == 60


@pytest.mark.parametrize("attempt", [None, "x", 1.5, Unspeakable])
def test_a_handler_that_overwrites_the_attempt_ends_nothing(attempt: Any) -> None:
    message = Message({})
    vars_of: Any = message
    vars_of.attempt = attempt() if attempt is Unspeakable else attempt
    assert attempt_of(message) == 1
    del message.attempt
    assert attempt_of(message) == 1


class Odd:
    """A handler that answers to every name, and to some not at all."""

    def __getattr__(self, name: str) -> Any:
        raise KeyboardInterrupt

    async def __call__(self, payload: Any, container: Any) -> None: ...


def test_a_handler_that_raises_when_it_is_asked_for_its_name_is_called_by_its_class() -> None:
    assert route_key(Odd()) == "test_failures.Odd"
    assert isinstance(judge(Route("r", Odd(), None), Retry(delay=1), 3, POLICY), DeadLetter)


@pytest.mark.parametrize("kind", [None, 7, ["booked"], Unspeakable, Message({})])
def test_a_type_that_is_no_string_has_a_reason(kind: Any) -> None:
    payload = {"type": kind() if kind is Unspeakable else kind}
    assert type_of(payload) == ""
    assert no_type(payload).reason.startswith("the type is not a string but ")


def test_what_comes_from_outside_has_a_bound_in_every_reason() -> None:
    payload = Message({"type": BIG}, id=BIG)
    letters = [no_route(BIG, payload), *(route_is_gone(name, payload) for name in (BIG, "a\nb"))]
    assert all(len(letter.reason) < 2 * NAME for letter in letters)
    assert len(str(RoutesFailedError([*letters, DeadLetter("r", BIG, BIG)]))) <= ERROR


def test_a_log_line_of_a_failure_has_a_bound(caplog: pytest.LogCaptureFixture) -> None:
    payload = Message({"type": BIG}, id=BIG)
    judge(ROUTE, ValueError(BIG), 1, POLICY)
    dead("r", BIG, ValueError(BIG), 1)
    no_route(BIG, payload)
    assert len(caplog.messages) == 3
    assert max(map(len, caplog.messages)) <= LONG
