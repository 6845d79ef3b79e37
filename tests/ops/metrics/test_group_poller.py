"""The census: what is known of the groups is what Redis said lately, and nothing else."""

from __future__ import annotations

import logging

import pytest

from consuming import eventually
from streamroute.adapters.groups.stats import Standing
from streamroute.errors import RedisUnavailableError
from streamroute.ops.metrics.group_poller import Census
from streamroute.ops.serve.background import in_background


class Server:
    """What the test says that Redis says."""

    def __init__(self) -> None:
        self.answer: Standing | Exception = Standing(unread=7)
        self.asked = 0

    async def ask(self) -> Standing:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_before_the_first_answer_nothing_is_known() -> None:
    census = Census({"s": Server().ask})
    assert (census.is_up, census.standings) == (False, {})


async def test_the_last_answer_is_what_is_known() -> None:
    server = Server()
    census = Census({"s": server.ask})
    await census.ask()
    assert (census.is_up, census.standings) == (True, {"s": Standing(unread=7)})


async def test_while_redis_is_away_nothing_is_known_of_the_groups() -> None:
    server = Server()
    census = Census({"s": server.ask})
    await census.ask()
    server.answer = RedisUnavailableError("Redis is away")
    await census.ask()
    assert (census.is_up, census.standings) == (False, {})
    server.answer = Standing(unread=8)
    await census.ask()
    assert census.standings == {"s": Standing(unread=8)}


async def test_an_answer_is_history_when_no_other_has_come_for_long() -> None:
    """The event loop is blocked, or the server neither answers nor refuses."""
    clock = Clock()
    census = Census({"s": Server().ask}, clock=clock)
    await census.ask()
    clock.now += 14.9
    assert census.is_up
    clock.now += 0.1
    assert (census.is_up, census.standings) == (False, {})


async def test_it_asks_again_and_again() -> None:
    server = Server()
    async with in_background(Census({"s": server.ask}, every=0.001).take()):
        await eventually(lambda: server.asked >= 3)


async def test_what_redis_does_not_tell_this_user_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    server = Server()
    server.answer = Standing(denied="NOPERM no zcard")
    census = Census({"s": server.ask})
    for _ in range(3):
        await census.ask()
    [record] = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "NOPERM no zcard" in record.getMessage()
