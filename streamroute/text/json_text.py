"""Values as JSON that any reader accepts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final

from streamroute.text.lazy_pattern import lazy_pattern

_ESCAPES: Final = lazy_pattern(r"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u[dD][89a-fA-F]..|\\.")


def as_json(value: Any, default: Callable[[Any], Any] | None = None, *, indent: int | None = 2) -> str:
    """Return a value as JSON in ASCII, which any parser accepts; halves of surrogate pairs are replaced.

    Without ``indent``, it is one line.
    """
    text = (
        json.dumps(value, indent=indent, default=default)
        .replace("\x7f", "\\u007f")
        .replace("##[", "\\u0023#[")
    )
    return _ESCAPES.sub(_whole, text) if "\\ud" in text else text


def _whole(escape: re.Match[str]) -> str:
    is_half = len(escape[0]) == len("\\ud800")
    return "\\ufffd" if is_half else escape[0]
