"""``streamroute.handlers.log``: a message as a line of the log."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from streamroute.handlers.contract import Complaint, built_in
from streamroute.message import Message

_LEVELS: Final = ("debug", "info", "warning", "error")
_MOST: Final = 10_000  # characters of one message

logger = logging.getLogger("streamroute.handlers.log")


def _check(arguments: Mapping[str, Any], _streams: Sequence[str]) -> Iterator[Complaint]:
    if arguments.get("level", "info") not in _LEVELS:
        yield Complaint("level", '"level" must be debug, info, warning or error')
    if not isinstance(arguments.get("text", ""), str):
        yield Complaint("text", '"text" must be a string')


@built_in(check=_check)
async def log(payload: Mapping[str, Any], *, level: str = "info", text: str = "") -> None:
    """Log the message, behind ``text``, at ``level``.

    All of the payload is logged; a transform on the route says what is fit to be.
    """
    where = f"{payload.id} of {payload.stream}: " if isinstance(payload, Message) and payload.id else ""
    said = json.dumps(payload, ensure_ascii=False, default=str)
    shown = said if len(said) <= _MOST else f"{said[:_MOST]}..."
    logger.log(
        logging.getLevelNamesMapping()[level.upper()], "%s%s%s", f"{text} " if text else "", where, shown
    )
