"""Messages are validated when they are started, before any filter or handler runs."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from itertools import pairwise
from typing import Any

import pytest
from redis.asyncio import Redis

from consuming import GROUP, STREAM, Handling, consuming, dispatcher_of, eventually, message, within_patience
from streamroute.adapters.entries.dead_record import DeadRecord
from streamroute.adapters.memory.storage import MemoryStreamStorage
from streamroute.adapters.stream.storage import RedisStreamStorage
from streamroute.compiler.runtime.data_validation import DataValidator
from streamroute.compiler.runtime.ordering_key import order_key
from streamroute.compiler.runtime.thread_pool import handler_threads, validation_threads, wait_for_threads
from streamroute.compiler.runtime.validating_dispatcher import ValidatingDispatcher
from streamroute.core.dispatch.outcomes import RoutesFailedError
from streamroute.core.dispatcher import BotRedisDispatcher
from streamroute.core.observer import Result, ignore_result
from streamroute.core.tracing import finished
from streamroute.message import ExpandingMessage, Message
from streamroute.ops.metrics.counters import Counters
from streamroute.ops.metrics.declarations import UNDECODABLE
from streamroute.values import DeadLetter

_LEASE = 2.0  # seconds; heartbeats come three times as often
WRONG = "the data is invalid: n must be a number"


@pytest.fixture(autouse=True)
def ended_threads() -> Iterator[None]:
    """End the threads of validation: a command that ends in this process would wait for them, and exit."""
    yield
    validation_threads().shutdown()
    validation_threads.cache_clear()


class SlowCheck:
    """A check that blocks its thread until ``proceed``; ``is_linear`` as in schema checks."""

    def __init__(self, *, is_linear: bool = False, wrong: str | None = None) -> None:
        self.is_linear = is_linear
        self.proceed = threading.Event()
        self.threads: list[int] = []
        self._wrong = wrong

    def __call__(self, data: Any) -> str | None:
        self.threads.append(threading.get_ident())
        assert self.proceed.wait(timeout=60), "the event loop stood still"
        return self._wrong


@contextmanager
def slow_check(**settings: Any) -> Iterator[SlowCheck]:
    check = SlowCheck(**settings)
    try:
        yield check
    finally:
        check.proceed.set()


def refusing(_data: Any) -> str | None:
    return "n must be a number"


def numbers_only(data: Any) -> str | None:
    return None if isinstance(data.get("n"), int) else "n must be a number"


def texts_only(data: Any) -> str | None:
    return None if isinstance(data.get("n"), str) else "n must be a text"


def validating(
    dispatcher: BotRedisDispatcher, check: Callable[[Any], str | None], observer: Any = ignore_result
) -> ValidatingDispatcher:
    return ValidatingDispatcher(
        dispatcher.process_message, DataValidator({"booked": check}, "json"), observer
    )


async def test_a_valid_message_is_dispatched_by_the_same_coroutine() -> None:
    """Validation of a small message costs no coroutine of its own."""
    note = Handling()
    dispatcher = dispatcher_of(note)
    for check in (numbers_only, refusing):
        payload = message({"type": "booked" if check is numbers_only else "other", "n": 1})
        running: Any = validating(dispatcher, check).process_message(payload)
        assert running.cr_code is BotRedisDispatcher.process_message.__code__
        await running
    assert [payload["n"] for payload in note.seen] == [1]


@pytest.mark.parametrize("attempt", [1, 3])
async def test_an_invalid_message_is_dead_lettered_before_any_filter_or_handler(
    attempt: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Retries are validated like first attempts."""
    ran: list[Any] = []

    def accepts(payload: dict[str, Any]) -> bool:
        ran.append(payload)
        return True

    dispatcher = dispatcher_of()
    dispatcher.on_message("booked", accepts)(Handling(then=ran.append))
    counters = Counters({STREAM: ("note",)})
    payload = message({"type": "booked", "n": "x"}, attempt=attempt)
    await finished(validating(dispatcher, numbers_only, counters.observe).process_message(payload))
    assert payload.delivery.outcomes == [DeadLetter(None, WRONG, attempt=attempt)]
    assert ran == []
    assert caplog.messages == [f"entry 1-0 of {STREAM} goes to the dead letters: {WRONG}"]
    assert (counters.failed, counters.event_total(UNDECODABLE)) == (1, 1)


@pytest.mark.parametrize("payload", [{"type": "booked"}, message({"type": "booked"}, outcomes=None)])
async def test_an_invalid_message_without_collected_outcomes_is_not_acknowledged(
    payload: dict[str, Any],
) -> None:
    results: list[Any] = []
    dispatcher = validating(dispatcher_of(Handling()), refusing, lambda *seen: results.append(seen[1:]))
    with pytest.raises(RoutesFailedError, match=WRONG):
        await finished(dispatcher.process_message(payload))
    assert results == [(None, Result.FAILED)]


@pytest.mark.parametrize(
    ("is_linear", "payload", "in_thread"),
    [
        (True, message(fields={b"data": b"x" * 60_000}), False),
        (True, message(fields={b"data": b"x" * 64_000}), True),
        (True, message(), False),
        (True, ExpandingMessage({"type": "booked"}), True),
        (False, message(), True),
        (False, {"type": "booked"}, True),
    ],
)
async def test_costly_messages_are_validated_in_a_thread(
    is_linear: bool, payload: dict[str, Any], in_thread: bool
) -> None:
    note = Handling()
    with slow_check(is_linear=is_linear) as check:
        check.proceed.set()
        await within_patience(finished(validating(dispatcher_of(note), check).process_message(payload)))
        assert [thread != threading.get_ident() for thread in check.threads] == [in_thread]
        assert len(note.seen) == 1


async def test_a_check_without_a_statement_counts_as_linear() -> None:
    threads: list[int] = []
    dispatcher = validating(dispatcher_of(Handling()), lambda _data: threads.append(threading.get_ident()))
    await finished(dispatcher.process_message(message()))
    assert threads == [threading.get_ident()]


async def test_a_message_that_is_invalid_in_a_thread_is_dead_lettered() -> None:
    note, payload = Handling(), message()
    with slow_check(wrong="n must be a number") as check:
        check.proceed.set()
        await within_patience(finished(validating(dispatcher_of(note), check).process_message(payload)))
    assert payload.delivery.outcomes == [DeadLetter(None, WRONG)]
    assert note.seen == []


async def test_at_most_eight_messages_are_validated_at_once() -> None:
    """More threads would slow the event loop. Messages that wait are dispatched later."""
    note = Handling()
    with slow_check() as check:
        dispatcher = validating(dispatcher_of(note), check)
        running = [asyncio.ensure_future(finished(dispatcher.process_message(message()))) for _ in range(12)]
        await eventually(lambda: len(check.threads) == 8)
        await asyncio.sleep(0.05)
        assert len(check.threads) == 8
        check.proceed.set()
        await within_patience(asyncio.gather(*running))
    assert len(note.seen) == 12


# In a processor.


class Released(MemoryStreamStorage):
    """A storage that records releases."""

    def __init__(self) -> None:
        super().__init__(block=0.02)
        self.released: list[tuple[str, bool]] = []

    async def release(
        self,
        stream_name: str,
        group_name: str,
        consumer_name: str,
        messages: Mapping[str, Message],
        *,
        started: bool,
    ) -> None:
        self.released += [(name, started) for name in messages]
        await super().release(stream_name, group_name, consumer_name, messages, started=started)


def add(storage: MemoryStreamStorage, n: Any) -> str:
    return storage.add(STREAM, {"type": "booked", "data": json.dumps({"n": n})})


async def test_a_queued_entry_meets_the_checks_and_the_routes_of_one_configuration() -> None:
    """An entry that is read under one configuration and started under another fits the other's schema."""
    storage, going_on = MemoryStreamStorage(block=0.02), asyncio.Event()
    old, new = Handling(then=lambda _payload: going_on.wait()), Handling()
    now = validating(dispatcher_of(old), numbers_only)
    await storage.create_group(STREAM, GROUP)
    for n in (1, 2, "three"):
        add(storage, n)

    def process(payload: dict[str, Any]) -> Any:
        return now.process_message(payload)

    async with consuming(storage, process, concurrency=1) as running:
        await eventually(lambda: old.seen and len(running._lifecycle.waiting()) == 2)
        now = validating(dispatcher_of(new), texts_only)
        going_on.set()
        await eventually(lambda: new.seen)
    assert [payload["n"] for payload in (*old.seen, *new.seen)] == [1, "three"]
    [letter] = storage.dead_letters(STREAM, GROUP)
    assert letter.reason == "the data is invalid: n must be a text"


async def test_a_validation_that_outlasts_the_grace_is_cut_off_and_its_entry_released() -> None:
    storage, note = Released(), Handling()
    with slow_check() as check:
        dispatcher = validating(dispatcher_of(note), check)
        await storage.create_group(STREAM, GROUP)
        entry_id = add(storage, 1)
        async with consuming(storage, dispatcher.process_message, grace=0.05):
            await eventually(lambda: check.threads)
            loop = asyncio.get_running_loop()
            stopping_since = loop.time()
        assert loop.time() - stopping_since < 5, "the drain did not wait for the thread"
        assert storage.released == [(entry_id, True)]
        assert storage.dead_letters(STREAM, GROUP) == []
        check.proceed.set()
        async with consuming(storage, dispatcher.process_message):
            await eventually(lambda: note.seen)
    assert len(note.seen) == 1, "the validation that was cut off does not dispatch"


async def test_a_validation_that_ends_within_the_grace_is_dispatched_and_settled() -> None:
    storage, note = Released(), Handling()
    with slow_check() as check:
        dispatcher = validating(dispatcher_of(note), check)
        await storage.create_group(STREAM, GROUP)
        add(storage, 1)
        async with consuming(storage, dispatcher.process_message):
            await eventually(lambda: check.threads)
            asyncio.get_running_loop().call_later(0.05, check.proceed.set)
    assert len(note.seen) == 1
    assert storage.released == []


async def test_a_last_delivery_is_validated_alone() -> None:
    """Its validation may be what killed the worker, so that nothing else runs beside it."""
    storage, note = MemoryStreamStorage(block=0.02), Handling()
    await storage.create_group(STREAM, GROUP)
    add(storage, 0)
    [(name, held)] = await storage.read_events(STREAM, GROUP, "dead", 1)
    assert isinstance(held, Message)
    storage._server.stream(STREAM).groups[GROUP].pending[name].deliveries = held.delivery.deliveries = 4
    await storage.release(STREAM, GROUP, "dead", {name: held}, started=True)
    with slow_check() as check:
        dispatcher = validating(dispatcher_of(note), check)
        async with consuming(storage, dispatcher.process_message, concurrency=4):
            await eventually(lambda: check.threads)
            add(storage, 1)
            await asyncio.sleep(0.1)
            assert len(check.threads) == 1
            check.proceed.set()
            await eventually(lambda: len(note.seen) == 2)
    assert [payload["n"] for payload in note.seen] == [0, 1]


@pytest.mark.parametrize("n", ["x", None, [1], {"a": [True]}, 1e300, pytest.param(10**400, id="huge")])
async def test_ordering_keys_of_unvalidated_payloads_are_of_any_type(n: Any) -> None:
    storage, note = MemoryStreamStorage(block=0.02), Handling()
    await storage.create_group(STREAM, GROUP)
    for value in (n, n, 1):
        add(storage, value)
    dispatcher = validating(
        dispatcher_of(note), lambda data: None if data["n"] == 1 else "n must be a number"
    )
    async with consuming(storage, dispatcher.process_message, order_by=order_key("n")):
        await eventually(lambda: note.seen)
        await eventually(lambda: len(storage.dead_letters(STREAM, GROUP)) == 2)


async def test_the_end_of_a_service_does_not_wait_for_a_validation() -> None:
    with slow_check() as check:
        with handler_threads(1):
            running = asyncio.ensure_future(
                finished(validating(dispatcher_of(), check).process_message(message()))
            )
            await eventually(lambda: check.threads)
            running.cancel()
            await asyncio.wait([running])
        await eventually(lambda: wait_for_threads(0) == 1)
        check.proceed.set()
        assert wait_for_threads(20) == 0


# On a server.


@asynccontextmanager
async def stored(url: str, data: Any, **settings: Any) -> AsyncIterator[tuple[Any, RedisStreamStorage]]:
    client: Any = Redis.from_url(url)
    storage = RedisStreamStorage(client, **settings)
    await storage.create_group(STREAM, GROUP)
    await client.xadd(STREAM, {"type": "booked", "data": json.dumps(data)})
    try:
        yield client, storage
    finally:
        await client.aclose()


async def test_the_lease_of_an_entry_is_renewed_while_it_is_validated(redis_url: str) -> None:
    """However long validation takes compared to the lease, no other worker can claim the entry."""
    note = Handling()
    with slow_check(is_linear=True) as check:
        dispatcher = validating(dispatcher_of(note), check)
        async with (
            stored(redis_url, {"x": "x" * 100_000}, lease=_LEASE) as (client, storage),
            consuming(storage, dispatcher.process_message, lease=_LEASE),
        ):
            await eventually(lambda: check.threads)
            idle: list[int] = []
            while sum(later < before for before, later in pairwise(idle)) < 4:  # reset by a heartbeat
                [entry] = await client.xpending_range(STREAM, GROUP, "-", "+", 10)
                idle.append(int(entry["time_since_delivered"]))
                assert entry["times_delivered"] == 1
                await asyncio.sleep(0.01)
            check.proceed.set()
            await eventually(lambda: note.seen)
            assert check.threads[0] != threading.get_ident()
    assert len(check.threads) == 1


async def test_the_dead_letter_of_an_invalid_entry_holds_its_raw_fields(redis_url: str) -> None:
    async with stored(redis_url, {"n": "s3cret"}) as (client, storage):
        dispatcher = validating(dispatcher_of(Handling()), numbers_only)
        async with consuming(storage, dispatcher.process_message):
            [(_, fields)] = await eventually(lambda: client.xrange(f"{{{STREAM}}}:{GROUP}:dead"))
    letter = DeadRecord.read(fields)
    assert (letter.route, letter.reason) == (None, WRONG)
    assert letter.fields == {b"type": b"booked", b"data": b'{"n": "s3cret"}'}
