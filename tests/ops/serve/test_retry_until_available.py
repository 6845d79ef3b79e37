"""Temporary Redis errors are retried; permanent ones are not."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from streamroute.errors import RedisUnavailableError, SetupError
from streamroute.ops.serve.retry_until_available import RetryingPublisher, retry_until_available

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Flaky:
    """Fails with these errors, one per call, and then works."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.published: list[Sequence[list[bytes]]] = []

    async def __call__(self) -> str:
        if self.errors:
            raise self.errors.pop(0)
        return "done"

    def encode(self, payload: Mapping[str, Any]) -> list[bytes]:
        return [*payload["fields"]]

    async def publish(self, entries: Sequence[list[bytes]]) -> list[str]:
        await self()
        self.published.append(entries)
        return ["1-1"]


def gone() -> RedisUnavailableError:
    return RedisUnavailableError("Redis is gone")


async def test_an_outage_is_waited_out_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    assert await retry_until_available(Flaky(gone(), gone(), gone()), "asking") == "done"
    first, last = caplog.messages
    assert first == "asking failed; retrying: RedisUnavailableError: Redis is gone"
    assert last.startswith("asking recovered after 3 failures")


async def test_a_refusal_is_raised_at_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(SetupError, match="never"):
        await retry_until_available(Flaky(SetupError("never")), "asking")
    assert caplog.messages == []


async def test_a_batch_that_failed_is_published_whole() -> None:
    target = Flaky(gone())
    persistent = RetryingPublisher(target, "events")
    batch = [persistent.encode({"fields": [b"type", b"t"]})] * 2
    assert await persistent.publish(batch) == ["1-1"]
    assert target.published == [batch]
