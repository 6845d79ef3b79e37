"""Pauses in a test app: parked messages, pauses that end, and circuits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from memory_projects import ROUTES, write_project
from streamroute.errors import SetupError
from streamroute.testing import TestApp

if TYPE_CHECKING:
    from pathlib import Path


async def test_messages_of_a_paused_route_wait_until_it_is_resumed(routes: Path) -> None:
    async with TestApp(routes) as t:
        await t.pause("plain")
        assert t.paused == {"plain"}
        for n in range(3):
            await t.publish("events", "plain", {"n": n})
        await t.publish("events", "t", {"n": 3})
        await t.settled()
        assert t.parked == {"plain": 3}
        assert [run.route for run in t.runs()] == ["ok"]
        await t.resume("plain")
        await t.settled()
        assert [run.payload["n"] for run in t.handled("plain")] == [0, 1, 2]
        assert [run.attempt for run in t.handled("plain")] == [1, 1, 1]
        assert (t.parked, t.paused) == ({}, frozenset())


async def test_a_pause_ends_in_time(routes: Path) -> None:
    async with TestApp(routes) as t:
        await t.pause("plain", "10m")
        await t.publish("events", "plain", {"n": 1})
        await t.advance(599)
        assert t.handled("plain") == []
        await t.advance(1)
        assert len(t.handled("plain")) == 1


async def test_a_paused_stream_starts_nothing(routes: Path) -> None:
    async with TestApp(routes) as t:
        await t.pause_stream(duration="1h")
        await t.publish("events", "plain", {"n": 1})
        await t.advance("30m")
        assert t.runs() == []
        await t.resume_stream("events")
        await t.settled()
        assert len(t.handled("plain")) == 1


async def test_a_circuit_pauses_its_route_and_one_message_tries_it_again(routes: Path) -> None:
    more = "retry: {max_attempts: 1}, pause_when: {failures: 2, within: 1m, for: 5m}}"
    write_project(routes.parent, ROUTES.replace("memory_handlers.fail}", f"memory_handlers.fail, {more}"))
    async with TestApp(routes) as t:
        for n in range(4):
            await t.publish("events", "fail", {"n": n})
            await t.settled()
        assert t.paused == {"fail"}
        assert (len(t.runs("fail")), t.parked) == (2, {"fail": 2})
        await t.advance("5m")
        assert (len(t.runs("fail")), t.parked) == (3, {"fail": 1})  # it still fails
        await t.resume("fail")
        await t.settled()
        assert (len(t.runs("fail")), t.parked) == (4, {})


async def test_a_circuit_closes_when_its_route_works(routes: Path) -> None:
    more = "retry: {max_attempts: 1}, pause_when: {failures: 2, within: 1m, for: 5m}}"
    write_project(routes.parent, ROUTES.replace("memory_handlers.fail}", f"memory_handlers.fail, {more}"))
    is_broken = True

    async def handler(_payload: dict[str, Any]) -> None:
        if is_broken:
            raise ConnectionError("not now")

    async with TestApp(routes, handlers={"fail": handler}) as t:
        for n in range(5):
            await t.publish("events", "fail", {"n": n})
            await t.settled()
        assert t.parked == {"fail": 3}
        is_broken = False
        await t.advance("5m")
        assert len(t.handled("fail")) == 3
        assert (t.parked, t.paused) == ({}, frozenset())


async def test_an_unknown_route_is_not_paused(routes: Path) -> None:
    async with TestApp(routes) as t:
        with pytest.raises(SetupError, match='did you mean "plain"'):
            await t.pause("plane")
