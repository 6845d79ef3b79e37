"""One run of a handler in a test app."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(slots=True, kw_only=True, eq=False)
class HandledMessage:
    """One run of a route's handler.

    ``payload``
        what the handler received: validated and transformed. It is a copy, taken before the handler ran.
    ``message``
        the payload of the message, before a ``transform``.
    ``id``, ``stream``, ``type``
        of the entry; a retry keeps those of the original entry.
    ``attempt``
        1 for the first run, one more for each retry.
    ``deliveries``
        how often this attempt was delivered to a worker (1 for the first).
    ``started``
        when the handler started, by the clock of the test.
    ``result``
        ``running``, ``succeeded``, ``failed``, ``cancelled`` (its lease was lost, or the app closed),
        ``skipped`` (a duplicate: the handler did not run) or ``postponed`` (nor did it: a message with the
        same dedupe key runs).
    ``error``
        what the handler raised, or the timeout that ended it; None if it did not fail.
    ``returned``
        what the handler returned, which streamroute ignores.

    >>> (run,) = t.handled("welcome-vip")  # doctest: +SKIP
    >>> assert run.payload["nights"] == 3  # doctest: +SKIP
    """

    route: str
    stream: str
    type: str
    id: str
    attempt: int
    deliveries: int
    started: datetime
    message: Mapping[str, Any]
    payload: Mapping[str, Any] = field(default_factory=dict)
    result: str = "running"
    error: BaseException | None = None
    returned: Any = None
