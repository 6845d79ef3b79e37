"""The contract of processor, dispatcher and storage together; run in memory and over servers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from backends import Backend
from consuming import (
    GROUP,
    STREAM,
    Handling,
    consuming,
    dispatcher_of,
    eventually,
    failing,
    failing_first,
    named,
    processor,
    within_patience,
)
from streamroute.adapters.codecs.builtin import JsonCodec
from streamroute.adapters.entries.entry_pipeline import CodecPipeline
from streamroute.core.dispatcher import BotRedisDispatcher
from streamroute.core.observer import Result
from streamroute.errors import Reject, Retry
from streamroute.values import KnownRoutes, RetryLater, RetryPolicy

AT_ONCE = RetryPolicy(max_attempts=3, delay=0, jitter=0)


async def nothing_left(backend: Backend) -> bool:
    return not await backend.remains()


class Results:
    """An observer that records the result of each message, by its field ``n``."""

    def __init__(self) -> None:
        self._all: list[tuple[str, Result]] = []

    def __call__(self, payload: Any, route: str | None, result: Result) -> None:
        self._all.append((payload["n"], result))

    def of(self, *numbers: str) -> list[Result]:
        """Return the results of these messages."""
        return [result for n, result in self._all if n in numbers]


async def is_left_to_others(backend: Backend, results: Results) -> bool:
    """Whether the worker behind ``results`` has seen that another worker lists the type.

    Workers list their types shortly after the start, and check the lists of others once a second.
    """
    await backend.add(type="booked", n="probe")
    await asyncio.sleep(0.05)
    return Result.POSTPONED in results.of("probe")


class Finishing:
    """When an entry is done, and when not."""

    async def test_an_entry_is_acked_after_its_handler_and_not_before(self, backend: Backend) -> None:
        proceed = asyncio.Event()
        handler = Handling(then=lambda payload: proceed.wait())
        async with consuming(backend.storage(), dispatcher_of(handler).process_message):
            added = await backend.add(type="booked")
            await eventually(lambda: handler.seen)
            assert await backend.pending() == [added]
            proceed.set()
            await eventually(lambda: nothing_left(backend))

    async def test_an_entry_whose_callback_raises_stays_pending_and_is_claimed(
        self, backend: Backend
    ) -> None:
        seen: list[Any] = []

        async def callback(payload: Any) -> None:
            seen.append(payload.deliveries)
            if len(seen) < 3:
                raise RuntimeError("no luck yet")

        async with consuming(backend.storage(lease=0.02), callback, lease=0.02):
            await backend.add(type="booked")
            await eventually(lambda: len(seen) == 3)
            await eventually(lambda: nothing_left(backend))
        assert seen == [1, 2, 3]
        assert await backend.dead() == []

    async def test_an_entry_that_is_never_finished_is_dead_lettered(self, backend: Backend) -> None:
        seen: list[int] = []

        async def callback(payload: Any) -> None:
            seen.append(payload.deliveries)
            raise RuntimeError("no luck")

        async with consuming(backend.storage(lease=0.02), callback, lease=0.02, max_deliveries=3):
            added = await backend.add(type="booked")
            [dead] = await eventually(backend.dead)
            await eventually(lambda: nothing_left(backend))
        assert seen == [1, 2, 3]
        assert (dead.id, dead.route, dead.fields) == (added, None, {b"type": b"booked"})
        assert "delivered 3 times" in dead.reason

    async def test_only_the_routes_that_failed_run_again(self, backend: Backend) -> None:
        good, bad = Handling("good"), Handling("bad", failing_first(2))
        dispatcher = dispatcher_of(good, bad, retry=AT_ONCE)
        async with consuming(backend.storage(), dispatcher.process_message):
            await backend.add(type="booked")
            await eventually(lambda: len(bad.seen) == 3)
            await eventually(lambda: nothing_left(backend))
        assert len(good.seen) == 1
        assert [payload.attempt for payload in bad.seen] == [1, 2, 3]
        assert await backend.dead() == []

    async def test_a_route_that_fails_every_time_is_dead_lettered(self, backend: Backend) -> None:
        good, bad = Handling("good"), Handling("bad", failing(ValueError("oops")))
        dispatcher = dispatcher_of(good, bad, retry=AT_ONCE)
        async with consuming(backend.storage(), dispatcher.process_message):
            added = await backend.add(type="booked", n="1")
            [dead] = await eventually(backend.dead)
            await eventually(lambda: nothing_left(backend))
        assert (len(good.seen), len(bad.seen)) == (1, 3)
        assert (dead.id, dead.route, dead.attempt) == (added, "consuming.bad", 3)
        assert (dead.reason, dead.error) == ("failed after 3 attempts", "ValueError: oops")
        assert "in fail" in dead.traceback
        assert dead.fields == {b"type": b"booked", b"n": b"1"}

    async def test_a_handler_may_choose_the_delay_or_the_end(self, backend: Backend) -> None:
        again, never = Handling("again", failing(Retry(delay=600))), Handling("never", failing(Reject("bad")))
        async with consuming(backend.storage(), dispatcher_of(again, never).process_message):
            added = await backend.add(type="booked")
            [dead] = await eventually(backend.dead)
        assert (dead.route, dead.reason) == ("consuming.never", "bad")
        assert await backend.scheduled() == [f"{added}|consuming.again|2"]
        assert await backend.pending() == []

    async def test_a_filter_that_raises_is_dead_lettered_and_not_retried(self, backend: Backend) -> None:
        handler = Handling()
        dispatcher = BotRedisDispatcher(retry=AT_ONCE)
        dispatcher.setup(None)
        dispatcher.on_message("booked", lambda payload: bool(payload["guest"]))(handler)
        async with consuming(backend.storage(), dispatcher.process_message):
            await backend.add(type="booked")
            [dead] = await eventually(backend.dead)
            await eventually(lambda: nothing_left(backend))
        assert (dead.reason, dead.error) == ("the filter failed", "KeyError: 'guest'")
        assert handler.seen == []

    @pytest.mark.parametrize(
        ("fields", "reason"),
        [
            ({"type": "booked", "data": "{"}, "data"),
            ({"n": "1"}, "no type"),
            ({"data": '{"type": 7}'}, "not a string but int"),
        ],
    )
    async def test_unroutable_entries_are_dead_lettered_unchanged(
        self, backend: Backend, fields: dict[str, str], reason: str
    ) -> None:
        async with consuming(backend.storage(), dispatcher_of(Handling()).process_message):
            await backend.add(**fields)
            [dead] = await eventually(backend.dead)
            await eventually(lambda: nothing_left(backend))
        assert reason in dead.reason
        assert dead.fields == {name.encode(): value.encode() for name, value in fields.items()}

    async def test_a_retry_of_an_unknown_route_is_dead_lettered_after_ten_leases(
        self, backend: Backend
    ) -> None:
        old = Handling("old", failing(Retry(delay=0.1)))
        dispatcher = dispatcher_of(old, retry=RetryPolicy(max_attempts=10_000))
        async with consuming(backend.storage(), dispatcher.process_message):
            await backend.add(type="booked")
            await eventually(lambda: old.seen)
        new = Handling("new")
        async with consuming(backend.storage(lease=0.05), dispatcher_of(new).process_message):
            [dead] = await eventually(backend.dead)
            await eventually(lambda: nothing_left(backend))
        assert (dead.route, new.seen) == ("consuming.old", [])
        assert "no longer configured" in dead.reason

    async def test_a_retry_runs_in_its_route_although_that_lists_its_type_no_longer(
        self, backend: Backend
    ) -> None:
        old = Handling("moved", failing(Retry(delay=0.1)))
        async with consuming(backend.storage(), dispatcher_of(old).process_message):
            await backend.add(type="booked")
            await eventually(lambda: old.seen)
        new, other = Handling("moved"), Handling("other")
        dispatcher = dispatcher_of(other)
        dispatcher.on_message("changed")(new)
        async with consuming(backend.storage(), dispatcher.process_message):
            await eventually(lambda: nothing_left(backend))
        assert (len(new.seen), other.seen) == (1, [])

    async def test_dead_letters_are_written_before_the_ack(self, backend: Backend) -> None:
        """If the write fails the entry stays pending and others proceed; it succeeds later."""
        bad, other = Handling("bad", failing(Reject("bad"))), Handling("other")
        dispatcher = dispatcher_of(bad)
        dispatcher.on_message("other")(other)
        await backend.refuse_dead_letters(True)
        async with consuming(backend.storage(), dispatcher.process_message):
            kept = await backend.add(type="booked")
            await eventually(lambda: bad.seen)
            await backend.add(type="other")
            await eventually(lambda: other.seen)
            await eventually(lambda: _is([kept], backend.pending))
            await backend.refuse_dead_letters(False)
            [dead] = await eventually(backend.dead)
            await eventually(lambda: nothing_left(backend))
        assert (dead.id, len(bad.seen)) == (kept, 1)

    @pytest.mark.parametrize(
        "error", [SystemExit(1), KeyboardInterrupt(), asyncio.CancelledError(), RuntimeError()]
    )
    async def test_any_exception_of_a_handler_is_its_failure_and_the_worker_continues(
        self, backend: Backend, error: BaseException
    ) -> None:
        def once(payload: Any) -> None:
            if payload["n"] == "1" and payload.attempt == 1:
                raise error

        handler = Handling(then=once)
        async with consuming(backend.storage(), dispatcher_of(handler, retry=AT_ONCE).process_message):
            await backend.add(type="booked", n="1")
            await backend.add(type="booked", n="2")
            await eventually(lambda: len(handler.seen) == 3)
            await eventually(lambda: nothing_left(backend))
        assert sorted(handler.numbers()) == ["1", "1", "2"]


class Healing:
    """Groups and streams that are deleted while a worker runs."""

    async def test_after_everything_was_lost_new_entries_are_consumed(self, backend: Backend) -> None:
        handler = Handling()
        async with consuming(backend.storage(), dispatcher_of(handler).process_message):
            await backend.add(type="booked", n="1")
            await eventually(lambda: handler.numbers() == ["1"])
            await backend.wipe()
            await backend.add(type="booked", n="2")
            await eventually(lambda: "2" in handler.numbers())
            await eventually(lambda: nothing_left(backend))

    async def test_a_lost_group_loses_nothing_that_was_pending_or_unread(self, backend: Backend) -> None:
        proceed = asyncio.Event()
        handler = Handling(then=lambda payload: proceed.wait())
        async with consuming(backend.storage(), dispatcher_of(handler).process_message, batch_count=2):
            added = {await backend.add(type="booked", n=str(n)) for n in range(8)}
            await eventually(lambda: handler.seen)
            await backend.destroy_group()
            proceed.set()
            await eventually(lambda: {payload.id for payload in handler.seen} == added)
            await eventually(lambda: nothing_left(backend))


class Stopping:
    """Starting and stopping."""

    async def test_stopping_lets_a_running_handler_finish(self, backend: Backend) -> None:
        proceed = asyncio.Event()
        handler = Handling(then=lambda payload: proceed.wait())
        worker = processor(backend.storage(), dispatcher_of(handler).process_message)
        await worker.start_listening()
        await backend.add(type="booked")
        await eventually(lambda: handler.seen)
        stopping = asyncio.create_task(worker.stop_listening())
        await asyncio.sleep(0)
        proceed.set()
        await within_patience(stopping)
        assert await nothing_left(backend)

    async def test_unstarted_entries_are_claimed_by_another_worker_at_once(self, backend: Backend) -> None:
        """Despite a lease of a minute; the delivery is given back too."""
        proceed = asyncio.Event()
        first, second = Handling(then=lambda payload: proceed.wait()), Handling()
        worker = processor(backend.storage(), dispatcher_of(first).process_message)
        await worker.start_listening()
        for n in "123":
            await backend.add(type="booked", n=n)
        await eventually(lambda: first.seen)
        await eventually(lambda: _count(3, backend.pending))
        stopping = asyncio.create_task(worker.stop_listening())
        async with consuming(backend.storage(), dispatcher_of(second).process_message):
            await eventually(lambda: len(second.seen) == 2)
        proceed.set()
        await within_patience(stopping)
        assert (first.numbers(), second.numbers()) == (["1"], ["2", "3"])
        assert [payload.deliveries for payload in second.seen] == [1, 1]
        assert await nothing_left(backend)

    async def test_a_handler_that_outlasts_the_grace_is_cut_off_and_its_entry_runs_elsewhere(
        self, backend: Backend
    ) -> None:
        never = asyncio.Event()
        first, second = Handling(then=lambda payload: never.wait()), Handling()
        worker = processor(backend.storage(), dispatcher_of(first).process_message, grace=0.01)
        await worker.start_listening()
        added = await backend.add(type="booked")
        await eventually(lambda: first.seen)
        await within_patience(worker.stop_listening())
        assert await backend.pending() == [added]
        async with consuming(backend.storage(), dispatcher_of(second).process_message):
            await eventually(lambda: second.seen)
            await eventually(lambda: nothing_left(backend))
        assert [payload.deliveries for payload in second.seen] == [2]

    async def test_starting_and_stopping_twice_are_harmless_and_a_stopped_one_starts_again(
        self, backend: Backend
    ) -> None:
        handler = Handling()
        worker = processor(backend.storage(), dispatcher_of(handler).process_message)
        for n in ("1", "2"):
            await asyncio.gather(worker.start_listening(), worker.start_listening())
            await backend.add(type="booked", n=n)
            await eventually(lambda: handler.numbers()[-1:] == [n])  # noqa: B023 - awaited in this round
            await worker.stop_listening()
            await worker.stop_listening()
        assert handler.numbers() == ["1", "2"]
        assert await nothing_left(backend)


class Running:
    """How handlers share a worker, and workers a group."""

    async def test_one_at_a_time_keeps_the_order(self, backend: Backend) -> None:
        handler = Handling(then=lambda payload: asyncio.sleep(0))
        numbers = [str(n) for n in range(40)]
        async with consuming(backend.storage(), dispatcher_of(handler).process_message):
            for n in numbers:
                await backend.add(type="booked", n=n)
            await eventually(lambda: len(handler.seen) == 40)
        assert handler.numbers() == numbers

    async def test_as_many_handlers_run_side_by_side_as_there_are_slots(self, backend: Backend) -> None:
        everyone = asyncio.Barrier(25)
        handler = Handling(then=lambda payload: everyone.wait())
        async with consuming(backend.storage(), dispatcher_of(handler).process_message, concurrency=25):
            for _ in range(50):
                await backend.add(type="booked")
            await eventually(lambda: len(handler.seen) == 50)
            await eventually(lambda: nothing_left(backend))

    async def test_a_slow_handler_does_not_bar_others(self, backend: Backend) -> None:
        proceed = asyncio.Event()

        def slow_first(payload: Any) -> Any:
            return proceed.wait() if payload["n"] == "0" else None

        handler = Handling(then=slow_first)
        async with consuming(backend.storage(), dispatcher_of(handler).process_message, concurrency=2):
            added = [await backend.add(type="booked", n=str(n)) for n in range(30)]
            await eventually(lambda: len(handler.seen) == 30)
            await eventually(lambda: _is(added[:1], backend.pending))
            proceed.set()

    async def test_workers_share_a_group_and_each_entry_runs_once(self, backend: Backend) -> None:
        one, two = Handling(), Handling()
        async with (
            consuming(backend.storage(), dispatcher_of(one).process_message, batch_count=3),
            consuming(backend.storage(), dispatcher_of(two).process_message, batch_count=3),
        ):
            for n in range(40):
                await backend.add(type="booked", n=str(n))
            await eventually(lambda: nothing_left(backend))
            await eventually(lambda: len(one.seen) + len(two.seen) == 40)
        assert sorted(map(int, one.numbers() + two.numbers())) == list(range(40))

    async def test_an_entry_on_its_last_delivery_runs_alone(self, backend: Backend) -> None:
        """Otherwise an entry that kills its worker would use up the deliveries of the entries beside it."""
        running: set[str] = set()
        company: dict[str, set[str]] = {}

        async def callback(payload: Any) -> None:
            if payload.deliveries < 3:
                raise RuntimeError("not yet")
            company[payload["n"]] = set(running)
            running.add(payload["n"])
            await asyncio.sleep(0.005)
            running.discard(payload["n"])

        storage = backend.storage(lease=0.2)
        async with consuming(storage, callback, lease=0.2, max_deliveries=3, concurrency=5):
            for n in "1234":
                await backend.add(type="booked", n=n)
            await eventually(lambda: len(company) == 4)
            await eventually(lambda: nothing_left(backend))
        assert company == {n: set() for n in "1234"}
        assert await backend.dead() == []

    async def test_an_entry_on_its_last_delivery_runs_beside_handlers_that_never_end(
        self, backend: Backend
    ) -> None:
        never, seen = asyncio.Event(), []

        async def callback(payload: Any) -> None:
            seen.append((payload["n"], payload.deliveries))
            if payload["n"] == "endless":
                await never.wait()
            if payload.deliveries < 2:
                raise RuntimeError("not yet")

        storage = backend.storage(lease=0.2)
        async with consuming(storage, callback, lease=0.2, max_deliveries=2, concurrency=3, grace=0):
            endless = await backend.add(type="booked", n="endless")
            await backend.add(type="booked", n="last")
            await eventually(lambda: ("last", 2) in seen)
            await eventually(lambda: _is([endless], backend.pending))

    async def test_an_entry_that_hangs_on_its_last_delivery_blocks_no_other(self, backend: Backend) -> None:
        never, seen = asyncio.Event(), []

        async def callback(payload: Any) -> None:
            seen.append((payload["n"], payload.deliveries))
            if payload["n"] == "hung" and payload.deliveries < 2:
                raise RuntimeError("not yet")
            if payload["n"] == "hung":
                await never.wait()

        storage = backend.storage(lease=0.2)
        async with consuming(storage, callback, lease=0.2, max_deliveries=2, concurrency=3, grace=0):
            hung = await backend.add(type="booked", n="hung")
            await eventually(lambda: ("hung", 2) in seen)
            await backend.add(type="booked", n="next")
            await eventually(lambda: ("next", 1) in seen)
            await eventually(lambda: _is([hung], backend.pending))


async def _is(expected: list[str], ask: Any) -> bool:
    return bool(await ask() == expected)


async def _count(expected: int, ask: Any) -> bool:
    return len(await ask()) == expected


class Isolation:
    """Every route sees the message as it was produced."""

    async def test_a_handler_that_changes_its_payload_changes_it_for_itself_alone(
        self, backend: Backend
    ) -> None:
        """Nested data too, and the payload that filters see."""

        def spoil(payload: Any) -> None:
            payload["k"] = "changed"
            payload["guest"]["tags"].append("changed")
            payload.clear()

        first, second, third = Handling("first", spoil), Handling("second", spoil), Handling("third")
        dispatcher = dispatcher_of(first)
        dispatcher.on_message("booked", lambda payload: payload["k"] == "1")(second)
        dispatcher.on_message("booked", lambda payload: payload["guest"]["tags"] == ["a"])(third)
        async with consuming(backend.storage(), dispatcher.process_message):
            await backend.add(type="booked", data='{"k": "1", "guest": {"tags": ["a"]}}')
            await eventually(lambda: third.seen)
            await eventually(lambda: nothing_left(backend))
        assert len(first.seen) == len(second.seen) == 1
        [seen] = third.seen
        assert seen == {"type": "booked", "k": "1", "guest": {"tags": ["a"]}}
        assert (seen.stream, seen.attempt, bool(seen.id)) == (STREAM, 1, True)
        assert await backend.dead() == []

    async def test_a_handlers_changes_are_not_in_its_retry(self, backend: Backend) -> None:
        seen: list[Any] = []

        def spoil_then_fail(payload: Any) -> None:
            seen.append(dict(payload))
            payload["n"] = "changed"
            if payload.attempt < 3:
                raise RuntimeError("no luck yet")

        handlers = Handling("one", spoil_then_fail), Handling("two")
        async with consuming(backend.storage(), dispatcher_of(*handlers, retry=AT_ONCE).process_message):
            await backend.add(type="booked", n="1")
            await eventually(lambda: len(seen) == 3)
            await eventually(lambda: nothing_left(backend))
        assert seen == [{"type": "booked", "n": "1"}] * 3


class Deploys:
    """Workers with different routes in one group."""

    async def test_each_live_worker_shows_the_generation_that_it_runs(self, backend: Backend) -> None:
        async def are(expected: Mapping[str, str]) -> bool:
            return await backend.generations() == expected

        keepers, storages = [], [backend.storage(lease=0.3), backend.storage(lease=0.3)]
        for storage, name in zip(storages, ("one", "two"), strict=True):
            await storage.create_group(STREAM, GROUP)
            storage.use(CodecPipeline(JsonCodec(), "first"))
            keepers.append(storage.lease_keeper(STREAM, GROUP, name, held=dict, lost=lambda lost: None))
            await keepers[-1].open()
        await eventually(lambda: are({"one": "first", "two": "first"}))
        for storage in storages:
            storage.use(CodecPipeline(JsonCodec(), "second"))
        await eventually(lambda: are({"one": "second", "two": "second"}))
        await keepers[0].close()
        await eventually(lambda: are({"two": "second"}))
        await keepers[1].close()
        assert await backend.generations() == {}

    async def test_a_retry_waits_for_a_worker_that_knows_its_route(self, backend: Backend) -> None:
        """Deliveries to other workers spend no attempt and never dead-letter it.

        Dead-lettering would start after half a second; the worker counts as alive for longer, even with late
        heartbeats.
        """
        storage, newer, offered = backend.storage(lease=5), Handling("newer"), []
        await storage.create_group(STREAM, GROUP)
        await backend.add(type="booked", n="1")
        read: dict[str, Any] = dict(await storage.read_events(STREAM, GROUP, "new", 1))
        for message in read.values():
            message.delivery.outcomes = [RetryLater("newer", 0, 2, "no luck yet")]
        await storage.settle(STREAM, GROUP, "new", read)
        keeper = storage.lease_keeper(
            *(STREAM, GROUP, "new"),
            held=dict,
            lost=lambda lost: None,
            known_routes=lambda: KnownRoutes(frozenset({"newer"}), frozenset({"booked"})),
        )
        await keeper.open()
        storage = backend.storage(lease=0.05)
        old = dispatcher_of(Handling("other"), observer=lambda payload, route, result: offered.append(result))
        async with consuming(storage, old.process_message, lease=0.05):
            await eventually(lambda: offered.count(Result.POSTPONED) > 2)
        assert set(offered) == {Result.POSTPONED}
        await keeper.close()
        async with consuming(backend.storage(), dispatcher_of(named(newer, "newer")).process_message):
            await eventually(lambda: newer.seen)
            await eventually(lambda: nothing_left(backend))
        assert [payload.attempt for payload in newer.seen] == [2]
        assert newer.seen[0].history[0].error == "no luck yet"
        assert await backend.dead() == []

    async def test_a_retry_goes_to_the_route_that_had_its_name(self, backend: Backend) -> None:
        old = Handling("any", failing(Retry(delay=0.05)))
        many = RetryPolicy(max_attempts=10_000)
        async with consuming(
            backend.storage(), dispatcher_of(named(old, "charge"), retry=many).process_message
        ):
            await backend.add(type="booked", n="1")
            await eventually(lambda: old.seen)
        new, sibling = Handling("new", failing_first()), Handling("sibling")
        renamed = named(new, "bill", "charge", "pay")
        dispatcher = dispatcher_of(renamed, named(sibling, "tell"), retry=many)
        async with consuming(backend.storage(), dispatcher.process_message):
            await eventually(lambda: len(new.seen) == 2 or (new.seen and backend.scheduled()))
        assert new.seen[0].attempt > 1
        assert sibling.seen == []
        assert await backend.dead() == []
        assert all("|bill|" in name for name in await backend.scheduled())

    async def test_a_retry_was_accepted_once_and_its_filter_is_not_asked_again(
        self, backend: Backend
    ) -> None:
        """The message has changed and the filter would reject it, which would drop the retry silently."""
        before, after = Handling("any", failing(Retry(delay=0.05))), Handling("any")
        old = BotRedisDispatcher(retry=RetryPolicy(max_attempts=10_000))
        old.setup(None)
        old.on_message("booked", lambda payload: True)(named(before, "charge"))
        async with consuming(backend.storage(), old.process_message):
            await backend.add(type="booked", n="1")
            await eventually(lambda: before.seen)
        new = BotRedisDispatcher()
        new.setup(None)
        new.on_message("booked", lambda payload: False)(named(after, "charge"))
        async with consuming(backend.storage(), new.process_message):
            await eventually(lambda: after.seen)
            await backend.add(type="booked", n="2")
            await eventually(lambda: nothing_left(backend))
        assert after.numbers() == ["1"]

    async def test_a_type_waits_for_a_worker_that_has_listed_it_and_left(self, backend: Backend) -> None:
        """While that worker restarts, a worker that does not list the type must not acknowledge it."""
        handler, results = Handling(), Results()
        old = dispatcher_of(Handling("other"), event="other", observer=results)
        new = dispatcher_of(handler, event="booked")
        async with consuming(backend.storage(lease=2), old.process_message, lease=2):
            async with consuming(backend.storage(lease=2), new.process_message, lease=2):
                await eventually(lambda: is_left_to_others(backend, results))
            numbers = [str(n) for n in range(1, 6)]
            for n in numbers:
                await backend.add(type="booked", n=n)
            # Twice: the first time the worker may still use the list it read before the other one left.
            await eventually(lambda: all(results.of(n).count(Result.POSTPONED) > 1 for n in numbers))
            async with consuming(backend.storage(lease=2), new.process_message, lease=2):
                await eventually(lambda: set(numbers) <= set(handler.numbers()))
                await eventually(lambda: nothing_left(backend))
        assert Result.UNKNOWN not in results.of(*numbers)

    async def test_a_type_that_another_worker_lists_is_left_to_it(self, backend: Backend) -> None:
        """If no worker lists it, it is acknowledged or dead-lettered, as configured."""
        handler, results = Handling(), Results()
        old = dispatcher_of(Handling("other"), event="other", observer=results)
        new = dispatcher_of(handler, event="booked")
        async with consuming(backend.storage(lease=2), old.process_message, lease=2):
            await backend.add(type="booked", n="nobody")
            await eventually(lambda: results.of("nobody") == [Result.UNKNOWN])
            async with consuming(backend.storage(lease=2), new.process_message, lease=2):
                await eventually(lambda: is_left_to_others(backend, results))
                numbers = [str(n) for n in range(20)]
                for n in numbers:
                    await backend.add(type="booked", n=n)
                await eventually(lambda: set(numbers) <= set(handler.numbers()))
                await eventually(lambda: nothing_left(backend))
        assert sorted(n for n in handler.numbers() if n in numbers) == sorted(numbers)
        assert Result.UNKNOWN not in results.of(*numbers)
