"""All pages, in the order of the navigation."""

from __future__ import annotations

from typing import Final

from streamroute.board.page import Page

PAGES: Final[tuple[Page, ...]] = ()
