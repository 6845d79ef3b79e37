"""All pages, in the order of the navigation."""

from __future__ import annotations

from typing import Final

from streamroute.board.page import Page
from streamroute.board.pages import (
    audit,
    config,
    edit,
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
    tail,
)

PAGES: Final[tuple[Page, ...]] = (
    overview.PAGE,
    routes.PAGE,
    route.PAGE,
    failures.PAGE,
    failure.PAGE,
    letter.PAGE,
    edit.PAGE,
    message.PAGE,
    retries.PAGE,
    tail.PAGE,
    jobs.PAGE,
    explain.PAGE,
    config.PAGE,
    audit.PAGE,
)
