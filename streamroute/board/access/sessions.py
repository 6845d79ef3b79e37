"""Sessions of browsers: a random id in a cookie, and what is known of it in this process."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from streamroute.board.access.identity import Identity

_MAX_SESSIONS: Final = 1_000
_LIFETIME: Final = 12 * 3600.0  # seconds


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that has signed in. ``csrf`` must be part of each of its forms."""

    identity: Identity
    ends_at: float
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(24))


class Sessions:
    """The sessions of this process: at most 1000, each for 12 hours. The oldest makes room for a new one."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sessions: OrderedDict[bytes, Session] = OrderedDict()

    def open(self, identity: Identity) -> str:
        """Start a session, and return the value of its cookie."""
        cookie = secrets.token_urlsafe(32)
        self._sessions[_key(cookie)] = Session(identity, self._clock() + _LIFETIME)
        while len(self._sessions) > _MAX_SESSIONS:
            self._sessions.popitem(last=False)
        return cookie

    def find(self, cookie: str | None) -> Session | None:
        """Return the session of a cookie; None if there is none, or it has ended."""
        session = None if cookie is None else self._sessions.get(_key(cookie))
        if session is not None and session.ends_at <= self._clock():
            self.close(cookie)
            return None
        return session

    def close(self, cookie: str | None) -> None:
        """End the session of a cookie, if there is one."""
        if cookie is not None:
            self._sessions.pop(_key(cookie), None)


def _key(cookie: str) -> bytes:
    """Return the hash under which a cookie is kept: the time of a look-up tells nothing about the cookie."""
    return sha256(cookie.encode("utf-8", "surrogateescape")).digest()
