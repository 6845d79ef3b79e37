"""Answers in JSON, of bounded size, and which requests get them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from streamroute.text.json_text import as_json
from streamroute.text.truncation import clip

ROOT: Final = "/api"
LONGEST: Final = 50_000
"""Characters of a text in an answer; a page shows no more of a field."""


def is_for_program(request: Request) -> bool:
    """Whether a request is for JSON, by its address below that of the service."""
    path: str = request.scope["path"]
    below = path.removeprefix(request.scope.get("root_path", ""))
    return below == ROOT or below.startswith(f"{ROOT}/")


def answer(value: Mapping[str, Any], status: int = 200) -> Response:
    """Return an object as JSON, with ``"cut": true`` if one of its texts was too long."""
    bounds = _Bounds()
    bounded = bounds.apply(value)
    text = as_json({**bounded, "cut": True} if bounds.have_cut else bounded)
    return Response(text + "\n", status, media_type="application/json")


def error_answer(text: str, status: int) -> Response:
    """Return an error as JSON."""
    return answer({"error": text}, status)


class _Bounds:
    """Cuts the texts in values that are too long."""

    def __init__(self) -> None:
        self.have_cut = False

    def apply(self, value: Any) -> Any:
        if isinstance(value, str):
            self.have_cut |= len(value) > LONGEST
            return clip(value, LONGEST)
        if isinstance(value, Mapping):
            return {self.apply(name): self.apply(each) for name, each in value.items()}
        if isinstance(value, list | tuple):
            return [self.apply(each) for each in value]
        return value
