"""The ASGI application of the board: pages, signing in, files, and answers to errors."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from streamroute.board.access.gate import COOKIE, Gate, Visitor
from streamroute.board.access.policy import AccessPolicy
from streamroute.board.access.sessions import Sessions
from streamroute.board.acting import answer_action, answer_api_action
from streamroute.board.actions.listing import ACTIONS
from streamroute.board.api.answers import ROOT, answer, error_answer, is_for_program
from streamroute.board.api.endpoint import ApiEndpoint
from streamroute.board.api.listing import ENDPOINTS, endpoint_list
from streamroute.board.errors import BoardBusyError, InvalidInputError, PageNotFoundError
from streamroute.board.forms import field, parse_form, read_form
from streamroute.board.http.body_limit import BodyLimit
from streamroute.board.live import LivePages
from streamroute.board.notices import Notices
from streamroute.board.page import Page
from streamroute.board.pages.listing import PAGES
from streamroute.board.rendering import Board
from streamroute.board.service import BoardService
from streamroute.board.service_summary import summarize
from streamroute.board.templating import create_environment
from streamroute.errors import RedisUnavailableError, StreamrouteError
from streamroute.text.safe_text import redacted_str, type_name

log = logging.getLogger(__name__)


def create_application(
    services: Sequence[BoardService],
    policy: AccessPolicy,
    probes: Sequence[BaseRoute] = (),
    pages: Sequence[Page] = PAGES,
) -> ASGIApp:
    """Return the application. ``probes`` are routes for monitoring, such as ``/metrics``.

    The pages of a single service are at ``/``; those of several are below the names of the services.
    """
    board = Board(services, pages, policy, Sessions(), create_environment(), LivePages(), Notices())
    routes: list[BaseRoute] = [
        Route("/login", partial(_sign_in, board), methods=["GET", "POST"]),
        Route("/logout", partial(_sign_out, board), methods=["POST"]),
        Mount("/static", StaticFiles(packages=[("streamroute.board", "static")])),
        *probes,
    ]
    if len(services) == 1:
        routes += _page_routes(board, services[0])
    else:
        routes.append(Route("/", partial(_list_services, board)))
        routes += [Mount(f"/{service.name}", routes=_page_routes(board, service)) for service in services]
    errors: Mapping[Any, Callable[[Request, Exception], Awaitable[Response]]] = {
        HTTPException: partial(_http_error, board),
        StreamrouteError: partial(_domain_error, board),
        Exception: partial(_unexpected_error, board),
    }
    app = Starlette(routes=routes, middleware=[Middleware(BodyLimit)], exception_handlers=errors)
    return Gate(app, policy, board.sessions)  # outside, since unexpected errors are answered by the outermost


def _page_routes(board: Board, service: BoardService) -> list[BaseRoute]:
    routes: list[BaseRoute] = [
        Route(f"/live{page.path}", partial(_follow, board, service, page))
        for page in board.pages
        if page.parts or page.rows is not None
    ]
    routes += [
        Route(
            page.path,
            partial(_show, board, service, page),
            methods=["GET", "POST"] if page.takes_form else ["GET"],
        )
        for page in board.pages
    ]
    routes += [
        Route(f"{ROOT}{endpoint.path}", partial(_answer_program, service, endpoint)) for endpoint in ENDPOINTS
    ]
    routes.append(Route(ROOT, _list_endpoints))
    for action in ACTIONS:
        routes += [
            Route(f"/act/{action.name}", partial(answer_action, board, service, action), methods=["POST"]),
            Route(f"/api/act/{action.name}", partial(answer_api_action, service, action), methods=["POST"]),
        ]
    return routes


async def _show(board: Board, service: BoardService, page: Page, request: Request) -> Response:
    values = await page.load(service, request)
    if "outcome" in values:
        notice, root = board.notices.keep(values["outcome"]), request.scope.get("root_path", "")
        return RedirectResponse(f"{root}{values['next']}?notice={notice}", 303)
    shown = {"title": page.title, "current": page.path, "live": _live_path(page, request), **values}
    return board.render(request, page.template, shown, service=service)


async def _answer_program(service: BoardService, endpoint: ApiEndpoint, request: Request) -> Response:
    return answer(await endpoint.read(service, request))


async def _list_endpoints(request: Request) -> Response:
    return answer(endpoint_list(request.scope.get("root_path", "")))


def _live_path(page: Page, request: Request) -> str:
    """Return the address of the page's events; empty if the page has none."""
    if not page.parts and page.rows is None:
        return ""
    root, query = request.scope.get("root_path", ""), request.url.query
    path = request.url.path.removeprefix(root)
    return f"{root}/live{path}{'?' if query else ''}{query}"


async def _follow(board: Board, service: BoardService, page: Page, request: Request) -> Response:
    if page.rows is not None:
        return board.live.answer_rows(
            request, board.render_rows(request, page.rows(service, request), service)
        )

    async def render() -> Mapping[str, str]:
        return board.render_parts(request, page, await page.load(service, request), service)

    return board.live.answer(request, render)


async def _list_services(board: Board, request: Request) -> Response:
    services = await asyncio.gather(*(summarize(service) for service in board.services))
    return board.render(request, "services.html", {"title": "Services", "services": services})


async def _sign_in(board: Board, request: Request) -> Response:
    base = request.state.base
    tokens = board.policy.tokens
    if tokens is None:
        return _without_tokens(board, request)
    if request.method == "GET" and "token" not in request.query_params:
        return board.render(request, "login.html", {"title": "Sign in"})
    given = (
        request.query_params["token"]
        if request.method == "GET"
        else field(await parse_form(request), "token")
    )
    identity = tokens.find(given.strip())
    if identity is None:
        return board.render(
            request, "login.html", {"title": "Sign in", "problem": "unknown token"}, status=403
        )
    response = RedirectResponse(f"{base}/", 303)
    response.set_cookie(
        COOKIE,
        board.sessions.open(identity),
        path=f"{base}/",
        httponly=True,
        samesite="strict",
        secure=request.headers.get("x-forwarded-proto") == "https" or request.url.scheme == "https",
    )
    return response


def _without_tokens(board: Board, request: Request) -> Response:
    """Return the way to the overview; a person whom the proxy does not name would come back from there."""
    if request.state.visitor is not None:
        return RedirectResponse(f"{request.state.base}/", 303)
    values = {
        "title": "Sign in",
        "problem": "the proxy in front of this board did not say who you are",
        "text": "Sign in there, and reload this page.",
    }
    return board.render(request, "plain.html", values, status=403)


async def _sign_out(board: Board, request: Request) -> Response:
    await read_form(request)
    board.sessions.close(request.cookies.get(COOKIE))
    base = request.state.base
    response = RedirectResponse(f"{base}/login", 303)
    response.delete_cookie(COOKIE, path=f"{base}/")
    return response


async def _http_error(board: Board, request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    text = str(error.detail) if isinstance(error, HTTPException) else ""
    if status == 404:
        text = "there is no such page"
    return _answer(board, request, status, text)


async def _domain_error(board: Board, request: Request, error: Exception) -> Response:
    match error:
        case PageNotFoundError():
            status = 404
        case InvalidInputError():
            status = 400
        case RedisUnavailableError() | BoardBusyError():
            status = 503
        case _:
            status = 500
    return _answer(board, request, status, redacted_str(error))


async def _unexpected_error(board: Board, request: Request, error: Exception) -> Response:
    log.error("the board could not answer %s: %s", request.scope["path"], type_name(error), exc_info=error)
    return _answer(board, request, 500, "the board failed; its log says why")


def _answer(board: Board, request: Request, status: int, text: str) -> Response:
    """Return an error as a page, or as JSON or text for programs; pages need a visitor."""
    if is_for_program(request):
        return error_answer(text, status)
    visitor: Visitor | None = getattr(request.state, "visitor", None)
    if visitor is None or "text/html" not in request.headers.get("accept", ""):
        return PlainTextResponse(f"{text}\n", status)
    titles = {400: "Not understood", 403: "Refused", 404: "Not found", 503: "Not now"}
    values = {"title": titles.get(status, "Error"), "problem": text, "text": ""}
    return board.render(request, "plain.html", values, status=status)
