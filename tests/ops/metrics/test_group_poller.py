"""GroupPoller: the known state of the groups is Redis' recent replies, and nothing else."""

from __future__ import annotations

import logging

import pytest

from consuming import eventually
from streamroute.adapters.groups.stats import GroupStats
from streamroute.errors import RedisUnavailableError
from streamroute.ops.metrics.group_poller import GroupPoller
from streamroute.ops.serve.background import in_background


class Server:
    """A Redis with scripted replies."""

    def __init__(self) -> None:
        self.answer: GroupStats | Exception = GroupStats(unread=7)
        self.requests = 0

    async def ask(self) -> GroupStats:
        self.requests += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_before_the_first_poll_there_are_no_statistics() -> None:
    group_poller = GroupPoller(lambda: {"s": Server().ask})
    assert (group_poller.is_up, group_poller.stats) == (False, {})


async def test_the_last_answer_is_reported() -> None:
    server = Server()
    group_poller = GroupPoller(lambda: {"s": server.ask})
    await group_poller.poll()
    assert (group_poller.is_up, group_poller.stats) == (True, {"s": GroupStats(unread=7)})


async def test_during_an_outage_there_are_no_statistics() -> None:
    server = Server()
    group_poller = GroupPoller(lambda: {"s": server.ask})
    await group_poller.poll()
    server.answer = RedisUnavailableError("Redis is away")
    await group_poller.poll()
    assert (group_poller.is_up, group_poller.stats) == (False, {})
    server.answer = GroupStats(unread=8)
    await group_poller.poll()
    assert group_poller.stats == {"s": GroupStats(unread=8)}


async def test_an_answer_is_history_when_no_other_has_come_for_long() -> None:
    """The event loop is blocked, or the server neither answers nor refuses."""
    clock = Clock()
    group_poller = GroupPoller(lambda: {"s": Server().ask}, clock=clock)
    await group_poller.poll()
    clock.now += 14.9
    assert group_poller.is_up
    clock.now += 0.1
    assert (group_poller.is_up, group_poller.stats) == (False, {})


async def test_the_poller_polls_repeatedly() -> None:
    server = Server()
    async with in_background(GroupPoller(lambda: {"s": server.ask}, every=0.001).run()):
        await eventually(lambda: server.requests >= 3)


async def test_denied_statistics_are_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    server = Server()
    server.answer = GroupStats(denied="NOPERM no zcard")
    group_poller = GroupPoller(lambda: {"s": server.ask})
    for _ in range(3):
        await group_poller.poll()
    [record] = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "NOPERM no zcard" in record.getMessage()
