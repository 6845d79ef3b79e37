"""Notices: what an action did, shown on the page that follows it."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from typing import Final

from streamroute.board.action import ActionOutcome

_MOST: Final = 500


class Notices:
    """The latest notices by a random name, which the address of the next page has.

    Their text is not in the address: nobody can make the board say something by a link.
    """

    def __init__(self) -> None:
        self._notices: OrderedDict[str, ActionOutcome] = OrderedDict()

    def keep(self, outcome: ActionOutcome) -> str:
        """Keep a notice, and return its name."""
        name = secrets.token_urlsafe(12)
        self._notices[name] = outcome
        while len(self._notices) > _MOST:
            self._notices.popitem(last=False)
        return name

    def find(self, name: str | None) -> ActionOutcome | None:
        """Return the notice of this name, or None."""
        return None if name is None else self._notices.get(name)
