"""All pages, in the order of the navigation."""

from __future__ import annotations

from typing import Final

from streamroute.board.page import Page
from streamroute.board.pages import (
    audit,
    config,
    explain,
    failure,
    failures,
    jobs,
    letter,
    message,
    overview,
    retries,
    route,
    routes,
)

PAGES: Final[tuple[Page, ...]] = (
    overview.PAGE,
    routes.PAGE,
    route.PAGE,
    failures.PAGE,
    failure.PAGE,
    letter.PAGE,
    message.PAGE,
    retries.PAGE,
    jobs.PAGE,
    explain.PAGE,
    config.PAGE,
    audit.PAGE,
)
