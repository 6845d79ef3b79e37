"""All pages, in the order of the navigation."""

from __future__ import annotations

from typing import Final

from streamroute.board.page import Page
from streamroute.board.pages import config, explain, failure, failures, letter, overview, route, routes

PAGES: Final[tuple[Page, ...]] = (
    overview.PAGE,
    routes.PAGE,
    route.PAGE,
    failures.PAGE,
    failure.PAGE,
    letter.PAGE,
    explain.PAGE,
    config.PAGE,
)
