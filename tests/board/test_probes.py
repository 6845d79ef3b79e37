"""Probes of a board that runs alone, and of one that is linked to a router."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from streamroute.board.probes import probe_routes
from streamroute.board.router_probes import router_probes
from streamroute.board.service import BoardService
from streamroute.errors import RedisUnavailableError
from streamroute.ops.metrics.server import Endpoint, Start, http_server


class FakeConnection:
    def __init__(self, *, is_away: bool) -> None:
        self.is_away = is_away

    async def ping(self) -> None:
        if self.is_away:
            raise RedisUnavailableError("away")


def client(routes: list[Route]) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=Starlette(routes=routes))
    return httpx.AsyncClient(transport=transport, base_url="http://localhost")


@pytest.mark.parametrize("is_away", [False, True])
async def test_a_board_alone_is_ready_if_redis_answers(*, is_away: bool) -> None:
    redis: Any = FakeConnection(is_away=is_away)
    nothing: Any = None
    board = client(probe_routes([BoardService("shop", nothing, redis, nothing)]))
    assert (await board.get("/healthz")).text == "ok\n"
    answer = await board.get("/readyz")
    assert answer.status_code == (503 if is_away else 200)
    assert answer.text == ("the Redis of shop does not answer\n" if is_away else "ok\n")


def router(request: dict[str, Any], start: Start) -> list[bytes]:
    status = "503 Service Unavailable" if request["PATH_INFO"] == "/healthz" else "200 OK"
    start(status, [("Content-Type", "text/plain; version=1"), ("X-Other", "y")])
    return [f"{request['PATH_INFO']}?{request['QUERY_STRING']}".encode()]


async def test_the_router_answers_the_probes_of_its_board(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with http_server(Endpoint("127.0.0.1", 0), router) as at:
        board = client(router_probes(at.port))
        metrics = await board.get("/metrics?name[]=x")
        assert metrics.text == "/metrics?name[]=x"
        assert metrics.headers["content-type"] == "text/plain; version=1"
        assert "x-other" not in metrics.headers
        for path in ("/healthz", "/readyz"):
            assert (await board.get(path)).status_code == 503
    answer = await board.get("/metrics")
    assert answer.status_code == 503
    assert answer.text.startswith("the router does not answer")
