"""The contract of every built-in storage; run in memory and over real servers."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from backends import Backend
from consuming import GROUP, STREAM, eventually, leases_expire, within_patience
from streamroute.adapters.codecs.builtin import FieldsCodec, JsonCodec
from streamroute.adapters.entries.entry_pipeline import CodecPipeline
from streamroute.message import Message
from streamroute.values import DeadLetter, Quotas, RetryLater

ONE, TWO = (STREAM, GROUP, "one"), (STREAM, GROUP, "two")


async def read_one(storage: Any, who: tuple[str, str, str] = ONE) -> tuple[str, Message]:
    """Return the group's next entry, which must exist."""
    [(entry_id, message)] = await storage.read_events(*who, 1)
    return entry_id, message


async def claimed(storage: Any, idle: int, who: tuple[str, str, str] = TWO) -> list[tuple[str, Message]]:
    """Return the first non-empty result of a claim."""
    entries = await eventually(lambda: storage.claim_stale_events(*who, idle, 10), "a claim")
    return list(entries)


async def failed(storage: Any, outcome: DeadLetter | RetryLater) -> tuple[str, Message]:
    """Read an entry, give it this outcome and settle it."""
    entry_id, message = await read_one(storage)
    message.delivery.outcomes = [outcome]
    settled = await storage.settle(*ONE, {entry_id: message})
    assert (list(settled.lost), settled.refused) == ([], {})
    return entry_id, message


class Groups:
    """Groups and reading."""

    async def test_creating_a_group_twice_keeps_pending_entries(self, backend: Backend) -> None:
        storage = backend.storage()
        await storage.create_group(STREAM, GROUP)
        entry_id = await backend.add(type="booked")
        await storage.read_events(*ONE, 10)
        await storage.create_group(STREAM, GROUP)
        assert await backend.pending() == [entry_id]
        assert await storage.read_events(*ONE, 10) == []

    async def test_a_new_group_reads_from_the_first_entry(self, backend: Backend) -> None:
        await backend.add(type="booked")
        storage = backend.storage()
        await storage.create_group(STREAM, GROUP)
        _, message = await read_one(storage)
        assert message == {"type": "booked"}

    async def test_an_entry_goes_to_one_consumer_of_the_group(self, backend: Backend) -> None:
        storage = backend.storage()
        await storage.create_group(STREAM, GROUP)
        ids = [await backend.add(type="booked") for _ in range(4)]
        first = await storage.read_events(*ONE, 3)
        second = await storage.read_events(*TWO, 3)
        assert [entry_id for entry_id, _ in first + second] == ids

    async def test_a_message_knows_where_it_came_from(self, backend: Backend) -> None:
        storage = backend.storage()
        await storage.create_group(STREAM, GROUP)
        added = await backend.add(type="booked", data='{"nights": 3}')
        entry_id, message = await read_one(storage)
        assert (entry_id, message) == (added, {"type": "booked", "nights": 3})
        assert (message.id, message.stream, message.group) == (added, STREAM, GROUP)
        assert (message.deliveries, message.attempt, message.routes, message.delivery.outcomes) == (
            1,
            1,
            None,
            [],
        )
        assert message.fields == {b"type": b"booked", b"data": b'{"nights": 3}'}

    async def test_a_read_waits_for_the_first_entry(self, backend: Backend) -> None:
        storage = backend.storage(block=15.0)
        await storage.create_group(STREAM, GROUP)
        reading = asyncio.ensure_future(storage.read_events(*ONE, 10))
        await asyncio.sleep(0)
        added = await backend.add(type="booked")
        assert [entry_id for entry_id, _ in await within_patience(reading)] == [added]

    async def test_reading_without_the_group_is_an_error(self, backend: Backend) -> None:
        with pytest.raises(Exception, match="NOGROUP"):
            await backend.storage().read_events(*ONE, 10)

    async def test_an_entry_that_cannot_be_decoded_is_read_with_its_fault(self, backend: Backend) -> None:
        storage = backend.storage()
        await storage.create_group(STREAM, GROUP)
        await backend.add(type="booked", data="{")
        _, message = await read_one(storage)
        assert message == {}
        assert message.decode_error is not None
        assert '"data"' in message.decode_error
        assert message.fields == {b"type": b"booked", b"data": b"{"}

    @pytest.mark.parametrize("result", [["a", "list"], ZeroDivisionError("oops")])
    async def test_a_codec_that_misbehaves_is_a_fault_of_the_entry(
        self, backend: Backend, result: Any
    ) -> None:
        class Odd:
            def decode(self, fields: dict[bytes, bytes]) -> Any:
                if isinstance(result, Exception):
                    raise result
                return result

            def encode(self, payload: Any) -> dict[bytes, bytes]:
                return {}

        storage = backend.storage(codec=Odd())
        await storage.create_group(STREAM, GROUP)
        await backend.add(type="booked")
        _, message = await read_one(storage)
        assert message.decode_error is not None
        assert message.decode_error.startswith("the codec")


class Leases:
    """Acknowledging, claiming, releasing: which consumer may finish an entry."""

    async def test_an_ack_takes_the_entry_off_the_pending_list(self, backend: Backend) -> None:
        storage = backend.storage()
        await storage.create_group(STREAM, GROUP)
        ids = [await backend.add(type="booked") for _ in range(3)]
        await storage.read_events(*ONE, 10)
        await storage.ack_event(STREAM, GROUP, ids[0])
        assert await backend.pending() == ids[1:]
        await storage.ack_events(STREAM, GROUP, ids[1:])
        assert await backend.pending() == []

    async def test_an_entry_cannot_be_claimed_within_its_lease(self, backend: Backend) -> None:
        storage = backend.storage()
        await storage.create_group(STREAM, GROUP)
        await backend.add(type="booked")
        await read_one(storage)
        assert await storage.claim_stale_events(*TWO, 60_000, 10) == []

    async def test_a_claim_takes_idle_entries_and_counts_the_delivery(self, backend: Backend) -> None:
        storage = backend.storage(lease=0.02)
        await storage.create_group(STREAM, GROUP)
        added = await backend.add(type="booked")
        await read_one(storage)
        [(entry_id, message)] = await claimed(storage, 20)
        assert (entry_id, message, message.deliveries) == (added, {"type": "booked"}, 2)
        [(_, message)] = await claimed(storage, 20, ONE)
        assert message.deliveries == 3

    async def test_a_claim_takes_no_more_than_it_asks_for(self, backend: Backend) -> None:
        storage = backend.storage(lease=0.02)
        await storage.create_group(STREAM, GROUP)
        ids = [await backend.add(type="booked") for _ in range(5)]
        await storage.read_events(*ONE, 10)
        await leases_expire()
        first = await storage.claim_stale_events(*TWO, 20, 2)
        assert [entry_id for entry_id, _ in first] == ids[:2]

    async def test_a_claim_takes_of_each_delivery_no_more_than_its_quota(self, backend: Backend) -> None:
        """The entries left behind are not delivered."""
        storage = backend.storage(lease=0.02)
        await storage.create_group(STREAM, GROUP)
        ids = [await backend.add(type="booked") for _ in range(6)]
        await storage.read_events(*ONE, 10)
        first = await _claim_within(storage, Quotas(5, {2: 2}))
        assert [entry_id for entry_id, _ in first.entries] == ids[:2]
        assert (first.held_back, first.last_deliveries) == (4, 0)
        again = await _claim_within(storage, Quotas(5, {2: 0, 3: 2}))
        assert [entry_id for entry_id, _ in again.entries] == ids[:2]
        last = await storage.claim_within(*TWO, 20, 10, Quotas(2, {2: 0}, others=0))
        assert (last.entries, last.last_deliveries) == ([], 4)
        rest = await _claim_within(storage, Quotas(5, {4: 0}))
        assert [message.deliveries for _, message in rest.entries] == [2, 2, 2, 2]

    async def test_a_claim_of_one_delivery_alone_passes_over_the_others(self, backend: Backend) -> None:
        storage = backend.storage(lease=0.02)
        await storage.create_group(STREAM, GROUP)
        ids = [await backend.add(type="booked") for _ in range(3)]
        await storage.read_events(*ONE, 10)
        await _claim_within(storage, Quotas(9, {2: 1}))
        one = await _claim_within(storage, Quotas(3, {3: 1}, others=0))
        assert [(entry_id, message.deliveries) for entry_id, message in one.entries] == [(ids[0], 3)]

    async def test_entries_released_unstarted_do_not_count_towards_the_quota(self, backend: Backend) -> None:
        storage = backend.storage()
        await storage.create_group(STREAM, GROUP)
        await backend.add(type="booked")
        entry_id, message = await read_one(storage)
        await storage.release(*ONE, {entry_id: message}, started=False)
        [(_, again)] = (await storage.claim_within(*TWO, 60_000, 10, Quotas(2, {2: 0}))).entries
        assert again.deliveries == 1

    async def test_entries_deleted_while_pending_are_reported_and_removed(
        self, backend: Backend, caplog: pytest.LogCaptureFixture
    ) -> None:
        storage = backend.storage(lease=0.02)
        await storage.create_group(STREAM, GROUP)
        gone, kept = await backend.add(type="booked"), await backend.add(type="booked")
        await storage.read_events(*ONE, 10)
        await backend.delete(gone)
        assert [entry_id for entry_id, _ in await claimed(storage, 20)] == [kept]
        assert await backend.pending() == [kept]
        [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
        assert gone in record.getMessage()

    async def test_a_consumer_that_lost_an_entry_cannot_ack_it(self, backend: Backend) -> None:
        storage = backend.storage(lease=0.02)
        await storage.create_group(STREAM, GROUP)
        await backend.add(type="booked")
        entry_id, message = await read_one(storage)
        await claimed(storage, 20)
        settled = await storage.settle(*ONE, {entry_id: message})
        assert list(settled.lost) == [entry_id]
        assert await backend.pending() == [entry_id]

    @pytest.mark.parametrize("outcome", [DeadLetter("a", "no"), RetryLater("a", 60, 2, "no")])
    async def test_a_consumer_that_lost_an_entry_writes_nothing(self, backend: Backend, outcome: Any) -> None:
        storage = backend.storage(lease=0.02)
        await storage.create_group(STREAM, GROUP)
        await backend.add(type="booked")
        entry_id, message = await read_one(storage)
        message.delivery.outcomes = [outcome]
        await claimed(storage, 20)
        assert list((await storage.settle(*ONE, {entry_id: message})).lost) == [entry_id]
        assert (await backend.dead(), await backend.scheduled()) == ([], [])

    async def test_an_entry_that_went_away_and_came_back_is_another_delivery(self, backend: Backend) -> None:
        storage = backend.storage(lease=0.02)
        await storage.create_group(STREAM, GROUP)
        await backend.add(type="booked")
        entry_id, stale = await read_one(storage)
        await claimed(storage, 20, TWO)
        [(_, current)] = await claimed(storage, 20, ONE)
        assert list((await storage.settle(*ONE, {entry_id: stale})).lost) == [entry_id]
        assert list((await storage.settle(*ONE, {entry_id: current})).lost) == []
        assert await backend.pending() == []

    @pytest.mark.parametrize(("started", "deliveries"), [(False, 1), (True, 2)])
    async def test_released_entries_are_claimed_at_once(
        self, backend: Backend, started: bool, deliveries: int
    ) -> None:
        """Releasing an unstarted entry undoes its delivery, so that harmless ones are not dead-lettered."""
        storage = backend.storage()
        await storage.create_group(STREAM, GROUP)
        await backend.add(type="booked")
        entry_id, message = await read_one(storage)
        await storage.release(*ONE, {entry_id: message}, started=started)
        [(same, again)] = await storage.claim_stale_events(*TWO, 60_000, 10)
        assert (same, again.deliveries) == (entry_id, deliveries)

    async def test_only_the_owner_can_release(self, backend: Backend) -> None:
        storage = backend.storage(lease=0.02)
        await storage.create_group(STREAM, GROUP)
        await backend.add(type="booked")
        entry_id, message = await read_one(storage)
        await claimed(storage, 20)
        await storage.release(*ONE, {entry_id: message}, started=True)
        assert await storage.claim_stale_events(*ONE, 60_000, 10) == []

    async def test_a_released_entry_cannot_be_released_again_from_its_next_owner(
        self, backend: Backend
    ) -> None:
        storage = backend.storage()
        await storage.create_group(STREAM, GROUP)
        await backend.add(type="booked")
        entry_id, message = await read_one(storage)
        await storage.release(*ONE, {entry_id: message}, started=False)
        [(_, again)] = await storage.claim_stale_events(*TWO, 60_000, 10)
        assert again.deliveries == message.deliveries
        await storage.release(*ONE, {entry_id: message}, started=False)
        assert await storage.claim_stale_events(*ONE, 60_000, 10) == []


class Outcomes:
    """Retries and dead letters."""

    async def test_a_retry_comes_back_as_its_next_attempt(self, backend: Backend) -> None:
        storage = backend.storage()
        await storage.create_group(STREAM, GROUP)
        origin = await backend.add(type="booked", data='{"nights": 3}')
        await failed(storage, RetryLater("thank", 0, 2, "no luck"))
        assert await backend.pending() == []
        assert await backend.scheduled() == [f"{origin}|thank|2"]
        await eventually(lambda: _promoted(storage))
        entry_id, message = await read_one(storage)
        assert (message.id, message.attempt, message.routes) == (origin, 2, frozenset({"thank"}))
        assert message == {"type": "booked", "nights": 3}
        assert message.fields == {b"type": b"booked", b"data": b'{"nights": 3}'}
        assert await backend.pending() == [entry_id]
        await storage.settle(*ONE, {entry_id: message})
        assert (await backend.pending(), await backend.scheduled()) == ([], [])

    async def test_a_retry_may_be_acked_without_a_settlement(self, backend: Backend) -> None:
        storage = backend.storage()
        await storage.create_group(STREAM, GROUP)
        await backend.add(type="booked")
        await failed(storage, RetryLater("thank", 0, 2, "no luck"))
        await eventually(lambda: _promoted(storage))
        entry_id, _ = await read_one(storage)
        await storage.ack_event(STREAM, GROUP, entry_id)
        assert await backend.pending() == []

    async def test_a_retry_waits_for_its_time(self, backend: Backend) -> None:
        storage = backend.storage()
        await storage.create_group(STREAM, GROUP)
        await backend.add(type="booked")
        await failed(storage, RetryLater("thank", 1_000_000, 2, "no luck"))
        wait = await storage.promote_due(STREAM, GROUP)
        assert 1_000_000 - 100 < wait <= 1_000_000
        assert await storage.read_events(*ONE, 10) == []

    async def test_nothing_waits_where_nothing_failed(self, backend: Backend) -> None:
        assert await backend.storage().promote_due(STREAM, GROUP) is None

    async def test_scheduling_a_retry_twice_delivers_it_once(self, backend: Backend) -> None:
        storage = backend.storage()
        await storage.create_group(STREAM, GROUP)
        await backend.add(type="booked")
        entry_id, message = await read_one(storage)
        message.delivery.outcomes = [RetryLater("thank", 600, 2, "no luck")] * 2
        await storage.settle(*ONE, {entry_id: message})
        assert len(await backend.scheduled()) == 1

    async def test_a_dead_letter_holds_all_known_fields(self, backend: Backend) -> None:
        storage = backend.storage()
        await storage.create_group(STREAM, GROUP)
        origin = await backend.add(type="booked", data="{}")
        await failed(storage, DeadLetter("thank", "failed", "ValueError: x", "Traceback ...", 3))
        [dead] = await backend.dead()
        assert (dead.id, dead.stream, dead.group, dead.route) == (origin, STREAM, GROUP, "thank")
        assert (dead.reason, dead.error, dead.traceback) == ("failed", "ValueError: x", "Traceback ...")
        assert (dead.attempt, dead.deliveries) == (3, 1)
        assert dead.fields == {b"type": b"booked", b"data": b"{}"}
        assert await backend.pending() == []

    async def test_a_delivery_ends_on_the_pipeline_that_decoded_it(self, backend: Backend) -> None:
        storage = backend.storage()
        await storage.create_group(STREAM, GROUP)
        started = {}
        for n in ("1", "2"):
            storage.use(pipeline := CodecPipeline(FieldsCodec(), f"generation {n}"))
            await backend.add(type="booked", n=n)
            entry_id, message = await read_one(storage)
            assert message.delivery.pipeline is pipeline
            started[entry_id] = message
            message.delivery.outcomes = [DeadLetter("thank", "no"), RetryLater("bill", 0, 2, "no luck")]
        await storage.settle(*ONE, started)
        assert {letter.fields[b"n"]: letter.generation for letter in await backend.dead()} == {
            b"1": "generation 1",
            b"2": "generation 2",
        }
        await eventually(lambda: _promoted(storage))
        retries = [message for _, message in await storage.read_events(*ONE, 10)]
        assert {message.delivery.generation for message in retries} == {"generation 2"}

    async def test_a_claimed_entry_belongs_to_the_pipeline_of_its_claim(self, backend: Backend) -> None:
        storage = backend.storage()
        await storage.create_group(STREAM, GROUP)
        await backend.add(type="booked")
        await read_one(storage)
        storage.use(CodecPipeline(FieldsCodec(), "generation 2"))
        [(_, message)] = await claimed(storage, 0)
        assert message.delivery.generation == "generation 2"

    async def test_an_entry_with_thousands_of_fields_is_dead_lettered_whole(self, backend: Backend) -> None:
        storage = backend.storage()
        await storage.create_group(STREAM, GROUP)
        await backend.add(**{f"field{n}": str(n) for n in range(3000)})
        _, message = await failed(storage, DeadLetter(None, "no"))
        [dead] = await backend.dead()
        assert dead.fields == message.fields
        assert len(dead.fields) == 3000

    async def test_messages_of_all_kinds_are_settled_together(self, backend: Backend) -> None:
        storage = backend.storage()
        await storage.create_group(STREAM, GROUP)
        await backend.add(type="booked", n="retry")
        await failed(storage, RetryLater("thank", 0, 2, "no luck"))
        await eventually(lambda: _promoted(storage))
        for n in ("done", "dead", "later"):
            await backend.add(type="booked", n=n)
        messages = {
            entry_id: message for _ in range(2) for entry_id, message in await storage.read_events(*ONE, 10)
        }
        by_name = {message["n"]: message for message in messages.values()}
        by_name["dead"].delivery.outcomes = [DeadLetter("thank", "no")]
        by_name["later"].delivery.outcomes = [RetryLater("thank", 60, 2, "no")]
        assert len(messages) == 4
        settled = await storage.settle(*ONE, messages)
        assert (list(settled.lost), settled.refused) == ([], {})
        assert await backend.pending() == []
        assert [dead.fields[b"n"] for dead in await backend.dead()] == [b"dead"]
        assert await backend.scheduled() == [f"{by_name['later'].id}|thank|2"]


async def _promoted(storage: Any) -> bool:
    return await storage.promote_due(STREAM, GROUP) is None


class Histories:
    """The history kept by a retry and by a dead letter."""

    async def test_a_retry_remembers_the_failures_before_it(self, backend: Backend) -> None:
        storage = backend.storage()
        await storage.create_group(STREAM, GROUP)
        await backend.add(type="booked")
        await failed(storage, RetryLater("thank", 0, 2, "first"))
        await eventually(lambda: _promoted(storage))
        await failed(storage, RetryLater("thank", 0, 3, "second"))
        await eventually(lambda: _promoted(storage))
        await failed(storage, DeadLetter("thank", "failed", "third", attempt=3))
        [dead] = await backend.dead()
        reported = [(failure.route, failure.attempt, failure.error) for failure in dead.history]
        assert reported == [("thank", 1, "first"), ("thank", 2, "second")]
        assert dead.as_failure().error == "third"

    async def test_each_failure_names_the_generation_that_ran_the_route(self, backend: Backend) -> None:
        storage = backend.storage()
        await storage.create_group(STREAM, GROUP)
        await backend.add(type="booked")
        for attempt, generation in enumerate(("one", "two"), 1):
            storage.use(CodecPipeline(JsonCodec(), generation))
            await failed(storage, RetryLater("thank", 0, attempt + 1, "no luck"))
            await eventually(lambda: _promoted(storage))
        storage.use(CodecPipeline(JsonCodec(), "three"))
        await failed(storage, DeadLetter("thank", "failed", "no luck", attempt=3))
        [dead] = await backend.dead()
        assert [failure.generation for failure in dead.history] == ["one", "two"]
        assert dead.as_failure().generation == "three"

    async def test_the_oldest_failures_are_forgotten(self, backend: Backend) -> None:
        storage = backend.storage()
        await storage.create_group(STREAM, GROUP)
        await backend.add(type="booked")
        for attempt in range(1, 30):
            await failed(storage, RetryLater("thank", 0, attempt + 1, f"number {attempt} " + "x" * 5000))
            await eventually(lambda: _promoted(storage))
        _, message = await read_one(storage)
        assert [failure.attempt for failure in message.history] == list(range(10, 30))
        assert max(len(failure.error) for failure in message.history) == 500

    async def test_a_dead_letter_has_its_type_its_routes_and_its_trace(self, backend: Backend) -> None:
        storage = backend.storage()
        await storage.create_group(STREAM, GROUP)
        trace = {"traceparent": f"00-{'1' * 32}-{'2' * 16}-01", "tracestate": "a=b"}
        await backend.add(type="booked", **trace, other="c")
        await failed(storage, RetryLater("thank", 0, 2, "first"))
        await eventually(lambda: _promoted(storage))
        await failed(storage, DeadLetter(None, "delivered too often"))
        [dead] = await backend.dead()
        assert (dead.type, dead.routes) == ("booked", ["thank"])
        assert dead.trace == trace
        assert dead.time > 0


async def _claim_within(storage: Any, quotas: Quotas) -> Any:
    await leases_expire()
    return await storage.claim_within(*TWO, 20, 10, quotas)
