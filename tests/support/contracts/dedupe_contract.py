"""The contract of ``dedupe``; run in memory and over servers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from backends import Backend
from consuming import (
    GROUP,
    STREAM,
    Handler,
    Handling,
    consuming,
    eventually,
    failing,
    failing_first,
    named,
)
from streamroute.compiler.runtime.dedupe import with_dedupe
from streamroute.core.dispatcher import BotRedisDispatcher
from streamroute.core.observer import Result
from streamroute.errors import LeaseLostError, Reject
from streamroute.values import RetryPolicy

AT_ONCE = RetryPolicy(max_attempts=3, delay=0, jitter=0)


def by_key(payload: Any) -> Any:
    return payload.get("key")


def once(
    *handlers: Handler, key: Callable[[Any], Any] = by_key, ttl: float = 60.0, **settings: Any
) -> BotRedisDispatcher:
    """Return a dispatcher whose handlers run once per key."""
    dispatcher = BotRedisDispatcher(**({"retry": AT_ONCE} | settings))
    dispatcher.setup(None)
    for handler in handlers:
        dispatcher.on_message("booked")(with_dedupe(handler, key, ttl))
    return dispatcher


async def nothing_left(backend: Backend) -> bool:
    return not await backend.remains()


class Deduplication:
    """One run per key."""

    @pytest.fixture(autouse=True)
    def impatient(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Redeliver waiting messages at once."""
        monkeypatch.setattr("streamroute.compiler.runtime.dedupe.wait_time", lambda waited: 0.005)

    async def test_a_repeated_key_is_skipped_once_its_first_has_succeeded(self, backend: Backend) -> None:
        handler, results = Handling(), []
        dispatcher = once(handler, observer=lambda payload, route, result: results.append(result))
        async with consuming(backend.storage(), dispatcher.process_message):
            await backend.add(type="booked", key="a", n="1")
            await eventually(lambda: handler.seen)
            await eventually(lambda: nothing_left(backend))
            await backend.add(type="booked", key="a", n="2")
            await backend.add(type="booked", key="b", n="3")
            await eventually(lambda: len(results) == 3)
            await eventually(lambda: nothing_left(backend))
        assert handler.numbers() == ["1", "3"]
        assert sorted(results) == [Result.SKIPPED, Result.SUCCEEDED, Result.SUCCEEDED]

    async def test_it_waits_while_the_first_runs_and_holds_no_slot(self, backend: Backend) -> None:
        proceed = asyncio.Event()
        handler = Handling(then=lambda payload: proceed.wait() if payload["n"] == "1" else None)
        async with consuming(backend.storage(), once(handler).process_message, concurrency=2):
            await backend.add(type="booked", key="a", n="1")
            await eventually(lambda: handler.seen)
            for _ in range(5):
                await backend.add(type="booked", key="a", n="waits")
            for n in range(5):
                await backend.add(type="booked", key=f"b{n}", n="other")
            await eventually(lambda: len(handler.seen) == 6)
            await eventually(backend.scheduled)
            proceed.set()
            await eventually(lambda: nothing_left(backend))
        assert handler.numbers() == ["1", *["other"] * 5]

    async def test_the_next_runs_when_the_first_has_failed_for_good(self, backend: Backend) -> None:
        handler = Handling(then=failing_first(1, Reject("no")))
        async with consuming(backend.storage(), once(handler).process_message):
            for n in "123":
                await backend.add(type="booked", key="a", n=n)
            await eventually(lambda: _runs(handler, 2))
            await eventually(lambda: nothing_left(backend))
        [dead] = await backend.dead()
        assert dead.fields[b"n"] == b"1"
        assert handler.numbers()[0] == "1"

    async def test_a_key_is_gone_with_the_final_failure_of_its_message(self, backend: Backend) -> None:
        """Although the group was deleted, and its pending entries cannot be listed."""
        handler = Handling(then=failing_first(1, Reject("no")))
        async with consuming(backend.storage(), once(handler).process_message):
            await backend.add(type="booked", key="a", n="1")
            await eventually(backend.dead)
            await eventually(lambda: nothing_left(backend))
        assert await backend.keys_of_dedupe() == []

    async def test_it_waits_while_the_first_waits_for_its_retry(self, backend: Backend) -> None:
        proceed = asyncio.Event()

        async def fail_then_wait(payload: Any) -> None:
            if payload.attempt == 1:
                raise RuntimeError("no luck yet")
            await proceed.wait()

        handler = Handling(then=fail_then_wait)
        dispatcher = once(handler, retry=RetryPolicy(delay=0.1, jitter=0))
        async with consuming(backend.storage(), dispatcher.process_message, concurrency=3):
            await backend.add(type="booked", key="a", n="1")
            await eventually(lambda: handler.seen)
            await backend.add(type="booked", key="a", n="2")
            await eventually(lambda: len(handler.seen) == 2)
            proceed.set()
            await eventually(lambda: nothing_left(backend))
        assert handler.numbers() == ["1", "1"]

    async def test_waiting_spends_no_attempt_and_is_no_failure(self, backend: Backend) -> None:
        proceed = asyncio.Event()

        first, later = Handling(then=lambda payload: proceed.wait() if payload["n"] == "1" else None), []
        dispatcher = once(first, ttl=0.001, observer=lambda payload, route, result: later.append(result))
        async with consuming(backend.storage(), dispatcher.process_message, concurrency=2):
            await backend.add(type="booked", key="a", n="1")
            await eventually(lambda: first.seen)
            await backend.add(type="booked", key="a", n="2")
            await eventually(lambda: later.count(Result.POSTPONED) > 5)
            proceed.set()
            await eventually(lambda: nothing_left(backend))
        assert {payload.attempt for payload in first.seen} == {1}
        assert all(not payload.history for payload in first.seen)
        assert await backend.dead() == []

    async def test_a_key_counts_for_its_ttl_from_the_success_on(self, backend: Backend) -> None:
        handler = Handling()
        async with consuming(backend.storage(), once(handler, ttl=0.001).process_message):
            await backend.add(type="booked", key="a", n="1")
            await eventually(lambda: handler.seen)
            await eventually(lambda: nothing_left(backend))
            await eventually(lambda: _runs_again(backend, handler))
        assert handler.numbers()[:2] == ["1", "again"]

    async def test_a_message_is_never_its_own_duplicate(self, backend: Backend) -> None:
        """Its worker is stopped during the run; another worker takes the message over and runs it."""
        never = asyncio.Event()
        first, second = Handling(then=lambda payload: never.wait()), Handling()
        async with consuming(backend.storage(), once(first).process_message, grace=0.01):
            await backend.add(type="booked", key="a", n="1")
            await eventually(lambda: first.seen)
        async with consuming(backend.storage(), once(second).process_message):
            await eventually(lambda: nothing_left(backend))
        assert second.numbers() == ["1"]

    async def test_a_worker_that_was_frozen_runs_nothing_that_others_have_done(
        self, backend: Backend
    ) -> None:
        """It held three messages of one key; another worker has run the first and skipped the others."""
        frozen, handler, results = backend.storage(lease=0.02), Handling(), []
        await frozen.create_group(STREAM, GROUP)
        for n in "123":
            await backend.add(type="booked", key="a", n=n)
        held = dict(await frozen.read_events(STREAM, GROUP, "frozen", 3))
        dispatcher = once(handler, observer=lambda payload, route, result: results.append(result))
        async with consuming(backend.storage(lease=0.5), dispatcher.process_message, lease=0.5):
            await eventually(lambda: nothing_left(backend))
        assert (handler.numbers(), results.count(Result.SKIPPED)) == (["1"], 2)
        for message in held.values():
            with pytest.raises(LeaseLostError):
                await dispatcher.process_message(message)
        assert len((await frozen.settle(STREAM, GROUP, "frozen", held)).lost) == 3
        async with consuming(backend.storage(), once(handler).process_message):
            await backend.add(type="booked", key="a", n="later")
            await eventually(lambda: nothing_left(backend))
        assert handler.numbers() == ["1"]

    async def test_an_entry_that_came_back_is_another_delivery_to_its_key(self, backend: Backend) -> None:
        """The consumer is the same, but the older run still may not start."""
        storage, handler = backend.storage(lease=0.02), Handling()
        await storage.create_group(STREAM, GROUP)
        await backend.add(type="booked", key="a", n="1")
        [(_, older)] = await storage.read_events(STREAM, GROUP, "me", 1)
        [(_, newer)] = await eventually(lambda: storage.claim_stale_events(STREAM, GROUP, "me", 20, 1))
        with pytest.raises(LeaseLostError):
            await once(handler).process_message(older)
        await once(handler).process_message(newer)
        assert handler.seen == [newer]

    async def test_a_message_whose_success_is_written_does_not_run_again(self, backend: Backend) -> None:
        """The group was deleted and starts again from an earlier id."""
        handler, results = Handling(), []
        dispatcher = once(handler, observer=lambda payload, route, result: results.append(result))
        async with consuming(backend.storage(), dispatcher.process_message):
            await backend.add(type="booked", key="a", n="1")
            await eventually(lambda: nothing_left(backend))
            await eventually(lambda: results == [Result.SUCCEEDED])
        await backend.destroy_group()
        await backend.forget_watermark()
        async with consuming(backend.storage(), dispatcher.process_message):
            await eventually(lambda: results == [Result.SUCCEEDED, Result.SKIPPED])
            await eventually(lambda: nothing_left(backend))
        assert handler.numbers() == ["1"]

    async def test_a_route_has_the_keys_of_its_former_names(self, backend: Backend) -> None:
        old, new = Handling("old"), Handling("new")
        named(old, "charge")
        named(new, "bill", "charge")
        async with consuming(backend.storage(), once(old).process_message):
            await backend.add(type="booked", key="a", n="1")
            await eventually(lambda: old.seen)
            await eventually(lambda: nothing_left(backend))
        async with consuming(backend.storage(), once(new).process_message):
            await backend.add(type="booked", key="a", n="2")
            await backend.add(type="booked", key="b", n="3")
            await eventually(lambda: new.seen)
            await eventually(lambda: nothing_left(backend))
        assert (old.numbers(), new.numbers()) == (["1"], ["3"])

    async def test_workers_of_the_former_name_see_what_the_renamed_route_has_run(
        self, backend: Backend
    ) -> None:
        """During a deploy the old configuration still runs beside the new one."""
        old, new = Handling("old"), Handling("new")
        named(old, "charge")
        named(new, "invoice", "bill", "charge")
        async with consuming(backend.storage(), once(new).process_message):
            await backend.add(type="booked", key="a", n="1")
            await eventually(lambda: new.seen)
            await eventually(lambda: nothing_left(backend))
        async with consuming(backend.storage(), once(old).process_message):
            await backend.add(type="booked", key="a", n="2")
            await backend.add(type="booked", key="b", n="3")
            await eventually(lambda: nothing_left(backend))
        assert (old.numbers(), new.numbers()) == (["3"], ["1"])

    async def test_workers_of_the_former_name_wait_while_the_renamed_route_runs(
        self, backend: Backend
    ) -> None:
        proceed, results = asyncio.Event(), []
        old, new = Handling("old"), Handling("new", then=lambda payload: proceed.wait())
        named(old, "charge")
        named(new, "bill", "charge")
        storage = backend.storage()
        await storage.create_group(STREAM, GROUP)
        await backend.add(type="booked", key="a", n="1")
        [(entry_id, message)] = await storage.read_events(STREAM, GROUP, "newer", 1)
        running = asyncio.create_task(once(new).process_message(message))
        await eventually(lambda: new.seen)
        observed = once(old, observer=lambda payload, route, result: results.append(result))
        async with consuming(backend.storage(), observed.process_message):
            await backend.add(type="booked", key="a", n="2")
            await eventually(lambda: Result.POSTPONED in results)
            proceed.set()
            await running
            await storage.settle(STREAM, GROUP, "newer", {entry_id: message})
            await eventually(lambda: nothing_left(backend))
        assert (old.numbers(), new.numbers()) == ([], ["1"])

    async def test_a_renamed_route_that_failed_for_good_leaves_no_key(self, backend: Backend) -> None:
        handler = Handling("new", then=failing(Reject("no")))
        named(handler, "bill", "charge")
        async with consuming(backend.storage(), once(handler).process_message):
            await backend.add(type="booked", key="a", n="1")
            await eventually(backend.dead)
            await eventually(lambda: nothing_left(backend))
        assert await backend.keys_of_dedupe() == []

    async def test_a_key_whose_message_is_gone_is_free(self, backend: Backend) -> None:
        """The entry was deleted while pending, and the group as well."""
        never = asyncio.Event()
        first, second = Handling(then=lambda payload: never.wait()), Handling()
        async with consuming(backend.storage(), once(first).process_message, grace=0.01):
            deleted = await backend.add(type="booked", key="a", n="1")
            await eventually(lambda: first.seen)
        await backend.delete(deleted)
        async with consuming(backend.storage(), once(second).process_message):
            await backend.add(type="booked", key="a", n="2")
            await eventually(lambda: nothing_left(backend))
        assert second.numbers() == ["2"]

    async def test_each_route_has_separate_keys(self, backend: Backend) -> None:
        one, two = Handling("one"), Handling("two", failing_first())
        async with consuming(backend.storage(), once(one, two).process_message):
            for n in "12":
                await backend.add(type="booked", key="a", n=n)
            await eventually(lambda: len(two.seen) == 2)
            await eventually(lambda: nothing_left(backend))
        assert (one.numbers(), two.numbers()) == (["1"], ["1", "1"])

    async def test_a_message_without_a_key_runs(self, backend: Backend) -> None:
        handler = Handling()
        async with consuming(backend.storage(), once(handler).process_message):
            for n in "12":
                await backend.add(type="booked", n=n)
            await eventually(lambda: len(handler.seen) == 2)
            await eventually(lambda: nothing_left(backend))

    async def test_a_key_that_fails_is_dead_lettered(self, backend: Backend) -> None:
        handler = Handling()
        dispatcher = once(handler, key=lambda payload: payload["absent"])
        async with consuming(backend.storage(), dispatcher.process_message):
            await backend.add(type="booked")
            [dead] = await eventually(backend.dead)
        assert "could not evaluate the dedupe key" in dead.reason
        assert handler.seen == []

    async def test_a_success_that_cannot_be_written_is_kept_and_written_later(self, backend: Backend) -> None:
        handler, bad = Handling("good"), Handling("bad", failing(Reject("no")))
        await backend.refuse_dead_letters(True)
        async with consuming(backend.storage(), once(handler, bad).process_message):
            await backend.add(type="booked", key="a", n="1")
            await eventually(lambda: bad.seen)
            await backend.add(type="booked", key="a", n="2")
            await eventually(lambda: _has_begun(backend))
            assert handler.numbers() == ["1"]
            await backend.refuse_dead_letters(False)
            await eventually(lambda: nothing_left(backend))
        assert handler.numbers() == ["1"]
        assert bad.numbers() == ["1", "2"]


async def _runs(handler: Handling, count: int) -> bool:
    return len(handler.seen) == count


async def _runs_again(backend: Backend, handler: Handling) -> bool:
    """Whether a message with the same key runs; a skipped one is followed by another."""
    await backend.add(type="booked", key="a", n="again")
    return len(handler.seen) > 1


async def _has_begun(backend: Backend) -> bool:
    """Whether both messages were read, or one of them already waits."""
    return len(await backend.pending()) == 2 or bool(await backend.scheduled())
