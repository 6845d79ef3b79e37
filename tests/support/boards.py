"""Boards in tests: a running board as browsers reach it, or the pages of a project in this process."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from html import unescape
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

from streamroute.adapters.redis.connection import open_redis
from streamroute.board.access.policy import AccessPolicy
from streamroute.board.application import create_application
from streamroute.board.service import BoardService, ShownConfig
from streamroute.compiler.pipeline import check_path
from streamroute.ops.generations.store import GenerationStore

if TYPE_CHECKING:
    from projects import Project, Running

T = TypeVar("T")

PAGE = {"accept": "text/html"}
_PATIENCE = 60.0  # seconds


def board_url(running: Running) -> str:
    """Return the address of a board that a command serves."""
    running.expect_log("the board is at http://")
    found = re.search(r"the board is at (http://\S+)/", running.err)
    assert found
    return found[1]


@contextmanager
def browser(url: str) -> Iterator[httpx.Client]:
    """A client that asks for pages, as a browser does."""
    with httpx.Client(base_url=url, headers=PAGE, timeout=_PATIENCE, trust_env=False) as client:
        yield client


def text_of(html: str) -> str:
    """Return the text of a page, without its markup, on one line."""
    body = re.sub(r"(?s)<(script|style|title|head)\b.*?</\1>", " ", html)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def csrf_of(html: str) -> str:
    """Return the token of the first form of a page."""
    return html.partition('name="csrf" value="')[2].partition('"')[0]


class Pages:
    """The pages of a project, in this process; each request reads its configuration and its server."""

    def __init__(
        self, project: Project, policy: AccessPolicy | None = None, user: Mapping[str, str] | None = None
    ) -> None:
        self._project = project
        self._policy = policy or AccessPolicy()
        self._user = dict(user or {})

    def get(self, path: str, **headers: str) -> httpx.Response:
        """Return the answer to a request."""
        return asyncio.run(self._request("GET", path, headers=headers))

    def post(self, path: str, data: Mapping[str, Any], *, form: str | None = None) -> httpx.Response:
        """Return the answer to a form of the page ``form`` (by default, of the page with the same path)."""
        return asyncio.run(self._request("POST", path, data=data, form=path if form is None else form))

    def post_body(self, path: str, body: bytes) -> httpx.Response:
        """Return the answer to a form of this page whose fields, beside its token, are sent as they are."""

        async def work(client: httpx.AsyncClient) -> httpx.Response:
            token = csrf_of((await client.get(path)).text)
            headers = {"content-type": "application/x-www-form-urlencoded"}
            return await client.post(path, content=f"csrf={token}&".encode() + body, headers=headers)

        return asyncio.run(self._with_client(work))

    def text(self, path: str) -> str:
        """Return the text of a page that must be there."""
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        return text_of(answer.text)

    def act(self, path: str, data: Mapping[str, Any]) -> tuple[httpx.Response, httpx.Response | None]:
        """Return the answer to a form with an action, and the page to which it leads."""

        async def work(client: httpx.AsyncClient) -> tuple[httpx.Response, httpx.Response | None]:
            answer = await _post(client, path, data, "/explain")
            follows = answer.headers.get("location")
            page = None if follows is None else await client.get(follows)
            await _background_ends()
            return answer, page

        return asyncio.run(self._with_client(work))

    def act_and_wait(
        self, path: str, data: Mapping[str, Any], page: str, is_reached: Callable[[str], bool]
    ) -> str:
        """Act, then return a page when it shows that the action has ended."""

        async def work(client: httpx.AsyncClient) -> str:
            answer = await _post(client, path, data, "/explain")
            assert answer.status_code == 303, answer.text
            async with asyncio.timeout(_PATIENCE):
                while not is_reached(html := (await client.get(page)).text):  # noqa: ASYNC110 - a page is asked
                    await asyncio.sleep(0.05)
            return html

        return asyncio.run(self._with_client(work))

    def of_service(self, work: Callable[[BoardService], Awaitable[T]]) -> T:
        """Return what a function makes of the service of the project."""

        async def run() -> T:
            async with self._service() as service:
                return await work(service)

        return asyncio.run(run())

    async def _request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        data: Mapping[str, Any] | None = None,
        form: str = "",
    ) -> httpx.Response:
        async def work(client: httpx.AsyncClient) -> httpx.Response:
            if data is None:
                return await client.request(method, path, headers=headers)
            return await _post(client, path, data, form)

        return await self._with_client(work)

    @asynccontextmanager
    async def _service(self) -> AsyncIterator[BoardService]:
        root = self._project.folder / "routes.yaml"
        result = check_path(root, env=self._project.env, imports=False)
        assert result.document is not None, result.findings
        assert result.compiled is not None
        shown = ShownConfig(result.document, result.compiled, result.findings)
        store = GenerationStore(self._project.folder / "state", root)
        async with open_redis(result.document.redis.url, folder=self._project.folder) as redis:
            yield BoardService("shop", shown, redis, store)

    async def _with_client(self, work: Callable[[httpx.AsyncClient], Awaitable[T]]) -> T:
        async with self._service() as service:
            app = create_application([service], self._policy)
            transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
            headers = {**PAGE, **self._user}
            async with httpx.AsyncClient(
                transport=transport, base_url="http://localhost", headers=headers
            ) as client:
                return await work(client)


async def _post(client: httpx.AsyncClient, path: str, data: Mapping[str, Any], form: str) -> httpx.Response:
    token = {"csrf": csrf_of((await client.get(form)).text)} if form else {}
    return await client.post(path, data={**token, **data})


async def _background_ends() -> None:
    """Wait until what an action has started has ended."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    async with asyncio.timeout(_PATIENCE):
        await asyncio.gather(*others, return_exceptions=True)
