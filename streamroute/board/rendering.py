"""Board: what the requests of one board share, and how they render pages."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from streamroute.board.access.policy import AccessPolicy
from streamroute.board.access.sessions import Sessions
from streamroute.board.live import LivePages
from streamroute.board.notices import Notices
from streamroute.board.page import Page
from streamroute.board.pages.tail import values_of
from streamroute.board.service import BoardService
from streamroute.ops.tail.records import TailItem
from streamroute.version import VERSION


@dataclass(frozen=True, slots=True)
class Board:
    """What the requests of one board share."""

    services: Sequence[BoardService]
    pages: Sequence[Page]
    policy: AccessPolicy
    sessions: Sessions
    templates: Environment
    live: LivePages
    notices: Notices

    def render(
        self,
        request: Request,
        template: str,
        values: Mapping[str, Any],
        *,
        status: int = 200,
        service: BoardService | None = None,
    ) -> Response:
        """Return a page; ``service`` is whose page it is."""
        text = self.templates.get_template(template).render(self._values(request, values, service))
        return HTMLResponse(text.encode("utf-8", "replace"), status)  # JSON may have half of a pair

    def render_parts(
        self, request: Request, page: Page, values: Mapping[str, Any], service: BoardService
    ) -> dict[str, str]:
        """Return the parts of a page, each without the rest of the page."""
        template = self.templates.get_template(page.template)
        context = template.new_context(self._values(request, values, service))
        return {name: "".join(template.blocks[name](context)) for name in page.parts}

    async def render_rows(
        self, request: Request, items: AsyncGenerator[TailItem, None], service: BoardService
    ) -> AsyncGenerator[str, None]:
        """Yield the rows of a tail, each as the page renders it."""
        template = self.templates.get_template("_tail_item.html")
        shared = self._values(request, {}, service)
        async with aclosing(items):
            async for item in items:
                yield template.render({**shared, "item": values_of(item)})

    def _values(
        self, request: Request, values: Mapping[str, Any], service: BoardService | None
    ) -> dict[str, Any]:
        notice = self.notices.find(request.query_params.get("notice"))
        shared = {
            "base": request.state.base,
            "root": request.scope.get("root_path", ""),
            "navigation": [page for page in self.pages if page.in_navigation and service is not None],
            "current": "",
            "visitor": getattr(request.state, "visitor", None),
            "service": "" if service is None else service.name,
            "has_more_services": len(self.services) > 1,
            "version": VERSION,
            "live": "",
            "notice": notice.text if notice and notice.is_ok else "",
            "problem": notice.text if notice and not notice.is_ok else "",
        }
        return {**shared, **values}
