"""The name of a retry: the original entry's id, its routes, its attempt, and the replay it belongs to."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple, Self

from streamroute.text.limits import NAME
from streamroute.text.truncation import clip

_NAME: Final = re.compile(
    r"(?P<id>[^|]*)\|(?P<routes>.*)\|(?P<attempt>[0-9]{1,9})(?:@(?P<replay>.*))?", re.DOTALL
)


class RetryName(NamedTuple):
    """What a retry's name says; see ``RetryRecord.name``. ``attempt`` is 0 if the name cannot be read.

    A route whose name contains a comma looks like two.
    """

    id: str
    routes: Sequence[str]
    attempt: int
    replay: str | None = None

    @classmethod
    def parse(cls, name: str) -> Self:
        """Read a name; one that another program wrote is returned as the id."""
        match = _NAME.fullmatch(name)
        if match is None:
            return cls(clip(name, NAME), (), 0)
        routes = tuple(clip(route, NAME) for route in match["routes"].split(",") if route)
        replay = None if match["replay"] is None else clip(match["replay"], NAME)
        return cls(clip(match["id"], NAME), routes, int(match["attempt"]), replay)
