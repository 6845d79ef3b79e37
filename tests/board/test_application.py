"""The application: signing in, errors, several services, a path prefix."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from starlette.requests import Request
from starlette.types import ASGIApp

from streamroute.board.access.identity import Identity, Role
from streamroute.board.access.policy import AccessPolicy, TrustedProxy, read_networks
from streamroute.board.access.token_file import read_tokens
from streamroute.board.application import create_application
from streamroute.board.errors import InvalidInputError, PageNotFoundError
from streamroute.board.http.path_prefix import PathPrefix
from streamroute.board.page import Page
from streamroute.board.service import BoardService, ShownConfig
from streamroute.board.shared_reading import SharedReading
from streamroute.errors import RedisUnavailableError
from streamroute.ops.status.stream_status import Status

TOKEN = "alice-alice-alice-alice"
PAGE = {"accept": "text/html"}
ERRORS: Mapping[str, Exception] = {
    "missing": PageNotFoundError("there is no route <script>alert(1)</script>"),
    "invalid": InvalidInputError("the filter is invalid"),
    "away": RedisUnavailableError("Redis at redis://user:secret@host does not answer"),
    "broken": ZeroDivisionError("of the board"),
}


async def load(_service: BoardService, request: Request) -> Mapping[str, Any]:
    name = request.path_params["name"]
    if name in ERRORS:
        raise ERRORS[name]
    return {"text": name}


PAGES = (
    Page("/show/{name}", "Show", "plain.html", load),
    Page("/more", "More", "plain.html", load, in_navigation=True),
)


class _Config:
    class document:  # noqa: N801 - an attribute
        path = Path("routes.yaml")


async def _no_streams() -> Status:
    return Status(0, [])


def service(name: str) -> BoardService:
    """Return a service of which the pages here read nothing but its name, its path and an empty status."""
    nothing: Any = None
    found = BoardService(name, cast("ShownConfig", _Config()), nothing, nothing)
    found._status = SharedReading(_no_streams)
    return found


@pytest.fixture
def with_tokens(tmp_path: Path) -> AccessPolicy:
    path = tmp_path / "tokens"
    path.touch(0o600)
    path.write_text(f"operator alice {TOKEN}\n")
    return AccessPolicy(tokens=read_tokens(path), allows_actions=True)


def client(app: ASGIApp) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=PAGE)


def board(policy: AccessPolicy | None = None, *names: str) -> ASGIApp:
    return create_application(
        [service(name) for name in names or ("shop",)], policy or AccessPolicy(), pages=PAGES
    )


async def test_a_value_is_escaped() -> None:
    answer = await client(board()).get("/show/%3Cscript%3Ealert(1)%3C%2Fscript%3E")
    assert answer.status_code == 404  # a slash is not part of a name
    answer = await client(board()).get("/show/%3Cimg onerror=alert(1)%3E")
    assert "<img" not in answer.text
    assert "&lt;img onerror=alert(1)&gt;" in answer.text


@pytest.mark.parametrize(
    ("name", "status", "text"),
    [
        ("missing", 404, "there is no route &lt;script&gt;"),
        ("invalid", 400, "the filter is invalid"),
        ("away", 503, "does not answer"),
        ("broken", 500, "the board failed; its log says why"),
    ],
)
async def test_an_error_is_a_page(name: str, status: int, text: str) -> None:
    answer = await client(board()).get(f"/show/{name}")
    assert answer.status_code == status
    assert text in answer.text
    assert "secret" not in answer.text
    assert answer.headers["x-frame-options"] == "DENY"
    assert "Traceback" not in answer.text


async def test_a_program_gets_an_error_as_text() -> None:
    answer = await client(board()).get("/show/missing", headers={"accept": "*/*"})
    assert answer.headers["content-type"].startswith("text/plain")


async def test_a_person_signs_in_and_out(with_tokens: AccessPolicy) -> None:
    browser = client(board(with_tokens))
    assert (await browser.get("/show/x")).headers["location"] == "/login"
    refused = await browser.post("/login", data={"token": "wrong"})
    assert refused.status_code == 403
    assert "unknown token" in refused.text
    answer = await browser.post("/login", data={"token": f" {TOKEN} "})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    assert all(part in cookie for part in ("httponly", "samesite=strict", "path=/"))
    page = await browser.get("/show/x")
    assert "alice (operator)" in page.text
    assert TOKEN not in page.text
    csrf = page.text.partition('name="csrf" value="')[2].partition('"')[0]
    assert (await browser.post("/logout", data={"csrf": "wrong"})).status_code == 403
    assert (await browser.post("/logout", data={"csrf": csrf})).status_code == 303
    assert (await browser.get("/show/x")).status_code == 303


async def test_a_token_in_an_address_is_exchanged_for_a_cookie(with_tokens: AccessPolicy) -> None:
    browser = client(board(with_tokens))
    answer = await browser.get(f"/login?token={TOKEN}")
    assert answer.headers["location"] == "/"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert (await browser.get("/show/x")).status_code == 200


async def test_a_cookie_over_https_stays_there(with_tokens: AccessPolicy) -> None:
    answer = await client(board(with_tokens)).post(
        "/login", data={"token": TOKEN}, headers={"x-forwarded-proto": "https"}
    )
    assert "secure" in answer.headers["set-cookie"].lower()


async def test_files_need_no_identity(with_tokens: AccessPolicy) -> None:
    for name in ("board.css", "board.js", "icon.svg"):
        assert (await client(board(with_tokens)).get(f"/static/{name}")).status_code == 200
    for path in ("/static/../application.py", "/static/%2e%2e/application.py", "/static/..%2f__init__.py"):
        assert (await client(board(with_tokens)).get(path)).status_code in (303, 404)


async def test_several_services_have_pages_below_their_names() -> None:
    browser = client(board(None, "shop", "billing"))
    assert 'href="/billing/"' in (await browser.get("/")).text
    page = (await browser.get("/billing/show/x")).text
    assert 'href="/billing/more"' in page
    assert 'href="/static/board.css"' in page
    assert (await browser.get("/show/x")).status_code == 404


@pytest.mark.parametrize("sent", ["", "/tools/router"])
async def test_a_proxy_may_serve_the_board_below_a_path(sent: str, with_tokens: AccessPolicy) -> None:
    browser = client(PathPrefix(board(with_tokens, "shop", "billing"), "/tools/router"))
    assert (await browser.get(f"{sent}/show/x")).headers["location"] == "/tools/router/login"
    answer = await browser.post(f"{sent}/login", data={"token": TOKEN})
    assert answer.headers["location"] == "/tools/router/"
    assert "path=/tools/router/" in answer.headers["set-cookie"].lower()
    cookies = {"streamroute_session": answer.headers["set-cookie"].partition("=")[2].partition(";")[0]}
    headers = {"cookie": f"streamroute_session={cookies['streamroute_session']}"}
    page = (await browser.get(f"{sent}/shop/show/x", headers=headers)).text
    assert 'href="/tools/router/shop/more"' in page
    assert 'href="/tools/router/static/board.css"' in page


async def test_without_tokens_there_is_nothing_to_sign_in_to() -> None:
    assert (await client(board()).get("/login")).headers["location"] == "/"


def test_the_operator_of_a_test_is_known(with_tokens: AccessPolicy) -> None:
    assert with_tokens.tokens is not None
    assert with_tokens.tokens.find(TOKEN) == Identity("alice", Role.OPERATOR)


LIVE = Page("/live-page/{name}", "Live", "services.html", load, parts=("content",))


async def test_the_parts_of_an_open_page_are_sent_again() -> None:
    values = iter(["one", "one", "two"])

    async def changing(_service: BoardService, request: Request) -> Mapping[str, Any]:
        return {"text": next(values) + request.query_params["q"]}

    page = Page("/changing", "Changing", "plain.html", changing, parts=("content",))
    app = create_application([service("shop")], AccessPolicy(), pages=[page])
    async with client(app) as browser:
        text = (await browser.get("/changing?q=<b>")).text
    assert 'data-live="/live/changing?q=%3Cb%3E"' in text


async def test_a_person_whom_the_proxy_does_not_name_is_told_so() -> None:
    proxy = TrustedProxy("x-user", read_networks(("127.0.0.1",)))
    sent = client(board(AccessPolicy(proxy=proxy)))
    answer = await sent.get("/more")
    assert answer.headers["location"] == "/login"
    answer = await sent.get("/login")
    assert answer.status_code == 403
    assert "did not say who you are" in answer.text
    answer = await sent.get("/login", headers={"x-user": "alice"})
    assert answer.headers["location"] == "/"
