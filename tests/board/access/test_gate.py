"""The checks of each request."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from streamroute.board.access.gate import COOKIE, Gate, is_intended
from streamroute.board.access.headers import SECURITY_HEADERS
from streamroute.board.access.identity import Identity, Role
from streamroute.board.access.policy import AccessPolicy, TrustedProxy, read_networks
from streamroute.board.access.sessions import Sessions
from streamroute.board.access.token_file import Tokens, _digest
from streamroute.board.forms import parse_form

ALICE = Identity("alice", Role.OPERATOR)
BOB = Identity("bob", Role.VIEWER)
TOKENS = Tokens({_digest("alice-alice-alice"): ALICE, _digest("bob-bob-bob-bob-b"): BOB})
PROXY = TrustedProxy("x-user", read_networks(("127.0.0.1",)), frozenset({"alice"}))
PAGE = {"accept": "text/html"}


async def page(request: Request) -> Response:
    visitor = request.state.visitor
    if request.query_params.get("show") == "csrf":
        return PlainTextResponse(visitor.csrf)
    if request.method == "POST":
        form = await parse_form(request)
        if not is_intended(visitor, form, request.headers):
            return PlainTextResponse("not intended", 403)
    return PlainTextResponse(f"{visitor.identity.name} {visitor.may_act}" if visitor else "nobody")


def board(
    policy: AccessPolicy, sessions: Sessions | None = None, peer: str = "127.0.0.1"
) -> httpx.AsyncClient:
    paths = ("/", "/api/x", "/healthz", "/metrics")
    routes = [Route(path, page, methods=["GET", "POST"]) for path in paths]
    app = Gate(Starlette(routes=routes), policy, sessions or Sessions())
    transport = httpx.ASGITransport(app=app, client=(peer, 1))
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:9464")


OPEN = AccessPolicy()
WITH_TOKENS = AccessPolicy(tokens=TOKENS, allows_actions=True)
WITH_PROXY = AccessPolicy(proxy=PROXY, allows_actions=True)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:9464", 200),
        ("localhost", 200),
        ("[::1]:9464", 200),
        ("board.example", 200),
        ("evil.example", 421),
        ("board.example.evil.example", 421),
        ("", 421),
    ],
)
async def test_a_board_answers_for_its_own_hosts(host: str, status: int) -> None:
    client = board(AccessPolicy(hosts=frozenset({"board.example"})))
    assert (await client.get("/", headers={"host": host})).status_code == status


@pytest.mark.parametrize("method", ["PUT", "DELETE", "TRACE", "OPTIONS", "CONNECT", "PATCH"])
async def test_other_methods_are_refused(method: str) -> None:
    answer = await board(OPEN).request(method, "/")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD, POST"


@pytest.mark.parametrize("policy", [OPEN, WITH_TOKENS])
@pytest.mark.parametrize("path", ["/", "/missing", "/healthz"])
async def test_every_answer_has_the_security_headers(policy: AccessPolicy, path: str) -> None:
    answer = await board(policy).get(path)
    assert {name: answer.headers.get(name) for name in SECURITY_HEADERS} == SECURITY_HEADERS
    assert answer.headers["cache-control"] == "no-store"


async def test_without_policy_everybody_is_a_viewer() -> None:
    assert (await board(OPEN).get("/")).text == "anonymous False"


async def test_a_browser_is_sent_to_sign_in_and_a_program_is_told() -> None:
    client = board(WITH_TOKENS)
    for browser in (await client.get("/", headers=PAGE), await client.post("/", headers=PAGE)):
        assert (browser.status_code, browser.headers["location"]) == (303, "/login")
    for answer in (await client.get("/"), await client.get("/api/x", headers=PAGE), await client.post("/")):
        assert answer.status_code == 401
        assert "Bearer" in answer.headers["www-authenticate"]


@pytest.mark.parametrize("path", ["/healthz", "/metrics"])
async def test_probes_need_no_identity(path: str) -> None:
    assert (await board(WITH_TOKENS).get(path)).text == "nobody"


@pytest.mark.parametrize(
    ("authorization", "text"),
    [("Bearer alice-alice-alice", "alice True"), ("bearer bob-bob-bob-bob-b ", "bob False")],
)
async def test_a_token_names_a_program(authorization: str, text: str) -> None:
    assert (await board(WITH_TOKENS).get("/", headers={"authorization": authorization})).text == text


@pytest.mark.parametrize(
    "authorization", ["Bearer alice", "Basic alice-alice-alice", "alice-alice-alice", "Bearer"]
)
async def test_a_wrong_token_names_nobody(authorization: str) -> None:
    assert (await board(WITH_TOKENS).get("/", headers={"authorization": authorization})).status_code == 401


async def test_a_session_names_a_person() -> None:
    sessions = Sessions()
    client = board(WITH_TOKENS, sessions)
    client.cookies.set(COOKIE, sessions.open(ALICE))
    assert (await client.get("/")).text == "alice True"


def _own_form(sessions: Sessions, cookie: str) -> dict[str, str]:
    session = sessions.find(cookie)
    assert session is not None
    return {"csrf": session.csrf}


Form = Callable[[Sessions, str], dict[str, str]]


@pytest.mark.parametrize(
    ("form", "headers", "status"),
    [
        (_own_form, {}, 200),
        (_own_form, {"origin": "http://127.0.0.1:9464"}, 200),
        (_own_form, {"sec-fetch-site": "same-origin"}, 200),
        (_own_form, {"origin": "http://evil.example"}, 403),
        (_own_form, {"origin": "null"}, 403),
        (_own_form, {"sec-fetch-site": "cross-site"}, 403),
        (_own_form, {"sec-fetch-site": "same-site"}, 403),
        (lambda *_: {}, {}, 403),
        (lambda *_: {"csrf": "é"}, {}, 403),
    ],
)
async def test_a_form_must_be_the_boards_own(form: Form, headers: dict[str, str], status: int) -> None:
    sessions = Sessions()
    client = board(WITH_TOKENS, sessions)
    cookie = sessions.open(ALICE)
    client.cookies.set(COOKIE, cookie)
    assert (await client.post("/", data=form(sessions, cookie), headers=headers)).status_code == status


async def test_a_token_of_a_program_needs_no_form() -> None:
    answer = await board(WITH_TOKENS).post("/", headers={"authorization": "Bearer alice-alice-alice"})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("peer", "names", "status", "text"),
    [
        ("127.0.0.1", ["alice"], 200, "alice True"),
        ("127.0.0.1", ["carol"], 200, "carol False"),
        ("127.0.0.1", ["x" * 200], 200, None),
        ("10.0.0.1", ["alice"], 401, None),
        ("127.0.0.1", [], 401, None),
        ("127.0.0.1", [" "], 401, None),
        ("127.0.0.1", ["bob", "alice"], 401, None),
    ],
)
async def test_a_proxy_names_a_person(peer: str, names: list[str], status: int, text: str | None) -> None:
    headers = [("x-user", name) for name in names]
    answer = await board(WITH_PROXY, peer=peer).get("/", headers=headers)
    assert answer.status_code == status
    assert len(answer.text) < 100
    assert text in (None, answer.text)


async def test_the_form_of_one_person_is_not_that_of_another() -> None:
    client = board(WITH_PROXY)
    [of_alice, of_bob] = [
        {"csrf": (await client.get("/?show=csrf", headers={"x-user": name})).text}
        for name in ("alice", "bob")
    ]
    assert (await client.post("/", data=of_alice, headers={"x-user": "alice"})).status_code == 200
    assert (await client.post("/", data=of_bob, headers={"x-user": "alice"})).status_code == 403
