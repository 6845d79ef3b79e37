"""Canaries and shadows in a running app, across its generations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from consuming import STREAM, eventually
from reloads import Reloadable, reloadable
from streamroute.errors import Retry
from streamroute.incidents import Incident, Incidents
from streamroute.ops.metrics.counters import Counters
from trial_pipelines import CURRENT, NOTE, OLD, Noted, current, reject, routes_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STREAMS = f"{{{STREAM}: {{group: g, concurrency: 1}}}}"


@pytest.fixture
def project(tmp_path: Path, redis_url: str) -> Iterator[Reloadable]:
    yield from reloadable(tmp_path, redis_url)


@pytest.fixture
def noted() -> Iterator[Noted]:
    CURRENT.append(Noted())
    yield CURRENT[-1]
    CURRENT.pop()


def config(routes: str) -> str:
    return f"container: {current.__module__}:current\nstreams: {STREAMS}\nroutes:\n{routes}"


async def publish(project: Reloadable, *guests: int) -> None:
    """Publish a message of each guest, whose number is the guest's."""
    for guest in guests:
        await project.publish(guest, stream=STREAM, guest={"id": guest})


async def test_a_stopped_canary_is_reported_and_starts_again_with_the_next_generation(
    project: Reloadable, noted: Noted, caplog: pytest.LogCaptureFixture
) -> None:
    counters = Counters({})
    noted.then = lambda route, payload: reject(route, payload) if route == "new" else None
    stopping = routes_of(100).replace("key: guest.id", "key: guest.id, stop_at: {dead: 10%, of: 20}")
    incidents = Incidents(counters.count_event)
    async with project.running(config(stopping), observer=counters.observe, incidents=incidents) as app:
        assert app.stopped_canaries() == {STREAM: {"new": 0}}
        await publish(project, *range(10))
        await eventually(lambda: len(noted.ran) == 10)
        assert [route for route, _, _ in noted.ran] == ["new"] * 3 + ["old"] * 7
        assert app.stopped_canaries() == {STREAM: {"new": 1}}
        assert counters.event_total(Incident.CANARY_STOPPED) == 1
        assert (
            caplog.text.count("canary new is switched off until the next generation of the configuration")
            == 1
        )
        noted.then = None
        await project.reload(config(stopping.replace("of: 20", "of: 30")))
        assert app.stopped_canaries() == {STREAM: {"new": 0}}
        await publish(project, 11)
        await eventually(lambda: noted.routes(11) == ["new"])
        await project.reload(config(OLD))
        assert app.stopped_canaries() == {}


def fail_once(_route: str, payload: Any) -> None:
    """Fail the first attempt; the second runs after the next reload, unless that takes a second."""
    if payload.attempt == 1:
        raise Retry(1.0)


@pytest.mark.parametrize(
    ("after", "side"),
    [
        (routes_of(0.01), "new"),
        (routes_of(100).replace("percent: 100", "percent: 50"), "new"),
        (OLD.replace("name: old", "name: old, formerly: new"), "old"),
    ],
)
async def test_a_reload_neither_loses_nor_doubles_the_retries_of_a_canary(
    project: Reloadable, noted: Noted, after: str, side: str
) -> None:
    """The share is cut, or the canary is removed and its name taken over, while its retries wait."""
    noted.then = fail_once
    async with project.running(config(routes_of(100))):
        await publish(project, *range(8))
        await eventually(lambda: len(noted.ran) >= 8)
        await project.reload(config(after))
        await eventually(lambda: len(noted.ran) >= 16)
        noted.then = None
        await publish(project, 99)
        await eventually(lambda: noted.routes(99))
    assert [noted.routes(guest) for guest in range(8)] == [["new", side]] * 8
    assert len(noted.routes(99)) == 1


async def test_a_shadow_comes_and_goes_with_its_generation(project: Reloadable, noted: Noted) -> None:
    counters = Counters({})
    settings = f"type: t, shadow: true, filter: n > `1`, handler: '{NOTE}', with: {{as_: shade}}"
    shade = f"- {{name: shade, {settings}}}\n"
    async with project.running(config(OLD + shade), observer=counters.observe):
        await publish(project, 1, 2, 3)
        await eventually(lambda: len(noted.ran) == 3)
        await project.reload(config(OLD))
        await publish(project, 4)
        await eventually(lambda: len(noted.ran) == 4)
    assert {route for route, _, _ in noted.ran} == {"old"}
    counted = {"matched": 2, "not_matched": 1, "filter_error": 0, "transform_error": 0}
    assert counters.shadows == {(STREAM, "shade"): counted}
