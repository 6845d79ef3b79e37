"""What a callback returns is awaited, if there is anything to await."""

from __future__ import annotations

import asyncio

import pytest

from streamroute.core.tracing import finished


def test_a_message_that_was_handled_needs_no_wait() -> None:
    with pytest.raises(StopIteration):
        finished(None).send(None)


async def test_the_rest_of_a_message_is_awaited_and_its_error_raised() -> None:
    ended: list[str] = []

    async def rest() -> None:
        await asyncio.sleep(0)
        ended.append("rest")
        raise LookupError

    with pytest.raises(LookupError):
        await finished(rest())
    assert ended == ["rest"]
