"""ApiEndpoint: an address below ``/api`` that answers JSON."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.requests import Request

    from streamroute.board.service import BoardService


@dataclass(frozen=True, slots=True)
class ApiEndpoint:
    """What ``GET /api{path}`` answers: ``read`` returns an object of JSON values.

    ``path`` has parameters as in Starlette. ``about`` is a sentence for the list at ``/api``.
    """

    path: str
    about: str
    read: Callable[[BoardService, Request], Awaitable[Mapping[str, Any]]]
