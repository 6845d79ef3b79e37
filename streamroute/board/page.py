"""Page: what a page of the board declares."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.requests import Request

    from streamroute.board.service import BoardService

Load = Callable[["BoardService", "Request"], Awaitable[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Page:
    """A page: its path (with parameters as in Starlette), its title, and its template.

    ``load`` returns the values of the template; it may set ``title``. ``in_navigation`` pages are listed at
    the top of each page. ``parts`` are blocks of the template that are sent again while the page is open.
    ``takes_form``: the page answers forms that it shows, which change nothing.
    """

    path: str
    title: str
    template: str
    load: Load
    in_navigation: bool = False
    parts: tuple[str, ...] = ()
    takes_form: bool = False
