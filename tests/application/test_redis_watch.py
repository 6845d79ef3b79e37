"""A server that has not answered for a while is not healthy."""

from __future__ import annotations

import asyncio
from itertools import count

from consuming import eventually
from streamroute.application.redis_watch import RedisWatch
from streamroute.errors import RedisUnavailableError
from streamroute.ops.serve.background import in_background


async def test_a_server_that_stops_answering_is_down_until_it_answers_again() -> None:
    now = [0.0]
    is_reachable = True
    pings = count()

    async def ping() -> None:
        next(pings)
        if not is_reachable:
            raise RedisUnavailableError("unreachable")
        await asyncio.sleep(0)

    watch = RedisWatch(ping, every=0.001, clock=lambda: now[0])
    states = [watch.is_up]
    async with in_background(watch.run()):
        is_reachable = False
        now[0] = 14.0
        states.append(watch.is_up)
        now[0] = 20.0
        states.append(watch.is_up)
        is_reachable = True
        await eventually(lambda: watch.is_up)
    assert states == [True, True, False]
