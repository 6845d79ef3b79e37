"""A drain ends when nothing is left up to its marks, on every stream, and not before."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from consuming import eventually, within_patience
from streamroute.errors import RedisUnavailableError
from streamroute.ops.serve.drain import wait_until_done

if TYPE_CHECKING:
    pass


class Backlog:
    """A scripted backlog that records its calls."""

    def __init__(self, *, left: bool) -> None:
        self.left = left
        self.is_gone = False
        self.requests: list[str] = []

    async def remains(self, upto: str) -> bool:
        self.requests.append(upto)
        if self.is_gone:
            raise RedisUnavailableError("gone")
        return self.left


async def test_a_drain_waits_for_the_last_stream() -> None:
    done, slow = Backlog(left=False), Backlog(left=True)
    streams, marks = {"a": done, "b": slow}, {"a": "1-0", "b": "2-0"}
    waiting = asyncio.create_task(wait_until_done(streams, marks, first_pause=0.001, longest_pause=0.002))
    await eventually(lambda: len(slow.requests) > 5)
    assert not waiting.done()
    slow.left = False
    await within_patience(waiting)
    assert done.requests == ["1-0"]
    assert set(slow.requests) == {"2-0"}


async def test_a_server_that_is_away_is_not_one_without_work() -> None:
    backlog = Backlog(left=False)
    backlog.is_gone = True
    waiting = asyncio.create_task(wait_until_done({"a": backlog}, {"a": "1-0"}))
    await eventually(lambda: len(backlog.requests) > 1)
    assert not waiting.done()
    backlog.is_gone = False
    await within_patience(waiting)


async def test_a_drain_without_streams_ends_at_once() -> None:
    done = asyncio.ensure_future(wait_until_done({}, {}))
    await within_patience(done)
    assert done.done()
