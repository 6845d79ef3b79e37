"""Answers the forms of actions: asks first, then acts, and shows what was done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from streamroute.board.api.answers import answer
from streamroute.board.forms import read_form

if TYPE_CHECKING:
    from streamroute.board.action import BoardAction
    from streamroute.board.rendering import Board
    from streamroute.board.service import BoardService

_OWN: Final = frozenset({"csrf", "confirmed"})
_MAX_FIELD: Final = 5_000


async def answer_action(
    board: Board, service: BoardService, action: BoardAction, request: Request
) -> Response:
    """Ask about an action, or do it if it was confirmed.

    Raises HTTPException 403 if the visitor may not act.
    """
    fields, confirmed = await _fields(request)
    if not confirmed:
        question = await action.ask(service, fields)
        values: Mapping[str, Any] = {
            "title": action.verb,
            "action": action,
            "question": question,
            "fields": fields,
            "back": action.back(fields),
        }
        return board.render(request, "confirm.html", values, service=service)
    outcome = await action.do(service, fields, request.state.visitor.identity.name)
    notice = board.notices.keep(outcome)
    root = request.scope.get("root_path", "")
    return RedirectResponse(f"{root}{action.back(fields)}?notice={notice}", 303)


async def answer_api_action(service: BoardService, action: BoardAction, request: Request) -> Response:
    """Do an action for a program, without asking; with ``dry_run=yes`` only say what it would do."""
    fields, _ = await _fields(request)
    if fields.get("dry_run") == "yes":
        question = await action.ask(service, fields)
        return answer(
            {"action": action.name, "dry_run": True, "count": question.count, "text": question.text}
        )
    outcome = await action.do(service, fields, request.state.visitor.identity.name)
    body = {"action": action.name, "dry_run": False, "done": outcome.is_ok, "text": outcome.text}
    return answer(body, 200 if outcome.is_ok else 409)


async def _fields(request: Request) -> tuple[dict[str, str], bool]:
    visitor = request.state.visitor
    if visitor is None or not visitor.may_act:
        raise HTTPException(
            403, "you may read the board, but not act: see --http-admin and the role operator"
        )
    form = await read_form(request)
    fields = {
        name: value[:_MAX_FIELD].strip()
        for name, value in form.items()
        if isinstance(value, str) and name not in _OWN
    }
    return fields, form.get("confirmed") == "yes"
