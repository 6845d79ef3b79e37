"""The signature of a failure: equal for failures that are probably one bug.

It consists of the route, the class of the error, the place in the user's code, and the message without its
variable parts: numbers, ids, quoted text, paths and addresses.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Final

from streamroute.text.limits import NAME
from streamroute.text.safe_text import one_line
from streamroute.text.truncation import clip, ellipsize

_LONGEST_MESSAGE: Final = 1_000  # characters that are normalized: the variable parts of a longer one are kept
_DIGITS: Final = 10  # of a signature
_CLASS: Final = re.compile(r"[A-Za-z_]\w{0,199}(?=: |\Z)")
_VARIABLE: Final = re.compile(
    r"(?P<status>\b(?:answered|HTTP|status|code|[Ee]rrno) [0-9]{1,5}\b)"
    r"|(?P<url>\b[A-Za-z][A-Za-z0-9+.-]{1,15}://[^\s'\"<>]+)"
    r"|(?P<text>(?<!\w)'[^']{0,100}'(?!\w)|\"[^\"]{0,100}\")"
    r"|(?P<path>(?<![\w<.])(?:~|\.{1,2})?/[^\s'\"<>:,;]+)"
    r"|(?P<address>\b[\w.+-]{1,64}@[\w.-]{1,64})"
    r"|(?P<n>\b[0-9]+(?:[.,:][0-9]+)*\b(?![_-]?[A-Za-z0-9]))"
    r"|(?P<id>\b(?=[A-Za-z_-]{0,64}[0-9])[A-Za-z0-9]+(?:[_-]+[A-Za-z0-9]+)*\b)"
)
"""The variable parts of a message; a status is kept: 404 and 503 are different failures."""


@dataclass(frozen=True, slots=True)
class FailureKind:
    """What failures of one signature have in common; ``message`` is normalized."""

    route: str | None
    error_class: str
    frame: str
    message: str

    @property
    def signature(self) -> str:
        """A short hash, which identifies the kind in commands."""
        parts = json.dumps([self.route, self.error_class, self.frame, self.message])
        return hashlib.sha256(parts.encode()).hexdigest()[:_DIGITS]

    @property
    def title(self) -> str:
        """A line for people: class, place and message."""
        place = f" in {self.frame}" if self.frame else ""
        parts = [f"{self.error_class}{place}" if self.error_class else "", self.message]
        return ellipsize(": ".join(part for part in parts if part), NAME)


def failure_kind(
    route: str | None, error: str, reason: str, *, error_class: str = "", frame: str = ""
) -> FailureKind:
    """Return the kind of a failure from what its dead letter says.

    Without ``error_class``, which earlier releases did not write, it is read from the error's text.
    """
    error_class = error_class or class_in(error)
    text = error.removeprefix(error_class).removeprefix(": ") if error_class else error
    return FailureKind(route, error_class, frame, normalize(text or reason))


def class_in(error: str) -> str:
    """Return the name of the class at the start of an error's text such as ``ValueError: no luck``."""
    found = _CLASS.match(error)
    return found[0] if found else ""


def normalize(message: str) -> str:
    """Return a message on one line, with a placeholder for each variable part."""
    line = one_line(" ".join(clip(message[:_LONGEST_MESSAGE], _LONGEST_MESSAGE).split()))
    return _VARIABLE.sub(_placeholder, line)


def _placeholder(part: re.Match[str]) -> str:
    kind = str(part.lastgroup)
    return part[0] if kind == "status" else f"<{kind}>"
