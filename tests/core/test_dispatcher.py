"""BotRedisDispatcher: which routes run, which do not, and where failures go."""

from __future__ import annotations

import asyncio
import gc
import inspect
import json
import logging
import math
import tracemalloc
import weakref
from contextlib import suppress
from datetime import timedelta
from enum import StrEnum
from typing import Any
from unittest.mock import ANY

import pytest

from consuming import GROUP, Handling, dispatcher_of, eventually, failing, message
from messages import message_of
from streamroute.core.dispatch.outcomes import RoutesFailedError
from streamroute.core.dispatcher import BotRedisDispatcher, RetrySchedulerProtocol
from streamroute.core.observer import Result
from streamroute.core.router import RedisRouter
from streamroute.errors import LeaseLostError, Postpone, Reject, Retry, SetupError
from streamroute.message import Message
from streamroute.values import DeadLetter, RetryLater, RetryPolicy, RouteWait


class Kind(StrEnum):
    """Types as a StrEnum."""

    BOOKED = "booked"


class Scheduler:
    """A third-party retry scheduler without a base class."""

    def __init__(self, error: Exception | None = None) -> None:
        self.calls: list[tuple[str, dict[str, Any], int]] = []
        self._error = error

    async def schedule_retry(self, stream_name: str, payload: dict[str, Any], delay: int = 60) -> None:
        if self._error:
            raise self._error
        self.calls.append((stream_name, payload, delay))


def test_the_parameters_are_those_of_the_documented_api() -> None:
    def shared(function: Any) -> list[tuple[str, Any]]:
        parameters = inspect.signature(function).parameters.values()
        return [(p.name, p.default) for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]

    empty = inspect.Parameter.empty
    assert shared(BotRedisDispatcher) == [("retry_scheduler", None)]
    assert shared(BotRedisDispatcher().process_message) == [
        ("message_data", empty),
        ("stream_name", "bot_events"),
    ]
    assert shared(BotRedisDispatcher().on_message) == [("message_type", empty), ("filter_func", None)]
    assert shared(RedisRouter().message) == [("message_type", empty), ("filter_func", None)]
    assert isinstance(Scheduler(), RetrySchedulerProtocol)


async def test_all_routes_of_a_message_have_the_container_that_it_began_with() -> None:
    dispatcher, router, seen = BotRedisDispatcher(), RedisRouter(), list[str]()

    async def first(_payload: Any, container: str) -> None:
        seen.append(container)
        dispatcher.setup("later")

    async def second(_payload: Any, container: str) -> None:
        seen.append(container)

    for handler in (first, second):
        router.message("t")(handler)
    dispatcher.include_router(router)
    dispatcher.setup("early")
    for _ in range(2):
        await dispatcher.process_message({"type": "t"})
    assert seen == ["early", "early", "later", "later"]


async def test_before_setup_nothing_is_processed_and_nothing_is_acked() -> None:
    dispatcher = BotRedisDispatcher()
    with pytest.raises(SetupError, match="setup"):
        await dispatcher.process_message({"type": "booked"})


@pytest.mark.parametrize("container", [None, {}, object()])
async def test_every_handler_gets_the_container(container: Any) -> None:
    got = []

    async def handler(payload: dict[str, Any], container: Any) -> None:
        got.append(container)

    dispatcher = dispatcher_of(handler)
    dispatcher.setup(container)
    await dispatcher.process_message({"type": "booked"})
    assert got == [container]


async def test_handlers_of_the_type_run_in_the_order_of_their_registration() -> None:
    own, first, second = Handling("own"), Handling("first"), Handling("second")
    router = RedisRouter()
    router.message("booked")(first)
    router.message("cancelled")(Handling("other", failing()))
    dispatcher = dispatcher_of(own)
    dispatcher.include_router(router)
    await dispatcher.process_message({"type": "booked"})
    router.message("booked")(second)  # registered after the inclusion, and after a message
    await dispatcher.process_message({"type": "booked"})
    assert [len(handler.seen) for handler in (own, first, second)] == [2, 2, 1]


def test_a_router_returns_the_handler_and_lists_its_routes() -> None:
    async def handler(payload: dict[str, Any], container: Any) -> None: ...

    def is_urgent(payload: dict[str, Any]) -> bool:
        return bool(payload.get("urgent"))

    router = RedisRouter()
    assert router.message("booked", is_urgent)(handler) is handler
    assert router.handlers["booked"][0] == (handler, is_urgent)
    with pytest.raises(TypeError):
        router.handlers["booked"] = []  # type: ignore[index]  # that it cannot be written is the point


async def test_a_filter_decides_whether_its_handler_runs() -> None:
    handler = Handling()
    dispatcher = dispatcher_of()
    dispatcher.on_message("booked", filter_func=lambda payload: payload["nights"] > 2)(handler)
    await dispatcher.process_message({"type": "booked", "nights": 2})
    await dispatcher.process_message({"type": "booked", "nights": 3})
    assert handler.seen == [{"type": "booked", "nights": 3}]


@pytest.mark.parametrize(
    "error",
    [
        *(KeyError("nights"), SystemExit(1), KeyboardInterrupt(), GeneratorExit(), StopIteration()),
        *(asyncio.CancelledError(), BaseExceptionGroup("both", [SystemExit()])),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_filter_that_raises_is_its_own_route_s_failure_for_good(error: BaseException) -> None:
    def refuse(payload: dict[str, Any]) -> bool:
        raise error

    good = Handling("good")
    dispatcher = dispatcher_of()
    dispatcher.on_message("booked", refuse)(Handling("bad"))
    dispatcher.on_message("booked")(good)
    booked = message()
    await dispatcher.process_message(booked)
    [dead] = booked.delivery.outcomes or []
    assert isinstance(dead, DeadLetter)
    assert (dead.route, dead.reason, len(good.seen)) == ("consuming.bad", "the filter failed", 1)


async def test_one_failure_does_not_stop_the_other_handlers() -> None:
    good = Handling("good")
    with pytest.raises(RoutesFailedError, match=r"consuming\.bad: RuntimeError: no luck"):
        await dispatcher_of(Handling("bad", failing()), good).process_message({"type": "booked"})
    assert len(good.seen) == 1


async def test_the_cause_of_the_failure_is_the_first_handlers_exception() -> None:
    first = KeyError("nights")
    dispatcher = dispatcher_of(Handling("bad", failing(first)), Handling("worse", failing(OSError("away"))))
    with pytest.raises(RoutesFailedError) as raised:
        await dispatcher.process_message({"type": "booked"})
    assert raised.value.__cause__ is first


@pytest.mark.parametrize("truth", [False, None])
async def test_the_truth_of_an_exception_is_not_asked(truth: bool | None) -> None:
    """A class may define it, and may raise there (None): the other routes run all the same."""

    class SilentError(Exception):
        def __bool__(self) -> bool:
            if truth is None:
                raise OSError("away")
            return truth

    async def bad(payload: dict[str, Any], container: Any) -> None:
        raise first

    first, good = SilentError(), Handling("good")
    dispatcher = dispatcher_of(bad, Handling("worse", failing(KeyError())), good)
    with pytest.raises(RoutesFailedError) as raised:
        await dispatcher.process_message({"type": "booked"})
    assert raised.value.__cause__ is first
    assert len(good.seen) == 1


async def test_an_exception_does_not_outlive_its_message() -> None:
    """A cycle with the traceback's frame would keep payloads alive until garbage collection."""

    alive: list[weakref.ref[BaseException]] = []

    class OddError(Exception):
        def __init__(self) -> None:
            alive.append(weakref.ref(self))

    async def fail(payload: dict[str, Any], container: Any) -> None:
        raise OddError

    gc.disable()
    try:
        with suppress(RoutesFailedError):
            await dispatcher_of(fail).process_message({"type": "booked"})
        assert [error() for error in alive] == [None]
    finally:
        gc.enable()


async def test_outcomes_are_collected_where_the_storage_settles_them() -> None:
    policy = RetryPolicy(max_attempts=2, delay=3, multiplier=10, jitter=0)
    dispatcher = dispatcher_of(Handling("bad", failing(ValueError("oops"))), retry=policy)
    first, last = message(), message(attempt=2)
    await dispatcher.process_message(first)
    await dispatcher.process_message(last)
    assert first.delivery.outcomes == [
        RetryLater("consuming.bad", 3, 2, "ValueError: oops", error_class="ValueError")
    ]
    [dead] = last.delivery.outcomes or []
    assert isinstance(dead, DeadLetter)
    assert (dead.route, dead.attempt, dead.error) == ("consuming.bad", 2, "ValueError: oops")


async def test_the_cause_of_a_retry_is_recorded() -> None:
    async def handler(payload: dict[str, Any], container: Any) -> None:
        raise Retry(delay=5) from ValueError("the cause")

    got = message()
    await dispatcher_of(handler).process_message(got)
    [retry] = got.delivery.outcomes or []
    assert isinstance(retry, RetryLater)
    assert (retry.delay, retry.error) == (5, "ValueError: the cause")


@pytest.mark.parametrize("delay", ["1", timedelta(seconds=1), math.inf, math.nan, 1e300, [1]])
async def test_a_retry_that_could_never_be_written_is_a_failure_of_its_handler(delay: Any) -> None:
    async def handler(payload: dict[str, Any], container: Any) -> None:
        raise Retry(delay=delay)

    got = message()
    await dispatcher_of(handler, retry=RetryPolicy(delay=3, jitter=0)).process_message(got)
    [retry] = got.delivery.outcomes or []
    assert isinstance(retry, RetryLater)
    assert (retry.delay, retry.attempt) == (3, 2)
    assert retry.error == f"TypeError: Retry(delay=...) takes a number of seconds, not {delay!r}"


async def test_a_handler_with_a_route_key_cannot_exceed_the_attempts() -> None:
    handler = Handling(then=failing(Retry(delay=5)))
    vars(handler)["route_key"] = "thank"
    got = message(attempt=1000)
    await dispatcher_of(handler, retry=RetryPolicy(max_attempts=2)).process_message(got)
    [letter] = got.delivery.outcomes or []
    assert isinstance(letter, DeadLetter)
    assert (letter.route, letter.reason) == ("thank", "failed after 1000 attempts")


async def test_handlers_with_equal_names_are_distinguished() -> None:
    """A retry of the second must not run the first again, which succeeded."""
    one, two = Handling("same"), Handling("same", failing())
    got = message()
    dispatcher = dispatcher_of(one, two)
    await dispatcher.process_message(got)
    [retry] = got.delivery.outcomes or []
    assert retry.route == "consuming.same#2"
    await dispatcher.process_message(message(attempt=2, routes=frozenset([retry.route])))
    assert (len(one.seen), len(two.seen)) == (1, 2)


async def test_a_retry_runs_only_its_routes_and_dead_letters_those_that_are_gone() -> None:
    one, two = Handling("one"), Handling("two")
    got = message(attempt=2, routes=frozenset(["consuming.two", "consuming.gone"]))
    await dispatcher_of(one, two).process_message(got)
    assert (len(one.seen), len(two.seen)) == (0, 1)
    assert [outcome.route for outcome in got.delivery.outcomes or []] == ["consuming.gone"]


async def test_an_unknown_type_is_acked_counted_and_warned_of_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    results = []
    dispatcher = dispatcher_of(observer=lambda payload, route, result: results.append((route, result)))
    for _ in range(3):
        await dispatcher.process_message({"type": "strange"})
    assert results == [(None, Result.UNKNOWN)] * 3
    assert len([record for record in caplog.records if record.levelno == logging.WARNING]) == 1


async def test_unknown_types_of_a_megabyte_are_not_kept() -> None:
    dispatcher = dispatcher_of()
    tracemalloc.start()
    try:
        for number in range(1_500):
            await dispatcher.process_message({"type": f"{number} {'x' * 1_000_000}"})
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 3_000_000  # pytest's log capture keeps a line of each


async def test_a_type_that_is_an_enum_member_is_its_string_value() -> None:
    handler = Handling()
    await dispatcher_of(handler).process_message({"type": Kind.BOOKED})
    assert len(handler.seen) == 1


async def test_a_retry_runs_in_its_route_although_that_lists_its_type_no_longer() -> None:
    """The type was moved to another route: messages accepted by the old one stay with it."""
    old, new = Handling("old"), Handling("new")
    dispatcher = dispatcher_of(new)
    dispatcher.on_message("changed")(old)
    got = message(routes=frozenset(["consuming.old"]), attempt=2)
    await dispatcher.process_message(got)
    assert (len(old.seen), len(new.seen), got.delivery.outcomes) == (1, 0, [])


async def test_a_route_that_is_registered_later_is_found_by_its_name() -> None:
    handler, dispatcher = Handling("old"), dispatcher_of(Handling("new"))
    for _ in range(2):
        await dispatcher.process_message(message(routes=frozenset(["consuming.old"])))
        dispatcher.on_message("changed")(handler)
    assert len(handler.seen) == 1


async def test_an_unknown_type_is_dead_lettered_if_configured() -> None:
    got = message({"type": "strange"})
    await dispatcher_of(unknown_type="dead_letter").process_message(got)
    assert got.delivery.outcomes == [DeadLetter(None, "no route lists the type 'strange'")]


@pytest.mark.parametrize("payload", [{}, {"type": ""}, {"type": None}, {"type": 7}, {"type": ["booked"]}])
async def test_a_message_without_a_type_has_nowhere_to_go(payload: dict[str, Any]) -> None:
    with pytest.raises(RoutesFailedError, match="type"):
        await dispatcher_of(Handling()).process_message(payload)
    got = message(payload)
    await dispatcher_of(Handling()).process_message(got)
    assert [type(outcome) for outcome in got.delivery.outcomes or []] == [DeadLetter]


@pytest.mark.parametrize(
    ("booked", "text"),
    [
        (message({"nights": 3}, id="1-1"), "message 1-1 failed permanently: the message has no type"),
        (message(routes=frozenset(["gone"])), "the route 'gone' is no longer configured"),
        (message({"type": "other"}), "no route lists the type 'other'"),
    ],
)
async def test_a_message_that_reaches_no_handler_is_dead_lettered_with_a_line_in_the_log(
    booked: Message, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    await dispatcher_of(Handling("good"), unknown_type="dead_letter").process_message(booked)
    [outcome] = booked.delivery.outcomes or []
    assert isinstance(outcome, DeadLetter)
    assert [text in record.getMessage() for record in caplog.records] == [True]


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("no luck"), "failed after 1 attempt: ValueError: no luck"),
        (ValueError(), "failed after 1 attempt: ValueError"),
        (Reject("no price"), "no price"),
        (
            Reject("failed after 3 attempts: ValueError: no luck"),
            "failed after 3 attempts: ValueError: no luck",
        ),
    ],
)
async def test_a_final_failure_shows_its_error_once(
    error: Exception, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    await dispatcher_of(Handling("bad", failing(error)), retry=RetryPolicy(max_attempts=1)).process_message(
        message()
    )
    assert caplog.messages == [f"route consuming.bad failed permanently (attempt 1): {text}"]


async def test_every_outcome_of_a_route_is_observed() -> None:
    results = []
    dispatcher = dispatcher_of(
        Handling("good"),
        Handling("bad", failing()),
        Handling("worst", failing(Reject("x"))),
        observer=lambda payload, route, result: results.append((route, result)),
    )
    dispatcher.on_message("booked", lambda payload: False)(Handling("idle"))
    await dispatcher.process_message(message())
    assert sorted(results, key=str) == [
        ("consuming.bad", Result.RETRIED),
        ("consuming.good", Result.SUCCEEDED),
        ("consuming.idle", Result.FILTERED),
        ("consuming.worst", Result.DEAD),
    ]


async def test_a_scheduler_is_handed_the_payload_with_the_reserved_key() -> None:
    scheduler = Scheduler()
    dispatcher = dispatcher_of(Handling("bad", failing()), Handling("good"), retry_scheduler=scheduler)
    got = message({"type": "booked", "n": "1"})
    await dispatcher.process_message(got, "orders")
    envelope = {"v": 2, "id": "1-0", "group": GROUP, "routes": ["consuming.bad"], "attempt": 2}
    [(stream, payload, delay)] = scheduler.calls
    assert (stream, payload, delay) == ("orders", {"type": "booked", "n": "1", "_streamroute": ANY}, 60)
    assert json.loads(payload["_streamroute"]) == envelope | {"proof": ANY}
    assert got.delivery.outcomes == []
    assert "_streamroute" not in got


async def test_a_scheduler_receives_the_messages_stream() -> None:
    """A processor's callback receives the payload only, so the stream must come with it."""
    scheduler = Scheduler()
    dispatcher = dispatcher_of(Handling("bad", failing()), retry_scheduler=scheduler)
    await dispatcher.process_message(message(stream="orders"))
    await dispatcher.process_message(message(stream="orders"), "invoices")
    await dispatcher.process_message({"type": "booked"})
    assert [stream for stream, _, _ in scheduler.calls] == ["orders", "invoices", "bot_events"]


async def test_an_external_retry_runs_only_its_routes_in_its_group() -> None:
    scheduler = Scheduler()
    bad, good = Handling("bad", failing()), Handling("good")
    dispatcher = dispatcher_of(bad, good, retry_scheduler=scheduler)
    await dispatcher.process_message(message())
    [(_, payload, _)] = scheduler.calls
    await dispatcher.process_message(message(payload, group="others"))
    assert (len(bad.seen), len(good.seen)) == (1, 1)
    await dispatcher.process_message(message(payload, id="9-0"))
    assert (len(bad.seen), len(good.seen)) == (2, 1)
    assert bad.seen[1] == {"type": "booked"}
    assert (bad.seen[1].id, bad.seen[1].attempt) == ("1-0", 2)
    assert json.loads(scheduler.calls[1][1]["_streamroute"])["attempt"] == 3


@pytest.mark.parametrize("group", [None, GROUP])
async def test_plain_payloads_are_scheduled_and_promoted(group: str | None) -> None:
    scheduler, handler = Scheduler(), Handling("bad", failing())
    dispatcher = dispatcher_of(handler, retry_scheduler=scheduler, group_name=group)
    await dispatcher.process_message({"type": "booked"})
    [(_, payload, _)] = scheduler.calls
    assert json.loads(payload["_streamroute"])["group"] == (group or "")
    await dispatcher.process_message(payload)
    assert [json.loads(call[1]["_streamroute"])["attempt"] for call in scheduler.calls] == [2, 3]


@pytest.mark.parametrize("plain", [True, False])
async def test_a_scheduler_that_raises_keeps_the_entry_unacked(plain: bool) -> None:
    dispatcher = dispatcher_of(
        Handling("bad", failing()), retry_scheduler=Scheduler(OSError("the queue is down"))
    )
    with pytest.raises(OSError, match="the queue is down"):
        await dispatcher.process_message({"type": "booked"} if plain else message())


async def test_a_dead_letter_without_a_place_keeps_the_whole_entry_and_schedules_nothing() -> None:
    """The entry will be redelivered, and anything scheduled besides would run twice."""
    scheduler = Scheduler()
    dispatcher = dispatcher_of(
        Handling("again", failing()), Handling("never", failing(Reject("x"))), retry_scheduler=scheduler
    )
    with pytest.raises(RoutesFailedError):
        await dispatcher.process_message({"type": "booked"})
    assert scheduler.calls == []


async def test_the_cancellation_of_the_running_task_is_not_a_failure_of_the_handler() -> None:
    got, never = message(), asyncio.Event()
    handler = Handling(then=lambda payload: never.wait())
    running = asyncio.create_task(dispatcher_of(handler).process_message(got))
    await eventually(lambda: handler.seen)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert got.delivery.outcomes == []


async def test_a_raised_failure_is_observed_for_each_route() -> None:
    reported: list[tuple[str | None, Result]] = []
    dispatcher = dispatcher_of(
        Handling("good"),
        Handling("bad", failing()),
        Handling("worse", failing()),
        observer=lambda _payload, route, result: reported.append((route, result)),
    )
    with pytest.raises(RoutesFailedError):
        await dispatcher.process_message({"type": "booked"})
    assert [result for _, result in reported] == [Result.SUCCEEDED, Result.FAILED, Result.FAILED]
    assert len({route for route, _ in reported}) == 3


async def test_a_retry_runs_the_route_of_its_type_where_another_types_has_the_same_name() -> None:
    dispatcher = dispatcher_of(here := Handling("same"))
    dispatcher.on_message("cancelled")(there := Handling("same"))
    [route] = dispatcher.known_routes().routes
    await dispatcher.process_message(message(routes=frozenset({route})))
    await dispatcher.process_message(message({"type": "cancelled"}, routes=frozenset({route})))
    assert [seen["type"] for seen in here.seen] == ["booked"]
    assert [seen["type"] for seen in there.seen] == ["cancelled"]


async def test_a_foreign_schedulers_retry_is_the_entry_that_it_came_in() -> None:
    """Later checks (dedupe, lease) concern the pending entry."""
    scheduler = Scheduler()
    await dispatcher_of(Handling("fails", failing()), retry_scheduler=scheduler).process_message(
        {"type": "booked"}
    )
    [(_, payload, _)] = scheduler.calls
    again = dispatcher_of(handler := Handling("fails"))
    await again.process_message(
        message_of(payload, id="7-0", entry_id="7-0", pending_key="bot_events", outcomes=[])
    )
    [seen] = handler.seen
    assert (seen.delivery.entry_id, seen.delivery.pending_key) == ("7-0", "bot_events")


class Settling(Scheduler):
    """A scheduler that leaves the retries of a message to its settlement, if it has one."""

    settles = True


async def test_a_scheduled_retry_is_observed_once_and_other_outcomes_are_collected() -> None:
    reported: list[tuple[str | None, Result]] = []
    scheduler = Scheduler()
    dispatcher = dispatcher_of(
        Handling("again", failing()),
        Handling("never", failing(Reject("no price"))),
        Handling("later", failing(Postpone(delay=3))),
        retry_scheduler=scheduler,
        observer=lambda _payload, route, result: reported.append((route, result)),
    )
    got = message()
    await dispatcher.process_message(got)
    [(_, payload, _)] = scheduler.calls
    assert json.loads(payload["_streamroute"])["routes"] == ["consuming.again"]
    assert [outcome.route for outcome in got.delivery.outcomes or []] == [
        "consuming.never",
        "consuming.later",
    ]
    assert sorted(reported, key=str) == [
        ("consuming.again", Result.RETRIED),
        ("consuming.later", Result.POSTPONED),
        ("consuming.never", Result.DEAD),
    ]


@pytest.mark.parametrize("settles", [True, False])
async def test_a_scheduler_that_settles_leaves_a_message_to_its_settlement(settles: bool) -> None:
    """One step together with the acknowledgement is better than two; a plain payload has no settlement."""
    scheduler: Scheduler = Settling() if settles else Scheduler()
    vars(scheduler)["settles"] = True  # an instance attribute does not count: a mock has it too
    dispatcher = dispatcher_of(Handling("again", failing()), retry_scheduler=scheduler)
    got = message()
    await dispatcher.process_message(got)
    assert (len(scheduler.calls), len(got.delivery.outcomes or [])) == ((0, 1) if settles else (1, 0))
    await dispatcher.process_message({"type": "booked"})
    assert len(scheduler.calls) == (1 if settles else 2)


async def test_a_postponed_route_of_a_plain_payload_is_scheduled() -> None:
    """It cannot wait anywhere else."""
    scheduler = Scheduler()
    dispatcher = dispatcher_of(Handling("later", failing(Postpone(delay=3))), retry_scheduler=scheduler)
    await dispatcher.process_message({"type": "booked"})
    [(_, payload, delay)] = scheduler.calls
    assert (json.loads(payload["_streamroute"])["attempt"], delay) == (1, 3)


async def test_routes_that_failed_together_come_back_together_when_the_last_of_them_may() -> None:
    scheduler = Scheduler()
    dispatcher = dispatcher_of(
        Handling("soon", failing(Retry(delay=1))),
        Handling("late", failing(Retry(delay=7.2))),
        Handling("first", failing(Retry(delay=3))),
        retry_scheduler=scheduler,
    )
    await dispatcher.process_message({"type": "booked"})
    [(_, payload, delay)] = scheduler.calls
    assert json.loads(payload["_streamroute"])["routes"] == [
        "consuming.first",
        "consuming.late",
        "consuming.soon",
    ]
    assert (delay, type(delay)) == (8, int)


async def test_by_default_a_failure_comes_back_in_a_minute() -> None:
    scheduler = Scheduler()
    for _ in range(5):
        await dispatcher_of(Handling("bad", failing()), retry_scheduler=scheduler).process_message(
            {"type": "booked"}
        )
    assert {delay for _, _, delay in scheduler.calls} == {60}


async def test_after_a_lost_lease_no_route_runs_and_nothing_is_written() -> None:
    """The entry belongs to another worker, which runs them."""
    reported: list[Result] = []
    second = Handling("second")
    dispatcher = dispatcher_of(
        Handling("first", failing(LeaseLostError("it is theirs"))),
        second,
        observer=lambda _payload, _route, result: reported.append(result),
    )
    got = message()
    with pytest.raises(LeaseLostError):
        await dispatcher.process_message(got)
    assert (second.seen, got.delivery.outcomes, reported) == ([], [], [])


class Unwatched:
    """A third-party router that does not announce later registrations."""

    def __init__(self) -> None:
        self.handlers: dict[str, list[tuple[Any, Any]]] = {}


async def test_later_registrations_of_a_foreign_router_count() -> None:
    router: Any = Unwatched()
    dispatcher = dispatcher_of()
    dispatcher.include_router(router)
    first, second, third = Handling("first"), Handling("second"), Handling("third")
    router.handlers["booked"] = [(first, None)]
    await dispatcher.process_message({"type": "booked"})
    router.handlers["booked"].append((second, None))
    await dispatcher.process_message({"type": "booked"})
    for _ in range(2):
        await dispatcher.process_message(message(routes=frozenset(["consuming.third"])))
        router.handlers["changed"] = [(third, None)]
    assert [len(handler.seen) for handler in (first, second, third)] == [2, 1, 1]


async def test_a_retry_of_two_names_of_one_route_runs_it_once() -> None:
    """Its former name and its current one."""
    old = Handling("old")
    vars(old)["formerly"] = ("older", "oldest")
    dispatcher = dispatcher_of(Handling("new"))
    dispatcher.on_message("changed")(old)
    got = message(routes=frozenset(["older", "oldest", "consuming.old"]))
    await dispatcher.process_message(got)
    assert (len(old.seen), got.delivery.outcomes) == (1, [])


async def test_a_router_that_is_included_later_is_known_to_retries() -> None:
    handler, router = Handling("old"), RedisRouter()
    router.message("changed")(handler)
    dispatcher = dispatcher_of(Handling("new"))
    for _ in range(2):
        await dispatcher.process_message(message(routes=frozenset(["consuming.old"])))
        dispatcher.include_router(router)
    assert len(handler.seen) == 1


async def test_a_router_that_is_included_later_counts_for_types_that_were_seen() -> None:
    handler, router = Handling("late"), RedisRouter()
    router.message("booked")(handler)
    dispatcher = dispatcher_of(Handling("new"))
    await dispatcher.process_message({"type": "booked"})
    dispatcher.include_router(router)
    await dispatcher.process_message({"type": "booked"})
    assert len(handler.seen) == 1


def test_a_repertoire_is_every_route_with_its_former_names_and_every_type() -> None:
    old, router = Handling("old"), RedisRouter()
    vars(old)["formerly"] = ("older",)
    router.message("changed")(old)
    dispatcher = dispatcher_of(Handling("new"), Handling("new"))
    dispatcher.include_router(router)
    assert dispatcher.known_routes() == (
        frozenset(["consuming.new", "consuming.new#2", "consuming.old", "older"]),
        frozenset(["booked", "changed"]),
    )


async def test_a_thousand_unknown_types_are_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    dispatcher = dispatcher_of()
    for number in range(1001):
        for _ in range(2):
            await dispatcher.process_message({"type": f"t{number}"})
    assert len(caplog.messages) == 1000
    assert len({vars(record)["coalesced_by"] for record in caplog.records}) == 1
    assert "'t999'" in caplog.messages[-1]


async def test_a_filter_that_raised_has_accepted_nothing() -> None:
    """A requeued dead letter is filtered again."""

    def refuse(payload: dict[str, Any]) -> bool:
        raise KeyError("nights")

    dispatcher, got = dispatcher_of(), message(attempt=3)
    dispatcher.on_message("booked", refuse)(Handling("bad"))
    await dispatcher.process_message(got)
    [letter] = got.delivery.outcomes or []
    assert isinstance(letter, DeadLetter)
    assert (letter.accepted, letter.attempt) == (False, 3)


async def test_all_filters_run_before_the_first_handler_and_payloads_are_separate() -> None:
    def change(payload: dict[str, Any]) -> None:
        payload["nights"] = 0
        payload["rooms"].append(1)

    first, second, third = Handling("first", change), Handling("second", change), Handling("third", change)
    dispatcher = dispatcher_of()
    for handler in (first, second, third):
        dispatcher.on_message("booked", lambda payload: payload["nights"] == 3)(handler)
    got = message({"type": "booked", "nights": 3, "rooms": []})
    await dispatcher.process_message(got)
    seen = [handler.seen[0] for handler in (first, second, third)]
    assert [payload["rooms"] for payload in seen] == [[1]] * 3
    assert seen[2] is got, "a single route, and the last of several, gets what was read"
    assert all(payload is not got for payload in seen[:2])


async def test_a_handler_may_report_a_skip() -> None:
    reported: list[Result] = []

    async def skipping(payload: Any, container: Any) -> Result:
        return Result.SKIPPED

    async def odd(payload: Any, container: Any) -> str:
        return "anything"

    dispatcher = dispatcher_of(
        skipping, odd, observer=lambda _payload, _route, result: reported.append(result)
    )
    await dispatcher.process_message({"type": "booked"})
    assert reported == [Result.SKIPPED, Result.SUCCEEDED]


class Elsewhere:
    """A worker of the group that knows what this one does not."""

    async def route_wait(self, message: Message, route: str) -> RouteWait:
        return RouteWait(2.0)

    async def type_wait(self, message: Message, message_type: str) -> RouteWait:
        return RouteWait(None if message_type == "nobody's" else 3.0)


async def test_retries_known_to_another_worker_are_left_to_it() -> None:
    reported: list[tuple[str | None, Result]] = []
    dispatcher = dispatcher_of(
        Handling("known"), observer=lambda _payload, route, result: reported.append((route, result))
    )
    of_route = message(routes=frozenset(["theirs", "consuming.known"]), coordinator=Elsewhere())
    of_type = message({"type": "theirs"}, coordinator=Elsewhere())
    of_nobody = message({"type": "nobody's"}, coordinator=Elsewhere())
    for got in (of_route, of_type, of_nobody):
        await dispatcher.process_message(got)
    assert of_route.delivery.outcomes == [RetryLater("theirs", 2.0, 1, "", postponed=True)]
    assert of_type.delivery.outcomes == [RetryLater("", 3.0, 1, "", postponed=True)]
    assert of_nobody.delivery.outcomes == []
    assert reported == [
        ("consuming.known", Result.SUCCEEDED),
        ("theirs", Result.POSTPONED),
        (None, Result.POSTPONED),
        (None, Result.UNKNOWN),
    ]


async def test_a_retry_of_a_type_that_no_route_lists_is_answered_for_by_its_routes() -> None:
    """If its routes are known here, it does not wait for a worker that lists the type."""
    old = Handling("old")
    dispatcher = dispatcher_of()
    dispatcher.on_message("changed")(old)
    got = message({"type": "gone"}, routes=frozenset(["consuming.old"]), coordinator=Elsewhere())
    await dispatcher.process_message(got)
    assert (len(old.seen), got.delivery.outcomes) == (1, [])


async def test_a_type_of_many_tenants_is_known_even_if_no_filter_matches() -> None:
    """A message that no route takes was rejected by all filters; its type is not unknown."""
    reported: list[tuple[str | None, Result]] = []
    dispatcher = dispatcher_of(observer=lambda _payload, route, result: reported.append((route, result)))
    handlers = [Handling(f"t{n}") for n in range(20)]
    for n, handler in enumerate(handlers):

        def accepts(payload: dict[str, Any], n: int = n) -> bool:
            return bool(payload["tenant"] == n)

        vars(accepts)["equalities"] = ((("tenant",), n),)
        dispatcher.on_message("booked", accepts)(handler)
    for tenant in (7, 99):
        await dispatcher.process_message({"type": "booked", "tenant": tenant})
    assert [len(handler.seen) for handler in handlers] == [n == 7 for n in range(20)]
    assert reported == [("consuming.t7", Result.SUCCEEDED)]


async def test_a_dispatcher_without_handlers_answers_for_a_retry() -> None:
    got = message(routes=frozenset(["gone"]))
    await dispatcher_of().process_message(got)
    assert [outcome.route for outcome in got.delivery.outcomes or []] == ["gone"]


def test_a_scheduler_s_usual_delay_is_a_minute() -> None:
    parameters = inspect.signature(RetrySchedulerProtocol.schedule_retry).parameters
    assert parameters["delay"].default == 60
