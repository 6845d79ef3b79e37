"""A board whose Redis goes away, comes back, or does not answer, beside its router; over real sockets."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import httpx
import pytest

from boards import board_url, browser
from servers import RealServer, free_port, wait_until

if TYPE_CHECKING:
    from projects import Project, Running

OK = "name: runs, type: r, handler: jobs.ok"
PAGES = ("/", "/routes", "/route/runs", "/failures", "/retries", "/audit", "/jobs", "/config", "/healthz")
READ_REDIS = PAGES[:7]
ANSWERS = {200, 503}
"""Of pages that read Redis: a reading that others share may still be fresh."""

pytestmark = pytest.mark.processes


@pytest.fixture
def server(lone_project: Project, start_server: Callable[..., RealServer]) -> RealServer:
    server = start_server(port=free_port(), append_only=True)
    lone_project.env["REDIS_URL"] = server.url
    lone_project.routes(OK)
    return server


class LivePage(threading.Thread):
    """Keeps a page open, as a browser does, and comes again when the stream ends."""

    def __init__(self, url: str, page: str) -> None:
        super().__init__(daemon=True)
        self._url, self._page = url, page
        self.events = 0
        self.ended = 0
        self.is_leaving = False

    def run(self) -> None:
        with httpx.Client(timeout=60, trust_env=False) as client:
            while not self.is_leaving:
                with suppress(httpx.HTTPError):
                    self._follow(client)
                self.ended += 1

    def _follow(self, client: httpx.Client) -> None:
        with client.stream("GET", f"{self._url}/live{self._page}") as answer:
            for line in answer.iter_lines():
                self.events += line.startswith("event:")
                if self.is_leaving:
                    return


@contextmanager
def live_pages(url: str) -> Iterator[list[LivePage]]:
    pages = [LivePage(url, page) for page in ("/", "/routes", "/failures")]
    for page in pages:
        page.start()
    try:
        yield pages
    finally:
        for page in pages:
            page.is_leaving = True


def statuses(url: str) -> Mapping[str, int]:
    """Ask for all pages at the same time; return the statuses, 0 where the connection was closed."""

    def status(page: str) -> int:
        with browser(url) as client, suppress(httpx.RemoteProtocolError):
            return client.get(page).status_code
        return 0

    with ThreadPoolExecutor(len(PAGES)) as pool:
        return dict(zip(PAGES, pool.map(status, PAGES), strict=True))


def publish(project: Project, number: int) -> None:
    project.redis.xadd("events", {"type": "r", "data": f'{{"n": {number}}}'})
    project.notes(f"ok {number}")


def assert_alive(running: Running) -> None:
    assert not running.has_ended
    assert "Traceback" not in running.err


def test_pages_that_are_live_come_back_with_redis(lone_project: Project, server: RealServer) -> None:
    running = lone_project.start("serve", "--http", "0")
    url = board_url(running)
    with live_pages(url) as pages:
        wait_until(lambda: all(page.events for page in pages), "the first events")
        publish(lone_project, 1)
        server.kill()
        wait_until(lambda: all(page.ended for page in pages), "the end of the streams")
        found = statuses(url)
        assert {found[page] for page in READ_REDIS} <= ANSWERS
        assert (found["/retries"], found["/config"]) == (503, 200)
        before = [page.events for page in pages]
        server.start()
        wait_until(
            lambda: all(page.events > old for page, old in zip(pages, before, strict=True)), "new events"
        )
    wait_until(lambda: statuses(url)["/"] == 200, "the overview")
    publish(lone_project, 2)
    wait_until(lambda: lone_project.pending() == 0, "the acknowledgement")
    assert_alive(running)


def test_every_request_ends_while_redis_is_frozen(lone_project: Project, server: RealServer) -> None:
    running = lone_project.start("serve", "--http", "0")
    url = board_url(running)
    with live_pages(url) as pages:
        wait_until(lambda: all(page.events for page in pages), "the first events")
        publish(lone_project, 1)
        server.pause()
        try:
            found = statuses(url)  # each ends while Redis still does not answer
            wait_until(lambda: all(page.ended for page in pages), "the end of the streams")
        finally:
            server.resume()
        assert {found[page] for page in READ_REDIS} <= ANSWERS | {0}
        assert found["/retries"] in (503, 0)
        assert found["/config"] == 200
        before = [page.events for page in pages]
        wait_until(
            lambda: all(page.events > old for page, old in zip(pages, before, strict=True)), "new events"
        )
    assert statuses(url)["/"] == 200
    publish(lone_project, 2)
    wait_until(lambda: lone_project.pending() == 0, "the acknowledgement")
    assert_alive(running)
