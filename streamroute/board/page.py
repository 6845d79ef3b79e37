"""Page: what a page of the board declares."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.requests import Request

    from streamroute.board.service import BoardService
    from streamroute.ops.tail.records import TailItem

Load = Callable[["BoardService", "Request"], Awaitable[Mapping[str, Any]]]

Follow = Callable[["BoardService", "Request"], AsyncGenerator["TailItem", None]]


@dataclass(frozen=True, slots=True)
class Page:
    """A page: its path (with parameters as in Starlette), its title, and its template.

    ``load`` returns the values of the template; it may set ``title``. After a form that has acted it returns
    ``outcome`` and ``next``, the page to show then. ``in_navigation`` pages are listed at
    the top of each page. ``parts`` are blocks of the template that are sent again while the page is open.
    ``takes_form``: the page answers forms that it shows, which change nothing. ``rows`` yields rows to
    append while the page is open, each for the template ``_tail_item.html``.
    """

    path: str
    title: str
    template: str
    load: Load
    in_navigation: bool = False
    parts: tuple[str, ...] = ()
    takes_form: bool = False
    rows: Follow | None = None
