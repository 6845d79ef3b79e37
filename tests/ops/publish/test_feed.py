"""A feed: every event in order, in batches of bounded size, with broken lines named."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from streamroute.adapters.codecs.builtin import JsonCodec
from streamroute.adapters.entries.field_lists import flatten_fields
from streamroute.errors import EncodeError
from streamroute.ops.publish.feed import FeedError, FeedProgress, publish_feed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence


class Target:
    """An in-memory stream that records its batches."""

    def __init__(self) -> None:
        self.batches: list[list[list[bytes]]] = []

    def encode(self, payload: Mapping[str, Any]) -> list[bytes]:
        if payload["type"] == "refused":
            raise EncodeError("the codec does not like it")
        return flatten_fields(JsonCodec().encode(payload))

    async def publish(self, entries: Sequence[list[bytes]]) -> list[str]:
        if entries:
            self.batches.append(list(entries))
        return ["1-1"] * len(entries)

    @property
    def data(self) -> list[Any]:
        return [json.loads(entry[3])["n"] for batch in self.batches for entry in batch]


async def chunks(*given: list[bytes]) -> AsyncIterator[list[bytes]]:
    for chunk in given:
        yield chunk


def event(n: int, **more: Any) -> bytes:
    return json.dumps({"type": "t", "n": n, **more}).encode()


async def feed(*given: list[bytes]) -> tuple[Target, FeedProgress]:
    target, progress = Target(), FeedProgress()
    async for _ in publish_feed(target, chunks(*given), "feed", progress):
        pass
    return target, progress


async def test_events_go_in_in_order_however_they_arrive() -> None:
    target, progress = await feed([event(1)], [event(2), b"", event(3)], [b" \r"], [event(4)])
    assert target.data == [1, 2, 3, 4]
    assert (progress.events, progress.lines) == (4, 6)


async def test_bytes_are_counted_as_written_in_the_file() -> None:
    target, progress = Target(), FeedProgress()
    lines = [event(1), b"", event(2)]
    sizes = [size async for size in publish_feed(target, chunks(lines), "feed", progress)]
    assert sum(sizes) == progress.bytes == len(b"\n".join(lines)) + 1


async def test_a_batch_holds_500_events_at_most() -> None:
    target, _ = await feed([event(n) for n in range(1201)])
    assert [len(batch) for batch in target.batches] == [500, 500, 201]


async def test_large_events_go_in_few_at_a_time() -> None:
    large = "x" * 1_500_000
    target, _ = await feed([event(n, text=large) for n in range(5)])
    assert [len(batch) for batch in target.batches] == [2, 2, 1]


async def test_an_event_larger_than_a_batch_goes_in_alone() -> None:
    target, _ = await feed([event(1), event(2, text="x" * 5_000_000), event(3)])
    assert [len(batch) for batch in target.batches] == [1, 1, 1]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{", "the line is not JSON"),
        (b"3", "the line is not a JSON object"),
        (b'{"type": "refused"}', "the codec does not like it"),
    ],
)
async def test_an_invalid_line_is_reported_by_number_after_the_lines_before_it_are_published(
    line: bytes, message: str
) -> None:
    target, progress = Target(), FeedProgress()
    given = chunks([event(1), b""], [event(2), line, event(3)])
    with pytest.raises(FeedError, match=rf"^feed:4: {message}"):
        _ = [size async for size in publish_feed(target, given, "feed", progress)]
    assert (target.data, progress.events) == ([1, 2], 2)


async def test_a_byte_order_mark_is_passed_over_at_the_start_alone() -> None:
    target, _ = await feed([b"\xef\xbb\xbf" + event(1)])
    assert target.data == [1]
    with pytest.raises(FeedError, match=r"^feed:2: .*byte order mark"):
        await feed([event(1)], [b"\xef\xbb\xbf" + event(2)])


async def test_lines_before_the_first_are_passed_over_and_counted() -> None:
    target, progress = Target(), FeedProgress()
    ids: list[str] = []
    given = chunks([b"{", event(2)], [b"[", event(4)])
    with pytest.raises(FeedError, match=r"^feed:3: ") as raised:
        async for _ in publish_feed(target, given, "feed", progress, first_line=2, on_published=ids.extend):
            pass
    assert (target.data, ids, raised.value.line, progress.lines) == ([2], ["1-1"], 3, 2)
    target, progress = Target(), FeedProgress()
    given = chunks([b"{", event(2)], [b"[", event(4)])
    async for _ in publish_feed(target, given, "feed", progress, first_line=4):
        pass
    assert target.data == [4]
