"""Acks of several streams in one script: each has its own answer, and its own error."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from consuming import GROUP, within_patience
from streamroute.adapters.redis.raw_client import raw_client
from streamroute.adapters.stream.ack_batches import MAX_IDS, Ack, ack_batches_of, pack_ids

LATER = 10**15
"""A deadline far in the future (Redis time in ms)."""
ME = "me"


def unpacked(data: bytes) -> Iterator[str]:
    """Read MessagePack strings."""
    while data:
        start, length = (2, data[1]) if data[0] == 0xD9 else (1, data[0] - 0xA0)
        yield data[start : start + length].decode()
        data = data[start + length :]


async def held(client: Redis, stream: str, *ids: str) -> None:
    """Have ME hold new entries of a stream."""
    await client.xgroup_create(stream, GROUP, "0", mkstream=True)
    for entry_id in ids:
        await client.xadd(stream, {"a": "b"}, id=entry_id)
    await client.xreadgroup(GROUP, ME, {stream: ">"})


async def acked(client: Redis, *acks: Ack) -> list[list[bytes] | BaseException]:
    """Acknowledge in the same step of the event loop."""
    raw = raw_client(client, acks[0].key)
    calls = [ack_batches_of(raw).ack(raw, ack) for ack in acks]
    return list(await asyncio.gather(*calls, return_exceptions=True))


async def calls_of_script(client: Redis) -> int:
    """Return how often a script was called by its digest."""
    return int((await client.info("commandstats")).get("cmdstat_evalsha", {}).get("calls", 0))


async def pending(client: Redis, stream: str) -> int:
    return int((await client.xpending(stream, GROUP))["pending"])


def ack_of(stream: str, *ids: str, deadline: int = LATER) -> Ack:
    return Ack(stream, GROUP, ME, deadline, "keep", ids)


@given(st.lists(st.from_regex(r"[0-9]{1,20}-[0-9]{1,20}", fullmatch=True)))
def test_packed_ids_are_the_same_ids_sorted_by_length(ids: list[str]) -> None:
    assert list(unpacked(pack_ids(ids))) == sorted(ids, key=len)


async def test_streams_that_settle_together_share_one_script(redis_client: Redis) -> None:
    for stream in "abc":
        await held(redis_client, stream, "1-0", "2-0")
    await acked(redis_client, ack_of("a", "1-0"))  # the server knows the script
    before = await calls_of_script(redis_client)
    await redis_client.xclaim("b", GROUP, "other", 0, ["2-0"])
    answers = await acked(
        redis_client, ack_of("a", "2-0"), ack_of("b", "1-0", "2-0", deadline=0), ack_of("c", "1-0")
    )
    assert answers == [[], [b"2-0"], []]
    assert await calls_of_script(redis_client) == before + 1
    assert [await pending(redis_client, stream) for stream in "abc"] == [0, 1, 1]


async def test_longer_ids_than_the_short_form_holds_are_acked(redis_client: Redis) -> None:
    longest = f"{2**64 - 1}-{2**64 - 1}"
    await held(redis_client, "a", "1-0", longest)
    assert await acked(redis_client, ack_of("a", longest, "1-0")) == [[]]
    assert await pending(redis_client, "a") == 0


async def test_the_error_of_one_stream_fails_no_other(redis_client: Redis) -> None:
    for stream in "abc":
        await held(redis_client, stream, "1-0")
    await redis_client.set("b", "no stream any more")
    first, second, third = await acked(redis_client, *(ack_of(stream, "1-0") for stream in "abc"))
    assert first == third == []
    assert isinstance(second, ResponseError)
    assert "WRONGTYPE" in str(second)
    assert [await pending(redis_client, stream) for stream in "ac"] == [0, 0]


@pytest.mark.parametrize("broken", ["no stream any more", "without its group"])
async def test_the_error_of_one_stream_makes_no_entry_of_another_look_lost(
    redis_client: Redis, broken: str
) -> None:
    for stream in "abc":
        await held(redis_client, stream, "1-0")
    if broken == "without its group":
        await redis_client.xgroup_destroy("b", GROUP)
    else:
        await redis_client.set("b", broken)
    first, second, third = await acked(redis_client, *(ack_of(stream, "1-0", deadline=0) for stream in "abc"))
    assert first == third == []
    assert isinstance(second, ResponseError)
    assert [await pending(redis_client, stream) for stream in "ac"] == [0, 0]


async def test_one_script_holds_a_bounded_number_of_ids(redis_client: Redis) -> None:
    ids = [f"{number}-0" for number in range(1, MAX_IDS + 1)]
    for stream in "abc":
        await held(redis_client, stream, *ids[: MAX_IDS if stream == "b" else 2])
    await acked(redis_client, ack_of("a", "1-0"))
    before = await calls_of_script(redis_client)
    answers = await acked(redis_client, ack_of("a", "2-0"), ack_of("b", *ids), ack_of("c", "1-0", "2-0"))
    assert answers == [[], [], []]
    assert await calls_of_script(redis_client) == before + 3
    assert [await pending(redis_client, stream) for stream in "abc"] == [0, 0, 0]


async def test_a_cancelled_caller_costs_no_other_its_ack(redis_client: Redis) -> None:
    for stream in "ab":
        await held(redis_client, stream, "1-0")
    raw = raw_client(redis_client, "a")
    batches = ack_batches_of(raw)
    first, second = (asyncio.create_task(batches.ack(raw, ack_of(stream, "1-0"))) for stream in "ab")
    await asyncio.sleep(0)
    first.cancel()
    assert await second == []
    with pytest.raises(asyncio.CancelledError):
        await first
    assert [await pending(redis_client, stream) for stream in "ab"] == [0, 0]


@pytest.mark.parametrize("steps", range(4))
async def test_after_all_tasks_were_cancelled_the_next_ack_is_sent(redis_client: Redis, steps: int) -> None:
    """Their carrier, too, in any state: before its first step it has taken no ack over."""
    await held(redis_client, "a", "1-0", "2-0")
    raw = raw_client(redis_client, "a")
    task = asyncio.create_task(ack_batches_of(raw).ack(raw, ack_of("a", "1-0")))
    for _ in range(steps):
        await asyncio.sleep(0)
    for each in asyncio.all_tasks() - {asyncio.current_task()}:
        each.cancel()
    with pytest.raises(asyncio.CancelledError):
        await within_patience(task)
    assert await within_patience(ack_batches_of(raw).ack(raw, ack_of("a", "2-0"))) == []


async def test_an_unreachable_server_is_an_error_of_each_caller() -> None:
    async with Redis(host="127.0.0.1", port=1) as client:
        errors = await acked(client, ack_of("a", "1-0"), ack_of("b", "1-0"))
    assert [type(error) for error in errors] == [type(errors[0])] * 2
    assert isinstance(errors[0], Exception)
