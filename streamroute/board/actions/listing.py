"""All actions."""

from __future__ import annotations

from typing import Final

from streamroute.board.action import BoardAction
from streamroute.board.actions import bulk, failures, letters, pauses, retries

ACTIONS: Final[tuple[BoardAction, ...]] = (
    bulk.RETRY,
    bulk.DROP,
    bulk.STOP,
    bulk.RESUME,
    failures.RESOLVE,
    failures.REOPEN,
    letters.RETRY,
    letters.DROP,
    pauses.PAUSE,
    pauses.RESUME,
    retries.RUN,
    retries.CANCEL,
)
