"""``streamroute.handlers.log``: log a message."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from streamroute.handlers.contract import ArgumentProblem, built_in
from streamroute.logs.coalescing import NEVER_COALESCED
from streamroute.message import Message
from streamroute.text.safe_text import safe_repr, safe_str
from streamroute.text.truncation import ellipsize

_LEVELS: Final = ("debug", "info", "warning", "error")
_MAX_PAYLOAD_LENGTH: Final = 10_000  # characters of a log record's payload

_encoder: Final = json.JSONEncoder(ensure_ascii=False, default=safe_str)

logger = logging.getLogger("streamroute.handlers.log")


def _check(arguments: Mapping[str, Any], _streams: Sequence[str]) -> Iterator[ArgumentProblem]:
    if arguments.get("level", "info") not in _LEVELS:
        yield ArgumentProblem("level", '"level" must be debug, info, warning or error')
    if not isinstance(arguments.get("text", ""), str):
        yield ArgumentProblem("text", '"text" must be a string')


@built_in(check=_check)
async def log(payload: Mapping[str, Any], *, level: str = "info", text: str = "") -> None:
    """Log the message, after ``text``, at ``level``.

    The whole payload is logged, but for the fields that ``redact:`` hides; use a transform on the route to
    select what may be logged.
    """
    source = f"{payload.id} of {payload.stream}: " if isinstance(payload, Message) and payload.id else ""
    number = logging.getLevelNamesMapping()[level.upper()]
    prefix = f"{text} " if text else ""
    logger.log(number, "%s%s%s", prefix, source, _payload_text(_redacted(payload)), extra=NEVER_COALESCED)


def _redacted(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the payload without the fields that the configuration hides."""
    pipeline = payload.delivery.pipeline if isinstance(payload, Message) else None
    shown: Mapping[str, Any] = payload if pipeline is None else pipeline.redactor.redact(payload)
    return shown


def _payload_text(payload: Mapping[str, Any]) -> str:
    """The payload as JSON, cut to the maximum length; its ``repr`` if it is not JSON."""
    try:
        return _json_text(payload)
    except (TypeError, ValueError):  # circular, or with keys that JSON does not allow
        return safe_repr(payload, _MAX_PAYLOAD_LENGTH)


def _json_text(payload: Mapping[str, Any]) -> str:
    parts, length = [], 0
    for part in _encoder.iterencode(payload):
        parts.append(part)
        length += len(part)
        if length > _MAX_PAYLOAD_LENGTH:
            break
    return ellipsize("".join(parts), _MAX_PAYLOAD_LENGTH)
