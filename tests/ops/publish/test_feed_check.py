"""The check of a feed: every wrong line by number, of which the first are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamroute.adapters.codecs.builtin import JsonCodec
from streamroute.adapters.entries.field_lists import flatten_fields
from streamroute.ops.publish.feed_check import FeedFindings, check_feed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence


class Encoding:
    """A target that only encodes."""

    def encode(self, payload: Mapping[str, Any]) -> list[bytes]:
        return flatten_fields(JsonCodec().encode(payload))

    async def publish(self, entries: Sequence[list[bytes]]) -> list[str]:
        raise AssertionError("a check publishes nothing")


async def chunks(*given: list[bytes]) -> AsyncIterator[list[bytes]]:
    for chunk in given:
        yield chunk


GOOD = b'{"type": "t"}'


async def test_every_wrong_line_is_counted() -> None:
    sizes: list[int] = []
    given = chunks([b"\xef\xbb\xbf" + GOOD, b"", b"{"], [b"3", GOOD])
    findings = await check_feed(Encoding(), given, "feed", on_read=sizes.append)
    assert (findings.events, findings.wrong, sum(sizes)) == (4, 2, 36)
    assert [text[:22] for text in findings.shown] == ["feed:3: the line is no", "feed:4: the line is no"]


async def test_lines_before_the_first_are_skipped() -> None:
    sizes: list[int] = []
    findings = await check_feed(
        Encoding(), chunks([b"{", GOOD], [b"{"]), "feed", first_line=2, on_read=sizes.append
    )
    assert (findings.events, findings.wrong) == (2, 1)


async def test_the_texts_are_bounded() -> None:
    sizes: list[int] = []
    findings: FeedFindings = await check_feed(Encoding(), chunks([b"{"] * 1000), "feed", on_read=sizes.append)
    assert (findings.wrong, len(findings.shown)) == (1000, 50)
