"""A group that was deleted restarts where it was: nothing is skipped, and little runs twice."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis

from backends import KEYS, RedisBackend
from consuming import GROUP, STREAM, Handling, consuming, dispatcher_of, eventually, leases_expire
from streamroute.adapters.groups import watermark
from streamroute.adapters.groups.watermark import Watermarks
from streamroute.incidents import Incident, Incidents
from streamroute.values import RetryLater


@pytest.fixture
def backend(redis_client: Redis) -> RedisBackend:
    return RedisBackend(redis_client)


async def test_settled_entries_do_not_run_again(
    backend: RedisBackend, caplog: pytest.LogCaptureFixture
) -> None:
    handler = Handling()
    async with consuming(backend.storage(lease=0.06), dispatcher_of(handler).process_message, lease=5):
        for n in "123":
            last = await backend.add(type="booked", n=n)
        await eventually(lambda: _low_is(backend, f"({last}"))
        await backend.destroy_group()
        await backend.add(type="booked", n="4")
        await eventually(lambda: "4" in handler.numbers())
    assert handler.numbers() == ["1", "2", "3", "4"]
    assert f"begins again after {last}" in caplog.text


async def test_the_entries_that_run_again_do_not_depend_on_the_lease(backend: RedisBackend) -> None:
    """Despite a lease of an hour, only the entries finished last run again."""
    handler = Handling()
    async with consuming(backend.storage(lease=3600), dispatcher_of(handler).process_message, lease=3600):
        for n in "12":
            await backend.add(type="booked", n=n)
        await eventually(lambda: handler.numbers() == ["1", "2"])
        last = await backend.add(type="booked", n="3")
        await eventually(lambda: _low_is(backend, f"({last}"))
        await backend.destroy_group()
        await backend.add(type="booked", n="4")
        await eventually(lambda: "4" in handler.numbers())
    assert handler.numbers() == ["1", "2", "3", "4"]


async def test_pending_entries_run_again(backend: RedisBackend) -> None:
    never = asyncio.Event()
    stuck, other = Handling(then=lambda payload: never.wait()), Handling()
    async with consuming(
        backend.storage(lease=0.06), dispatcher_of(stuck).process_message, lease=5, grace=0, batch_count=1
    ):
        first = await backend.add(type="booked", n="1")
        await eventually(lambda: stuck.seen)
        await eventually(lambda: _low_is(backend, first))
    await backend.destroy_group()
    async with consuming(backend.storage(), dispatcher_of(other).process_message):
        await eventually(lambda: other.numbers() == ["1"])


async def test_a_deleted_retry_group_is_reported(
    backend: RedisBackend, caplog: pytest.LogCaptureFixture
) -> None:
    """Pending entries are delivered again, and the run in progress settles them."""
    proceed, seen = asyncio.Event(), []

    async def callback(payload: Any) -> None:
        if payload.attempt == 1:
            payload.delivery.outcomes.append(RetryLater("booked", 0, 2, "not now"))
            return
        seen.append(payload.attempt)
        await (proceed.wait() if len(seen) == 1 else asyncio.sleep(0))

    async with consuming(backend.storage(), callback, grace=0):
        await backend.add(type="booked")
        await eventually(lambda: seen == [2])
        await backend.client.xgroup_destroy(KEYS.retry, GROUP)
        await eventually(lambda: f"the group {GROUP} of {KEYS.retry} was missing" in caplog.text)
        assert "begins again" not in caplog.text
        proceed.set()
        await eventually(lambda: _is_empty(backend, KEYS.retry))
    assert seen == [2]


async def test_each_worker_remembers_its_own_watermark(backend: RedisBackend) -> None:
    storage, marks = backend.storage(), Watermarks()
    await storage.create_group(STREAM, GROUP)
    first = await backend.add(type="booked")
    await storage.read_events(STREAM, GROUP, "one", 1)
    await storage.ack_event(STREAM, GROUP, first)
    await marks.note(backend.client, KEYS, GROUP)
    await backend.client.delete(KEYS.meta)
    assert await marks.start(backend.client, KEYS, GROUP) == first
    assert await Watermarks().start(backend.client, KEYS, GROUP) == "0-0"


async def test_a_stream_that_was_made_anew_is_read_from_its_first_entry(
    backend: RedisBackend, caplog: pytest.LogCaptureFixture
) -> None:
    """Its ids may be lower than the watermark."""
    handler = Handling()
    async with consuming(backend.storage(lease=0.06), dispatcher_of(handler).process_message, lease=5):
        last = await backend.add(type="booked", n="1")
        await eventually(lambda: _low_is(backend, f"({last}"))
        await backend.client.delete(STREAM)
        await backend.client.xadd(STREAM, {"type": "booked", "n": "2"}, id="1-1")
        await eventually(lambda: handler.numbers() == ["1", "2"])
    assert "was missing; it begins again after 0-0" in caplog.text


@pytest.mark.parametrize(
    ("low", "start"),
    [("(7-3", "7-3"), ("7-3", "7-2"), ("7-0", "6-18446744073709551615"), ("0-1", "0-0"), ("9-0", "0-0")],
)
async def test_the_start_is_the_id_before_the_first_that_is_needed(
    backend: RedisBackend, low: str, start: str
) -> None:
    await backend.client.xadd(STREAM, {"type": "booked"}, id="8-0")
    await backend.client.hset(KEYS.meta, "low", low)
    assert await Watermarks().start(backend.client, KEYS, GROUP) == start


@pytest.mark.parametrize(
    "low",
    [
        "abc",
        "",
        "(",
        "7-",
        "-7",
        "7-x",
        "(7-3-1",
        "1e3-0",
        "1_0-0",
        "99999999999999999999999-0",
        "\u0663-0",
        b"\xff",
    ],
)
async def test_an_unreadable_watermark_counts_as_unknown_and_is_rewritten(
    backend: RedisBackend, low: str | bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Anyone may have written it; the group restarts at the position that the worker knows."""
    storage, handler = backend.storage(lease=0.06), Handling()
    async with consuming(storage, dispatcher_of(handler).process_message, lease=5):
        last = await backend.add(type="booked", n="1")
        # It is in Redis before the worker reads it.
        await eventually(lambda: storage._watermarks._known.get((STREAM, GROUP)) == f"({last}")
        await backend.client.hset(KEYS.meta, "low", low)
        await backend.destroy_group()
        newer = await backend.add(type="booked", n="2")
        await eventually(lambda: "2" in handler.numbers())
        await eventually(lambda: _low_is(backend, f"({newer}"))
    assert handler.numbers() == ["1", "2"]
    assert caplog.text.count("is invalid, and counts as unknown") <= 1
    assert await Watermarks().start(backend.client, KEYS, GROUP) == newer


async def test_an_unreadable_watermark_is_logged_once(
    backend: RedisBackend, caplog: pytest.LogCaptureFixture
) -> None:
    await backend.client.hset(KEYS.meta, "low", "abc")
    await backend.add(type="booked")
    for _ in range(3):
        assert await Watermarks().start(backend.client, KEYS, GROUP) == "0-0"
    assert caplog.text.count("counts as unknown") == 1


async def test_a_group_moved_back_is_reported(
    backend: RedisBackend, caplog: pytest.LogCaptureFixture
) -> None:
    """For example if the server is restored from a backup: entries finished since then run again."""
    reported: list[tuple[str, Incident, int]] = []
    marks = Watermarks(Incidents(lambda *what: reported.append(what)))
    storage = backend.storage()
    await storage.create_group(STREAM, GROUP)
    first, second = [await backend.add(type="booked") for _ in range(2)]
    await storage.read_events(STREAM, GROUP, "one", 2)
    await marks.note(backend.client, KEYS, GROUP)
    await storage.ack_events(STREAM, GROUP, [first, second])
    await marks.note(backend.client, KEYS, GROUP)
    assert reported == []
    await backend.client.xgroup_setid(STREAM, GROUP, first)
    await marks.note(backend.client, KEYS, GROUP)
    assert reported == [(STREAM, Incident.WENT_BACK, 1)]
    assert f"has gone back from {second} to {first}" in caplog.text
    await marks.note(backend.client, KEYS, GROUP)
    assert len(reported) == 1


async def test_a_group_that_was_created_again_has_not_gone_back(backend: RedisBackend) -> None:
    """Its loss was already reported."""
    reported: list[Any] = []
    marks = Watermarks(Incidents(lambda *what: reported.append(what)))
    storage = backend.storage()
    await storage.create_group(STREAM, GROUP)
    added = await backend.add(type="booked")
    await storage.read_events(STREAM, GROUP, "one", 1)
    await storage.ack_event(STREAM, GROUP, added)
    await marks.note(backend.client, KEYS, GROUP)
    await backend.destroy_group()
    await marks.note(backend.client, KEYS, GROUP)  # there is none, and nothing is known
    await backend.client.xgroup_create(STREAM, GROUP, id="0")
    marks.reset(KEYS, GROUP, "0-0")
    await marks.note(backend.client, KEYS, GROUP)
    assert reported == []


async def test_an_idle_group_writes_no_watermark(backend: RedisBackend) -> None:
    storage, handler = backend.storage(lease=60), Handling()
    async with consuming(storage, dispatcher_of(handler).process_message, lease=60):
        last = await backend.add(type="booked")
        await eventually(lambda: _low_is(backend, f"({last}"))
        await eventually(lambda: _nothing_is_noted(backend))
        last = await backend.add(type="booked")
        await eventually(lambda: _low_is(backend, f"({last}"))


async def test_two_groups_of_one_storage_are_two(
    backend: RedisBackend, caplog: pytest.LogCaptureFixture
) -> None:
    """The second is not a loss of the first; each has its own cleanup and claims."""
    storage = backend.storage(lease=0.02)
    for group in (GROUP, "mailing"):
        await storage.create_group(STREAM, group)
        await storage.create_group(STREAM, group)
    assert "was missing" not in caplog.text
    for _ in range(3):
        await backend.add(type="booked")
    for group in (GROUP, "mailing"):
        await storage.read_events(STREAM, group, "gone", 10)
        await leases_expire()
        claimed = await storage.claim_stale_events(STREAM, group, "me", 20, 2)
        assert len(claimed) == 2
        await storage.clean_up(STREAM, group, "me")


async def test_an_answer_of_the_group_before_is_not_taken_for_one_of_the_new(
    monkeypatch: pytest.MonkeyPatch, redis_client: Redis
) -> None:
    reported: list[Incident] = []
    requests, may_answer = asyncio.Event(), asyncio.Event()
    marks = Watermarks(Incidents(lambda what, *facts: reported.append(what)))

    class Answers:
        """Returns first the watermark of the group deleted in the meantime, then that of the new one."""

        lows = iter([b"(7-0", b"(0-0"])

        async def run(self, *arguments: Any) -> bytes:
            low = next(self.lows)
            if not requests.is_set():
                requests.set()
                await may_answer.wait()
            return low

    monkeypatch.setattr(watermark, "script", lambda name: Answers())
    noting = asyncio.create_task(marks.note(redis_client, KEYS, GROUP))
    await requests.wait()
    marks.reset(KEYS, GROUP, "0-0")
    may_answer.set()
    await noting
    assert marks.has_moved(KEYS, GROUP)
    await marks.note(redis_client, KEYS, GROUP)
    assert (reported, marks.has_moved(KEYS, GROUP)) == ([], False)


async def _nothing_is_noted(backend: RedisBackend) -> bool:
    """Whether no watermark is written for a while; a recent settlement may cause one more write."""
    before = await _notes(backend)
    await asyncio.sleep(0.7)
    return bool(await _notes(backend) == before)


async def _notes(backend: RedisBackend) -> Any:
    """Return how often a worker has compared the group with its watermark."""
    stats = await backend.client.info("commandstats")
    return stats.get("cmdstat_xinfo|groups", {}).get("calls", 0)


async def _is_empty(backend: RedisBackend, stream: str) -> Any:
    return await backend.client.xlen(stream) == 0


async def _low_is(backend: RedisBackend, expected: str) -> Any:
    return await backend.client.hget(KEYS.meta, "low") == expected.encode()
