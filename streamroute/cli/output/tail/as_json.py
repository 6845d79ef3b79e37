"""A message of a tail as a JSON object on one line."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from streamroute.expansion import is_expanding
from streamroute.text.json_text import as_json
from streamroute.text.limits import NAME
from streamroute.text.safe_text import safe_str
from streamroute.text.truncation import clip

if TYPE_CHECKING:
    from streamroute.ops.tail.records import MessageView, OutcomeView, RouteView, TailRecord

_MAX_BYTES: Final = 65_536  # of an entry whose payload is part of the object


def json_record(record: TailRecord, *, full: bool) -> str:
    """Return a record as a line of JSON; without ``full``, the payload of a large entry is null."""
    data = _message(record.message, full=full)
    data["outcome"] = None if record.outcome is None else _outcome(record.outcome)
    try:
        return as_json(data, _plain, indent=None) + "\n"
    except (ValueError, TypeError, RecursionError):  # nested too deeply, or an object of a user's codec
        return (
            as_json(
                {**data, "data": None, "routes": [], "problem": "the payload cannot be JSON"},
                safe_str,
                indent=None,
            )
            + "\n"
        )


def _message(message: MessageView, *, full: bool) -> dict[str, Any]:
    payload = message.payload
    is_cut = payload is not None and not full and (message.size > _MAX_BYTES or is_expanding(payload))
    return {
        "time": iso_time(message.time),
        "stream": message.stream,
        "id": message.id,
        "type": message.kind if full else clip(message.kind, NAME),
        "size": message.size,
        "problem": message.problem or None,
        "routes": [_route(route, is_cut=is_cut) for route in message.routes],
        "cut": is_cut,
        "data": None if is_cut else payload,
    }


def _route(route: RouteView, *, is_cut: bool) -> dict[str, Any]:
    return {
        "route": route.name,
        "verdict": route.verdict,
        "runs": route.runs,
        "reasons": list(route.reasons),
        "received": None if is_cut else route.received,
        "problem": route.problem or None,
    }


def _outcome(outcome: OutcomeView) -> dict[str, Any]:
    return {
        "route": outcome.route,
        "result": outcome.result,
        "time": iso_time(outcome.time),
        "attempt": outcome.attempt,
        "error_class": outcome.error_class or None,
        "error": outcome.error or None,
        "worker": outcome.worker,
        "generation": outcome.generation,
    }


def iso_time(seconds: float) -> str | None:
    """Format a time as ISO 8601 in UTC, with milliseconds; None if it is none."""
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError, OSError):
        return None


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else safe_str(value)
