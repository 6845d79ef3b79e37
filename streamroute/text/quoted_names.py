"""Names from outside in messages: quoted, on one line, and bounded."""

from __future__ import annotations

from streamroute.text.limits import NAME
from streamroute.text.safe_text import one_line, safe_repr
from streamroute.text.truncation import ellipsize, encodable


def quoted_name(name: object) -> str:
    """Return a text in double quotes, at most ``NAME`` characters of it; of any other object, its repr."""
    if type(name) is not str:
        return safe_repr(name, NAME)
    return f'"{ellipsize(one_line(encodable(name[: NAME + 1], NAME + 1)), NAME)}"'
