"""The example that takes webhooks in: what is signed is published once, and anything else refused."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

import streamroute
from example_projects import asgi_client, importable_example
from servers import RealServer

SECRET = "a secret of the test"
OPENED = {"action": "opened", "issue": {"labels": []}, "repository": {"full_name": "guests/inn"}}


@pytest.fixture
def example(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("WEBHOOK_SECRET", SECRET)
    with importable_example("webhooks", redis_url, monkeypatch) as folder:
        yield folder


def delivery(body: bytes, **headers: Any) -> dict[str, Any]:
    """The request with which GitHub delivers a webhook."""
    signature = "sha256=" + hmac.new(SECRET.encode(), body, "sha256").hexdigest()
    defaults = {"x_github_event": "issues", "x_github_delivery": "d-1", "x_hub_signature_256": signature}
    named = {name.replace("_", "-"): value for name, value in (defaults | headers).items()}
    return {"url": "/github", "content": body, "headers": named}


async def test_a_signed_webhook_is_published_and_handled(
    example: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTES", str(tmp_path / "notes"))
    push = {"ref": "refs/heads/main", "repository": {"full_name": "guests/inn", "default_branch": "main"}}
    async with asgi_client("inbox.app") as client:
        opened = await client.post(**delivery(json.dumps(OPENED).encode()))
        pushed = await client.post(
            **delivery(json.dumps(push).encode(), x_github_event="push", x_github_delivery="d-2")
        )
    assert (opened.status_code, pushed.status_code) == (202, 202)
    async with streamroute.open(example) as app:
        await app.start()
        await app.drain()
    assert (tmp_path / "notes").read_text() == "new issue in guests/inn\npush in guests/inn\n"


async def test_a_webhook_that_is_delivered_again_is_published_once(
    example: Path, redis_client: Redis
) -> None:
    async with asgi_client("inbox.app") as client:
        answers = [await client.post(**delivery(json.dumps(OPENED).encode())) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert await redis_client.xlen("webhooks") == 1


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{}", {"x_hub_signature_256": "sha256=" + "0" * 64}, 401),
        (b"{}", {"x_hub_signature_256": ""}, 401),
        (b"{}", {"x_hub_signature_256": b"sha256=\xe9"}, 401),
        (b"{", {}, 400),
        (b"[]", {}, 400),
        (b"[" * 100_000, {}, 400),
        (b'{"n": NaN}', {}, 400),
        (b'{"type": "another"}', {}, 400),
        (b"\xff", {}, 400),
        (b"{}", {"x_github_event": ""}, 400),
        (b"{}", {"x_github_delivery": "d" * 10_000}, 400),
        (b'"' + b"x" * 1_100_000 + b'"', {}, 413),
    ],
)
async def test_anything_else_is_refused(
    example: Path, redis_client: Redis, body: bytes, headers: dict[str, Any], status: int
) -> None:
    async with asgi_client("inbox.app") as client:
        answer = await client.post(**delivery(body, **headers))
    assert (answer.status_code, await redis_client.exists("webhooks")) == (status, 0)
    assert SECRET not in answer.text


async def test_while_redis_is_away_the_sender_is_asked_to_come_back(
    example: Path, start_server: Callable[..., RealServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = start_server()
    monkeypatch.setenv("REDIS_URL", server.url)
    async with asgi_client("inbox.app") as client:
        server.stop()
        answer = await client.post(**delivery(json.dumps(OPENED).encode()))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
