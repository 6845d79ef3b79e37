"""The example of CloudEvents: both forms of an entry reach the same handlers."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

import streamroute
from example_projects import importable_example


@pytest.fixture
def example(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with importable_example("cloudevents", redis_url, monkeypatch) as folder:
        yield folder


async def test_events_of_all_producers_are_handled(
    example: Path, redis_client: Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    measure, foreign = (importlib.import_module(name) for name in ("measure", "foreign"))
    for _ in range(2):
        await measure.main()
    for entry in (foreign.STRUCTURED, foreign.BINARY):
        await redis_client.xadd("climate", entry)
    assert capsys.readouterr().out == "3 events published\n" * 2
    async with streamroute.open(example) as app:
        await app.start()
        await app.drain()
    assert sorted(capsys.readouterr().out.splitlines()) == [
        "bed/2: 31 degrees at 2026-07-01T12:02:00Z",
        "bed/2: 32.5 degrees at 2026-07-01T12:03:00Z",
        "com.example.valve.opened from /roof",
        "com.example.valve.opened from /roof",
    ]


async def test_a_measurement_that_does_not_fit_its_schema_is_not_published(
    example: Path, redis_client: Redis
) -> None:
    measure = importlib.import_module("measure")
    event = measure.measured(1, 1, "warm")
    async with streamroute.Publisher(example) as publisher:
        with pytest.raises(streamroute.PayloadError, match="celsius"):
            await publisher.publish_many("climate", [event], validate=True)
    assert await redis_client.exists("climate") == 0
