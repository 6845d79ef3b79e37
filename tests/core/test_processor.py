"""The processor with storages that implement the protocol's methods only, and its parameters."""

from __future__ import annotations

import asyncio
import gc
import inspect
from functools import partial
from typing import Any
from unittest.mock import AsyncMock, create_autospec

import pytest

from consuming import (
    GROUP,
    STREAM,
    Handling,
    consuming,
    dispatcher_of,
    eventually,
    processor,
    within_patience,
)
from loop_clock import LoopClock, turns
from messages import message_of
from seed_storages import ClaimingStorage, PlainStorage
from streamroute.adapters.codecs.builtin import JsonCodec
from streamroute.adapters.entries.entry_pipeline import CodecPipeline
from streamroute.adapters.memory.storage import MemoryStreamStorage
from streamroute.core.consume.tuning import Tuning
from streamroute.core.processor import RedisStreamProcessor
from streamroute.core.storage import (
    StreamStorageProtocol,
    acks_many,
    blocks,
    claims,
    keeps_leases,
    promotes,
    releases,
    settles,
)
from streamroute.errors import SetupError
from streamroute.outages import Backoff
from streamroute.values import KnownRoutes


def test_the_parameters_are_those_of_the_documented_api() -> None:
    parameters = inspect.signature(RedisStreamProcessor).parameters.values()
    shared = [p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert [(p.name, p.default) for p in shared] == [
        *((name, inspect.Parameter.empty) for name in ("storage", "stream_name")),
        *((name, inspect.Parameter.empty) for name in ("consumer_group_name", "consumer_name")),
        ("batch_count", 10),
        ("poll_interval", 1.0),
    ]
    settings = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
    settings = {name: value for name, value in settings.items() if isinstance(value, int | float | None)}
    assert settings == {
        "concurrency": 1,
        "lease": 60.0,
        "claim_interval": 5.0,
        "max_deliveries": 5,
        "grace": 30.0,
        "ack_delay": 0.005,
        "prefetch": None,
        "order_by": None,
    }
    given = RedisStreamProcessor(MemoryStreamStorage(), STREAM, GROUP, "me", 7, 2.0)
    assert (given.stream_name, given.consumer_group_name, given.consumer_name) == (STREAM, GROUP, "me")


async def test_a_storage_of_three_methods_runs() -> None:
    storage = PlainStorage({"type": "booked", "n": "1"}, {"type": "booked", "n": "2"})
    handler = Handling()
    async with consuming(storage, dispatcher_of(handler).process_message):
        await eventually(lambda: len(storage.acked) == 2)
    assert storage.groups == [(STREAM, GROUP)]
    assert handler.seen == [{"type": "booked", "n": "1"}, {"type": "booked", "n": "2"}]
    assert storage.acked == ["1-0", "2-0"]


async def test_a_mock_that_answers_at_once_does_not_keep_the_handlers_from_running() -> None:
    """It returns the same entry forever, and never yields to the event loop."""
    storage = create_autospec(StreamStorageProtocol, instance=True)
    storage.read_events.side_effect = [[("1-0", {"type": "booked"})]] * 1000
    storage.claim_stale_events.return_value = []
    handler = Handling()
    async with consuming(storage, dispatcher_of(handler).process_message):
        await eventually(lambda: handler.seen)
        assert storage.read_events.await_count < 1000
    storage.ack_event.assert_awaited_with(STREAM, GROUP, "1-0")


async def test_a_storage_without_claims_leaves_failures_pending() -> None:
    storage = PlainStorage({"type": "booked", "n": "1"}, {"type": "booked", "n": "2"})

    async def callback(payload: dict[str, Any]) -> None:
        if payload["n"] == "1":
            raise RuntimeError("no luck")

    async with consuming(storage, callback):
        await eventually(lambda: storage.acked)
    assert storage.acked == ["2-0"]


async def test_a_storage_with_claims_is_queried_for_stale_entries() -> None:
    storage = ClaimingStorage()
    storage.stale = [("1-0", {"type": "booked"})]
    async with consuming(storage, dispatcher_of(Handling()).process_message, consumer="me", lease=7):
        await eventually(lambda: storage.acked == ["1-0"])
    assert storage.claims[0] == ("me", 7000, 10)


async def test_a_claim_of_what_is_in_flight_here_starts_no_second_run() -> None:
    proceed = asyncio.Event()
    handler = Handling(then=lambda payload: proceed.wait())
    storage = ClaimingStorage({"type": "booked"})
    async with consuming(storage, dispatcher_of(handler).process_message, concurrency=2):
        await eventually(lambda: handler.seen)
        storage.stale = [("1-0", {"type": "booked"})]
        seen = len(storage.claims)
        await eventually(lambda: len(storage.claims) > seen + 2)
        proceed.set()
        await eventually(lambda: storage.acked)
    assert (len(handler.seen), storage.acked) == (1, ["1-0"])


@pytest.mark.parametrize("storage", [AsyncMock(), create_autospec(PlainStorage, instance=True)])
async def test_a_mock_is_not_taken_for_a_storage_with_capabilities(storage: Any) -> None:
    storage.read_events.return_value = []
    capabilities = (acks_many, settles, releases, promotes, keeps_leases)
    assert [capability(storage) for capability in capabilities] == [None] * 5
    assert not claims(storage)
    assert not blocks(storage)
    storage.read_events.side_effect = [[("1-0", {"type": "booked"})]] + [[]] * 10_000
    async with consuming(storage, dispatcher_of(Handling()).process_message):
        await eventually(lambda: storage.ack_event.await_count)
    storage.ack_event.assert_awaited_once_with(STREAM, GROUP, "1-0")


def test_the_protocol_can_be_asked_at_run_time() -> None:
    assert isinstance(ClaimingStorage(), StreamStorageProtocol)
    assert isinstance(MemoryStreamStorage(), StreamStorageProtocol)


async def test_the_poll_interval_is_slept_where_reads_do_not_wait() -> None:
    storage = PlainStorage()
    async with consuming(storage, dispatcher_of().process_message, poll_interval=600):
        await eventually(lambda: storage.reads)
        for _ in range(100):
            await asyncio.sleep(0)
        assert storage.reads == 1


async def test_an_idle_blocking_storage_is_not_polled_in_a_busy_loop() -> None:
    class Counting(MemoryStreamStorage):
        reads = 0

        async def read_events(self, *args: Any) -> Any:
            self.reads += 1
            return await super().read_events(*args)

    storage, handler = Counting(block=600), Handling()
    async with consuming(storage, dispatcher_of(handler).process_message, poll_interval=600):
        storage.add(STREAM, {"type": "booked"})
        await eventually(lambda: handler.seen)
        for _ in range(200):
            await asyncio.sleep(0)
        assert storage.reads <= 3
        storage.add(STREAM, {"type": "booked"})
        await eventually(lambda: len(handler.seen) == 2)
        storage.block = 0.01
        storage.add(STREAM, {"type": "booked"})  # ends the long read, so that the stop is quick


async def test_a_group_that_cannot_be_created_raises_after_the_last_attempt() -> None:
    storage = PlainStorage()
    storage.fail["create_group"] = [ConnectionError(f"attempt {n}") for n in range(1, 6)]
    at_once = Tuning(backoff=Backoff(longest=0.0))
    worker = processor(storage, dispatcher_of().process_message, tuning=at_once)
    with pytest.raises(ConnectionError, match="attempt 5"):
        await worker.start_listening()
    await worker.start_listening()
    await worker.stop_listening()
    assert len(storage.groups) == 1


async def test_without_a_callback_nothing_starts() -> None:
    worker = RedisStreamProcessor(ClaimingStorage(), STREAM, GROUP, "me")
    with pytest.raises(SetupError, match="set_message_callback"):
        await worker.start_listening()


async def test_reading_and_acking_are_retried_after_errors() -> None:
    storage = PlainStorage({"type": "booked"})
    storage.fail = {"read_events": [OSError("gone")] * 2, "ack_event": [OSError("gone")] * 2}
    handler = Handling()
    async with consuming(storage, dispatcher_of(handler).process_message):
        await eventually(lambda: storage.acked)
    assert (storage.acked, len(handler.seen)) == (["1-0"], 1)
    assert len(storage.groups) == 3  # at the start, and after each error: the group may be gone as well


async def test_a_handler_that_cancels_its_own_task_costs_no_worker() -> None:
    def cancel_self(payload: dict[str, Any]) -> Any:
        if payload["n"] == "1":
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
        return asyncio.sleep(0)

    storage = PlainStorage(*({"type": "booked", "n": str(n)} for n in range(1, 4)))
    async with consuming(storage, dispatcher_of(Handling(then=cancel_self)).process_message):
        await eventually(lambda: storage.acked == ["2-0", "3-0"])


async def test_a_read_in_flight_is_waited_for_and_not_cancelled() -> None:
    """Its reply would be lost: the entries would be pending, unknown to any worker."""
    reading, answer = asyncio.Event(), asyncio.Event()

    class Slow(PlainStorage):
        cancelled = False

        async def read_events(self, *args: Any) -> Any:
            reading.set()
            try:
                await answer.wait()
            except asyncio.CancelledError:
                self.cancelled = True
                raise
            return await super().read_events(*args)

    storage, handler = Slow({"type": "booked"}), Handling()
    worker = processor(storage, dispatcher_of(handler).process_message)
    await worker.start_listening()
    await reading.wait()
    stopping = asyncio.create_task(worker.stop_listening())
    for _ in range(10):
        await asyncio.sleep(0)
    assert not stopping.done()
    answer.set()
    await stopping
    assert not storage.cancelled


async def test_its_settings_and_its_state_can_be_read() -> None:
    """Programs written for ``codex_bot.redis`` read these attributes."""
    worker = processor(PlainStorage(), dispatcher_of().process_message, batch_count=3, poll_interval=0.5)
    assert (worker.group_name, worker.batch_count, worker.poll_interval) == (GROUP, 3, 0.5)
    states = [worker.is_running]
    await worker.start_listening()
    states.append(worker.is_running)
    await worker.stop_listening()
    assert [*states, worker.is_running] == [False, True, False]


@pytest.mark.parametrize("storage", [None, object()])
async def test_what_is_no_storage_is_refused_at_once(storage: Any) -> None:
    """The project template of ``codex_bot`` passes the client itself."""
    with pytest.raises(SetupError, match=r"is not a storage of streams; pass RedisStreamStorage\(client\)"):
        await processor(storage, dispatcher_of().process_message).start_listening()


async def test_a_lot_that_cannot_be_settled_stops_the_intake() -> None:
    """Memory is bounded: finished but unsettled entries count."""
    storage = MemoryStreamStorage(block=0.01)
    storage.refuse = "there is no room"
    for _ in range(300):
        storage.add(STREAM, {"n": "no type: a dead letter"})
    callback, tuning = dispatcher_of().process_message, Tuning(max_unsettled=100)
    async with consuming(storage, callback, batch_count=10, tuning=tuning):
        await eventually(lambda: len(storage.pending(STREAM, GROUP)) >= 100)
        for _ in range(300):
            await asyncio.sleep(0)
        assert len(storage.pending(STREAM, GROUP)) < 150
        storage.refuse = None
        await eventually(lambda: not storage.unread(STREAM, GROUP) and not storage.pending(STREAM, GROUP))
        assert len(storage.dead_letters(STREAM, GROUP)) == 300


async def test_a_loop_that_ends_without_a_stop_ends() -> None:
    """A program that forgets stop_listening() must not hang when its event loop closes."""

    async def main() -> None:
        storage = PlainStorage({"type": "booked"})
        never = asyncio.Event()
        handler = Handling(then=lambda payload: never.wait())
        await processor(storage, dispatcher_of(handler).process_message).start_listening()
        await eventually(lambda: handler.seen)

    def run() -> None:
        loop = asyncio.new_event_loop()
        loop.set_exception_handler(lambda loop, context: None)  # it may report leftover tasks
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(main())
        gc.collect()

    await asyncio.wait_for(asyncio.to_thread(run), 60)


class NarrowStorage(ClaimingStorage):
    """A storage whose replies arrive only if they hold one entry: each entry has the maximum size."""

    async def read_events(
        self, stream_name: str, group_name: str, consumer_name: str, count: int
    ) -> list[tuple[str, dict[str, Any]]]:
        """Fail for more than one."""
        self._refuse(count, self.unread)
        return await super().read_events(stream_name, group_name, consumer_name, count)

    async def claim_stale_events(
        self, stream_name: str, group_name: str, consumer_name: str, min_idle_time: int, count: int
    ) -> list[tuple[str, dict[str, Any]]]:
        """Fail for more than one."""
        self._refuse(count, self.stale)
        return await super().claim_stale_events(stream_name, group_name, consumer_name, min_idle_time, count)

    def _refuse(self, count: int, there: list[Any]) -> None:
        if min(count, len(there)) > 1:
            raise TimeoutError("the reply did not arrive in time")


async def test_entries_too_large_to_arrive_together_are_fetched_one_by_one() -> None:
    """With the same batch size they would never arrive."""
    storage = NarrowStorage(*[{"type": "booked"}] * 5)
    storage.stale = [(f"0-{n}", {"type": "booked"}) for n in range(1, 6)]
    async with consuming(storage, dispatcher_of(Handling()).process_message):
        await eventually(lambda: len(storage.acked) == 10)


class Keeper:
    """A lease keeper of a consumer; it records its calls and the callbacks it received."""

    def __init__(self, events: list[str], where: tuple[str, str, str], asks: dict[str, Any]) -> None:
        self.events = events
        self.where = where
        self.asks = asks

    async def open(self) -> None:
        self.events.append("open")
        await asyncio.sleep(0)

    async def close(self) -> None:
        await asyncio.sleep(0)
        self.events.append("close")


class Keeping(PlainStorage):
    """A storage with a lease keeper; it records the order of events."""

    def __init__(self, *payloads: dict[str, Any]) -> None:
        super().__init__(*payloads)
        self.events: list[str] = []
        self.keepers: list[Keeper] = []

    def lease_keeper(self, stream_name: str, group_name: str, consumer_name: str, **asks: Any) -> Keeper:
        self.keepers.append(Keeper(self.events, (stream_name, group_name, consumer_name), asks))
        return self.keepers[-1]

    async def create_group(self, stream_name: str, group_name: str) -> None:
        self.events.append("group")
        await super().create_group(stream_name, group_name)
        await asyncio.sleep(0)

    async def read_events(
        self, stream_name: str, group_name: str, consumer_name: str, count: int
    ) -> list[tuple[str, dict[str, Any]]]:
        """Record the first read."""
        if "read" not in self.events:
            self.events.append("read")
        return await super().read_events(stream_name, group_name, consumer_name, count)

    async def ack_event(self, stream_name: str, group_name: str, message_id: str) -> None:
        self.events.append("ack")
        await super().ack_event(stream_name, group_name, message_id)


async def test_leases_are_kept_from_before_the_first_read_until_all_is_settled() -> None:
    storage, proceed = Keeping({"type": "booked"}), asyncio.Event()
    handler = Handling(then=lambda payload: proceed.wait())
    worker = processor(storage, dispatcher_of(handler).process_message, consumer="me")
    await worker.start_listening()
    await eventually(lambda: handler.seen)
    stopping = asyncio.create_task(worker.stop_listening())
    await asyncio.sleep(0)
    proceed.set()
    await within_patience(stopping)
    assert storage.events == ["group", "open", "read", "ack", "close"]
    assert [keeper.where for keeper in storage.keepers] == [(STREAM, GROUP, "me")]


async def test_starting_and_stopping_twice_at_once_does_it_once() -> None:
    storage = Keeping()
    worker = processor(storage, dispatcher_of().process_message)
    await worker.stop_listening()
    for _ in range(2):
        storage.events.clear()
        await asyncio.gather(worker.start_listening(), worker.start_listening())
        await worker.start_listening()
        await eventually(lambda: "read" in storage.events)
        await within_patience(asyncio.gather(worker.stop_listening(), worker.stop_listening()))
        await worker.stop_listening()
        assert storage.events == ["group", "open", "read", "close"]


class Knows:
    """A third-party dispatcher that reports some of its routes."""

    def __init__(self, known_routes: Any) -> None:
        self.known_routes = known_routes

    async def process(self, payload: dict[str, Any], *_more: Any) -> None:
        """Succeed."""


async def take(payload: dict[str, Any]) -> None:
    """Succeed."""


KNOWN = KnownRoutes(frozenset(["consuming.note"]), frozenset(["booked"]))


@pytest.mark.parametrize(
    ("callback", "known"),
    [
        (dispatcher_of(Handling()).process_message, KNOWN),
        (partial(partial(dispatcher_of(Handling()).process_message), stream_name="s"), KNOWN),
        (Knows(lambda: KNOWN).process, KNOWN),
        (Knows(lambda: "everything").process, KnownRoutes()),
        (Knows("everything").process, KnownRoutes()),
        (take, KnownRoutes()),
    ],
    ids=["a dispatcher", "a partial of it", "another", "odd", "odder", "a function"],
)
async def test_a_worker_publishes_the_routes_of_its_dispatcher(callback: Any, known: KnownRoutes) -> None:
    storage = Keeping()
    processor(storage, callback)
    assert storage.keepers[0].asks["known_routes"]() == known


async def test_the_routes_of_any_callback_can_be_stated() -> None:
    """A function around the dispatcher's method hides the dispatcher."""
    storage: Any = Keeping()
    dispatcher = dispatcher_of(Handling())
    worker = processor(storage, dispatcher.process_message)

    async def logged(payload: dict[str, Any]) -> None:
        await dispatcher.process_message(payload)

    worker.set_message_callback(logged, dispatcher.known_routes)
    assert storage.keepers[0].asks["known_routes"]() == KNOWN
    worker.set_message_callback(take)
    assert storage.keepers[0].asks["known_routes"]() == KnownRoutes()


def test_without_a_callback_nothing_is_known() -> None:
    storage: Any = Keeping()
    RedisStreamProcessor(storage, STREAM, GROUP, "me")
    assert storage.keepers[0].asks["known_routes"]() == KnownRoutes()


async def test_the_lease_keeper_sees_held_and_waiting_entries_and_reports_lost_ones() -> None:
    first, second = (message_of({"type": "booked", "n": n}, id=f"{n}-0", deliveries=1) for n in (1, 2))
    storage, never = Keeping(first, second), asyncio.Event()
    handler = Handling(then=lambda payload: never.wait())
    async with consuming(storage, dispatcher_of(handler).process_message, grace=0.01) as worker:
        await eventually(lambda: handler.seen)
        [keeper] = storage.keepers
        assert keeper.asks["held"]() == {"1-0": first.delivery, "2-0": second.delivery}
        assert list(keeper.asks["waiting"]()) == ["2-0"]
        assert (worker.running, worker.stuck) == (1, 0)
        keeper.asks["lost"]([("1-0", 1)])
        await eventually(lambda: len(handler.seen) == 2)
        assert keeper.asks["held"]() == {"2-0": second.delivery}
    assert storage.acked == []


async def test_a_lost_entry_is_in_flight_until_its_handler_has_ended() -> None:
    """The handler may still use the container of its pipeline."""
    pipeline, ended = CodecPipeline(JsonCodec()), asyncio.Event()

    async def handle(_payload: dict[str, Any]) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await ended.wait()

    storage = Keeping(message_of({"type": "booked"}, id="1-0", pipeline=pipeline))
    async with consuming(storage, handle) as worker:
        await eventually(lambda: worker.running)
        assert (worker.in_flight_of(pipeline), worker.in_flight_of(None)) == (1, 0)
        storage.keepers[0].asks["lost"]([("1-0", 1)])
        await asyncio.sleep(0)
        assert (storage.keepers[0].asks["held"](), worker.in_flight_of(pipeline)) == ({}, 1)
        ended.set()
        await eventually(lambda: worker.in_flight_of(pipeline) == 0)


async def test_a_setup_error_is_raised_at_once() -> None:
    """It is a configuration error, and retrying would not help."""
    storage = PlainStorage()
    storage.fail["create_group"] = [SetupError("add a right")] * 9
    worker = processor(storage, dispatcher_of().process_message)
    with pytest.raises(SetupError, match="add a right"):
        await worker.start_listening()
    assert len(storage.fail["create_group"]) == 8


async def test_a_group_that_cannot_be_created_is_tried_again_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = LoopClock(monkeypatch)
    storage = PlainStorage()
    storage.fail["create_group"] = [ConnectionError("away")] * 9
    tuning = Tuning(backoff=Backoff(100.0, 100.0))
    worker = processor(storage, dispatcher_of().process_message, tuning=tuning)
    starting = asyncio.create_task(worker.start_listening())
    for tries in range(1, 6):
        await turns()
        assert len(storage.fail["create_group"]) == 9 - tries
        await clock.advance(110)
    with pytest.raises(ConnectionError, match="away"):
        await starting
    assert len(storage.fail["create_group"]) == 4


async def test_settings_reach_their_components() -> None:
    storage = ClaimingStorage(*({"type": "booked", "n": n} for n in range(6)))
    keys, never, requests = list[int](), asyncio.Event(), list[int]()

    async def read_events(stream: str, group: str, consumer: str, count: int) -> Any:
        requests.append(count)
        return await PlainStorage.read_events(storage, stream, group, consumer, count)

    def key_of(payload: dict[str, Any]) -> int:
        keys.append(payload["n"])
        return int(payload["n"] % 2)

    vars(storage)["read_events"] = read_events
    handler = Handling(then=lambda payload: never.wait())
    settings = {"batch_count": 7, "concurrency": 5, "order_by": key_of, "grace": 0.01}
    async with consuming(storage, dispatcher_of(handler).process_message, **settings):
        await eventually(lambda: len(keys) == 6 and len(handler.seen) == 2)
        assert sorted(payload["n"] for payload in handler.seen) == [0, 1]
    assert set(requests) == {7}
    assert storage.acked == []


async def test_with_prefetch_the_first_read_is_small() -> None:
    storage, requests = PlainStorage(), list[int]()

    async def read_events(stream: str, group: str, consumer: str, count: int) -> Any:
        requests.append(count)
        return []

    vars(storage)["read_events"] = read_events
    async with consuming(
        storage, dispatcher_of().process_message, batch_count=500, concurrency=3, prefetch=0.1
    ):
        await eventually(lambda: requests)
    assert requests[0] == 3


def test_it_can_be_restarted_in_another_event_loop() -> None:
    storage, handler = MemoryStreamStorage(block=0.01), Handling()
    worker = processor(storage, dispatcher_of(handler).process_message)

    async def consume(count: int) -> None:
        await worker.start_listening()
        storage.add(STREAM, {"type": "booked"})
        await eventually(lambda: len(handler.seen) == count)
        await within_patience(worker.stop_listening())

    for count in (1, 2):
        asyncio.run(consume(count))
    assert storage.pending(STREAM, GROUP) == []
