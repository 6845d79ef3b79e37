"""The example with FastAPI: its lifespan runs the routes, its endpoints publish."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from consuming import eventually
from example_projects import asgi_client, importable_example

pytest.importorskip("fastapi", reason="FastAPI is not installed: pip install fastapi")


@pytest.fixture
def example(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with importable_example("fastapi", redis_url, monkeypatch) as folder:
        yield folder


async def _state(client: httpx.AsyncClient, booked: httpx.Response) -> str:
    assert booked.status_code == 202, booked.text

    async def handled() -> Any:
        answer = await client.get(f"/bookings/{booked.json()['booking']}")
        return answer.json() if answer.status_code == 200 else None

    return str((await eventually(handled))["state"])


async def test_a_request_is_published_and_handled_by_the_same_process(example: Path) -> None:
    async with asgi_client("hotel.app") as client:
        short = await client.post("/bookings", params={"guest": "ann", "nights": 3})
        long = await client.post("/bookings", params={"guest": "bob", "nights": 45})
        assert await _state(client, short) == "reserved for 3 nights"
        assert await _state(client, long) == "waits for the manager"
        health = await client.get("/healthz")
        assert (health.status_code, health.json()["ok"]) == (200, True)


async def test_a_request_that_is_sent_again_is_one_booking(example: Path, redis_client: Redis) -> None:
    async with asgi_client("hotel.app") as client:
        answers = [
            await client.post(
                "/bookings", params={"guest": "ann", "nights": 3}, headers={"idempotency-key": "k-1"}
            )
            for _ in range(2)
        ]
        await _state(client, answers[0])
    assert answers[0].json() == answers[1].json()
    assert await redis_client.xlen("hotel") == 1


@pytest.mark.parametrize("query", [{"guest": "ann", "nights": 61}, {"guest": "", "nights": 1}])
async def test_what_does_not_fit_the_schema_is_refused(
    example: Path, redis_client: Redis, query: dict[str, Any]
) -> None:
    async with asgi_client("hotel.app") as client:
        answer = await client.post("/bookings", params=query)
    assert answer.status_code == 422
    assert await redis_client.xlen("hotel") == 0


async def test_after_the_end_nothing_is_consumed(example: Path, redis_client: Redis) -> None:
    async with asgi_client("hotel.app") as client:
        await client.post("/bookings", params={"guest": "ann", "nights": 3})
    [group] = await redis_client.xinfo_groups("hotel")
    assert group["pending"] == 0
