"""Outcomes of failures: every exception has one, and its text is bounded."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import pytest

from messages import message_of
from misbehaving import ALL, BIG, FAILURES, REJECTIONS, Unspeakable
from streamroute.core.dispatch.outcomes import (
    RoutesFailedError,
    attempt_of,
    dead_letter,
    no_route,
    no_type,
    outcome_for,
    refuse_message,
    result_of,
    type_of,
    unknown_route,
)
from streamroute.core.dispatch.routes import Route, route_key
from streamroute.core.observer import Result
from streamroute.errors import Postpone, Reject, Retry, as_delay
from streamroute.message import Message
from streamroute.text.limits import ERROR, LONG, NAME, REASON
from streamroute.values import DeadLetter, Outcome, RetryLater, RetryPolicy

POLICY = RetryPolicy(max_attempts=3, delay=7, jitter=0)


async def handler(payload: Any, container: Any) -> None: ...


ROUTE = Route("r", handler, None)


@pytest.mark.parametrize("kind", FAILURES)
def test_a_failure_is_retried_by_policy_and_then_dead(kind: str) -> None:
    again = outcome_for(ROUTE, FAILURES[kind](), 1, POLICY)
    assert isinstance(again, RetryLater)
    assert (again.route, again.delay, again.attempt, again.postponed) == ("r", 7, 2, False)
    assert type(again.error) is str
    assert 0 < len(again.error) <= ERROR
    last = outcome_for(ROUTE, FAILURES[kind](), 3, POLICY)
    assert isinstance(last, DeadLetter)
    assert (last.route, last.reason, last.attempt) == ("r", "failed after 3 attempts", 3)


def test_an_outcome_has_the_class_of_the_cause() -> None:
    def caused(error: BaseException) -> BaseException:
        error.__cause__ = KeyError("id")
        return error

    found = [
        outcome_for(ROUTE, error, attempt, POLICY).error_class
        for error, attempt in (
            (ValueError(), 1),
            (ValueError(), 3),
            (caused(Retry(delay=1)), 1),
            (caused(Reject("no")), 1),
            (Reject("no"), 1),
            (Postpone(1), 1),
        )
    ]
    assert found == ["ValueError", "ValueError", "KeyError", "KeyError", "Reject", ""]


@pytest.mark.parametrize("kind", ALL)
def test_a_class_is_one_line_of_bounded_length(kind: str) -> None:
    name = outcome_for(ROUTE, ALL[kind](), 1, POLICY).error_class
    assert len(name) <= NAME
    assert name.isprintable()


@pytest.mark.parametrize("kind", REJECTIONS)
def test_a_rejection_is_dead_at_once(kind: str) -> None:
    found = outcome_for(ROUTE, REJECTIONS[kind](), 1, POLICY)
    assert isinstance(found, DeadLetter)
    assert 0 < len(found.reason) <= REASON


@pytest.mark.parametrize("kind", ALL)
def test_a_dead_letter_has_a_bound(kind: str) -> None:
    found = dead_letter("r", "the filter failed", ALL[kind](), 1)
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
    requests = Retry()
    requests.delay = delay
    found = outcome_for(ROUTE, requests, 1, POLICY)
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

    monkeypatch.setattr("streamroute.core.dispatch.outcomes.error_text", fail)
    found = outcome_for(ROUTE, ValueError("no luck"), attempt, POLICY)
    assert type(found) is kind
    assert (found.route, found.error) == ("r", "ValueError")
    if isinstance(found, RetryLater):
        assert (found.delay, found.attempt) == (60, 2)
    else:
        assert (found.reason, found.attempt) == ("failed after 3 attempts", 3)


def test_a_policy_that_gives_no_delay_is_not_believed() -> None:
    found = outcome_for(ROUTE, ValueError(), 1, RetryPolicy(delay=math.nan, max_delay=math.nan))
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
    """A handler that has any attribute, but raises for some."""

    def __getattr__(self, name: str) -> Any:
        raise KeyboardInterrupt

    async def __call__(self, payload: Any, container: Any) -> None: ...


def test_a_handler_whose_name_raises_is_named_by_its_class() -> None:
    assert route_key(Odd()) == f"{__name__}.Odd"
    assert isinstance(outcome_for(Route("r", Odd(), None), Retry(delay=1), 3, POLICY), DeadLetter)


@pytest.mark.parametrize("kind", [None, 7, ["booked"], Unspeakable, Message({})])
def test_a_type_that_is_no_string_has_a_reason(kind: Any) -> None:
    payload = {"type": kind() if kind is Unspeakable else kind}
    assert type_of(payload) == ""
    assert no_type(payload).reason.startswith("the type is not a string but ")


def test_external_text_is_bounded_in_every_reason() -> None:
    payload = Message({"type": BIG}, id=BIG)
    letters = [no_route(BIG, payload), *(unknown_route(name, payload) for name in (BIG, "a\nb"))]
    assert all(len(letter.reason) < 2 * NAME for letter in letters)
    assert len(str(RoutesFailedError([*letters, DeadLetter("r", BIG, BIG)]))) <= ERROR


def test_a_log_line_of_a_failure_has_a_bound(caplog: pytest.LogCaptureFixture) -> None:
    payload = Message({"type": BIG}, id=BIG)
    outcome_for(ROUTE, ValueError(BIG), 1, POLICY)
    dead_letter("r", BIG, ValueError(BIG), 1)
    no_route(BIG, payload)
    assert len(caplog.messages) == 3
    assert max(map(len, caplog.messages)) <= LONG


def test_failures_are_equal_in_the_log_where_route_and_kind_are_the_same(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """With any text: fifty thousand of them log one line per second."""
    another = Route("other", handler, None)
    for route, error in (
        (ROUTE, ValueError("1")),
        (ROUTE, ValueError("2")),
        (ROUTE, KeyError("1")),
        (another, ValueError("1")),
    ):
        outcome_for(route, error, 1, POLICY)
        outcome_for(route, error, 3, POLICY)
    keys = [vars(record)["coalesced_by"] for record in caplog.records]
    assert keys[:2] == keys[2:4]
    assert len(set(keys)) == 6


def test_a_cause_without_a_truth_is_the_cause() -> None:
    class SilentError(Exception):
        def __bool__(self) -> bool:
            raise OSError("away")

    refused = Reject("no")
    refused.__cause__ = SilentError("why")
    letter = dead_letter("r", "the filter failed", refused, 1)
    assert (letter.error, letter.error_class) == ("SilentError: why", "SilentError")


def test_a_letter_has_the_traceback_of_what_made_its_handler_give_up() -> None:
    def charge() -> None:
        raise ValueError("no card")

    try:
        try:
            charge()
        except ValueError as cause:
            raise Reject("no price") from cause
    except Reject as error:
        letter = outcome_for(ROUTE, error, 2, POLICY)
    assert isinstance(letter, DeadLetter)
    assert (letter.reason, letter.error, letter.attempt) == ("no price", "ValueError: no card", 2)
    assert "in charge" in letter.traceback
    assert "Reject" not in letter.traceback


def test_a_final_failures_text_has_reason_and_error_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for reason, error, expected_text in (
        ("it failed", ValueError("no card"), "it failed: ValueError: no card"),
        ("no card today", ValueError("no card"), "no card today"),
        ("ValueError: no", ValueError("no"), "ValueError: no"),
        ("it failed", ValueError(), "it failed: ValueError"),
        ("a ValueError", ValueError(), "a ValueError"),
    ):
        caplog.clear()
        dead_letter("r", reason, error, 4)
        assert caplog.messages == [f"route r failed permanently (attempt 4): {expected_text}"]


def test_a_postponed_route_keeps_its_attempt_and_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    requests = Postpone(delay=4)
    assert outcome_for(ROUTE, requests, 3, POLICY) == RetryLater("r", 4, 3, "", postponed=True)
    assert caplog.messages == []
    requests.delay = math.nan
    assert isinstance(outcome_for(ROUTE, requests, 3, POLICY), DeadLetter)


def test_the_policy_of_a_route_replaces_the_default() -> None:
    own = Route("r", handler, None, policy=RetryPolicy(max_attempts=4, delay=9, jitter=0, multiplier=1))
    for error, delay in ((Retry(delay=2), 2), (Retry(), 9), (ValueError(), 9)):
        again = outcome_for(own, error, 3, POLICY)
        assert isinstance(again, RetryLater)
        assert (again.delay, again.attempt) == (delay, 4)
        assert isinstance(outcome_for(own, error, 4, POLICY), DeadLetter)
        assert isinstance(outcome_for(ROUTE, error, 3, POLICY), DeadLetter)
    postponed = outcome_for(own, Postpone(delay=5), 4, POLICY)
    assert postponed == RetryLater("r", 5, 4, "", postponed=True)


def test_the_texts_of_a_route_with_a_policy_name_its_failure() -> None:
    own = Route("r", handler, None, policy=RetryPolicy(max_attempts=2))
    letter = outcome_for(own, ValueError("no card"), 2, POLICY)
    assert isinstance(letter, DeadLetter)
    assert (letter.reason, letter.error) == (
        "failed after 2 attempts: ValueError: no card",
        "ValueError: no card",
    )
    letter = outcome_for(own, Retry(1, "closed"), 2, POLICY)
    assert isinstance(letter, DeadLetter)
    assert (letter.reason, letter.error) == ("failed after 2 attempts: closed", "Retry: closed")
    again = outcome_for(own, ValueError("no card"), 1, POLICY)
    assert isinstance(again, RetryLater)
    assert again.error == "ValueError: no card"


def test_the_number_of_attempts_is_worded_in_singular_and_plural() -> None:
    once = RetryPolicy(max_attempts=1)
    for attempt, expected_text in ((1, "failed after 1 attempt"), (2, "failed after 2 attempts")):
        letter = outcome_for(ROUTE, ValueError(), attempt, once)
        assert isinstance(letter, DeadLetter)
        assert letter.reason == expected_text


def test_a_plain_payload_is_at_its_first_attempt() -> None:
    assert attempt_of({}) == 1
    assert attempt_of(Message({}, attempt=4)) == 4
    assert [no_type({}).attempt, no_type(Message({}, attempt=4)).attempt] == [1, 4]


def test_routes_that_failed_are_named_with_their_reasons() -> None:
    outcomes: list[Outcome] = [
        RetryLater("a", 1, 2, "no luck"),
        DeadLetter(None, "no type", "x"),
        DeadLetter("b", "no price"),
    ]
    raised = RoutesFailedError(outcomes)
    assert str(raised) == "not acknowledged: a: no luck; message: no type; b: no price"
    assert raised.outcomes == tuple(outcomes)


def test_a_rejection_without_a_reason_has_a_default_text() -> None:
    letter = outcome_for(ROUTE, Reject(""), 1, POLICY)
    assert isinstance(letter, DeadLetter)
    assert letter.reason == "the handler rejected the message"


@pytest.mark.parametrize(
    ("outcome", "result"),
    [
        (DeadLetter("r", "no"), Result.DEAD),
        (RetryLater("r", 1, 2, "no"), Result.RETRIED),
        (RetryLater("r", 1, 2, "", postponed=True), Result.POSTPONED),
    ],
)
def test_observers_receive_the_outcome(outcome: RetryLater | DeadLetter, result: Result) -> None:
    assert result_of(outcome) is result


def test_a_refused_message_has_one_dead_letter(caplog: pytest.LogCaptureFixture) -> None:
    message, seen = message_of({"type": "t"}, id="1-0", stream="s", attempt=2, outcomes=[]), list[Any]()
    refuse_message(message, "it is odd", lambda *result: seen.append(result))
    assert message.delivery.outcomes == [DeadLetter(None, "it is odd", attempt=2)]
    assert seen == [(message, None, Result.DEAD)]
    assert caplog.messages == ["entry 1-0 of s goes to the dead letters: it is odd"]


@pytest.mark.parametrize("payload", [{"type": "t"}, message_of({"type": "t"}, outcomes=None)])
def test_a_refused_message_whose_outcomes_are_not_collected_is_not_acknowledged(
    payload: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[Any] = []
    with pytest.raises(RoutesFailedError, match="it is odd") as raised:
        refuse_message(payload, "it is odd", lambda *result: seen.append(result))
    assert raised.value.outcomes == (DeadLetter(None, "it is odd"),)
    assert seen == [(payload, None, Result.FAILED)]
    assert caplog.messages == []


def test_a_message_that_reaches_no_handler_is_named_by_its_id(caplog: pytest.LogCaptureFixture) -> None:
    no_type(Message({}, id="7-1"))
    no_type({})
    no_route("a", Message({}, id="7-2"))
    assert caplog.messages == [
        "message 7-1 failed permanently: the message has no type",
        "message without an id failed permanently: the message has no type",
        "message 7-2 failed permanently: no route lists the type 'a'",
    ]
    one, two, three = [vars(record)["coalesced_by"] for record in caplog.records]
    assert one == two != three


@pytest.mark.parametrize(
    ("reason", "expected_text"), [(None, "what it says"), ("its reason", "its reason"), (7, "7")]
)
def test_a_custom_rejection_class_provides_its_reason(reason: Any, expected_text: str) -> None:
    class Own(Reject):
        def __str__(self) -> str:
            return "what it says"

    error = Own("x")
    vars(error)["reason"] = reason
    letter = outcome_for(ROUTE, error, 1, POLICY)
    assert isinstance(letter, DeadLetter)
    assert letter.reason == expected_text
