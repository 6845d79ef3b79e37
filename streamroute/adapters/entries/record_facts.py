"""The facts beside the fields of a stored message: the reserved field, and the history of its failures.

Retries and dead letters hold the entry's raw fields and the reserved field ``_streamroute``: a JSON object
with the origin of the entry and its history. A field of the entry with that name is stored under another
name, and restored.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, repeat
from typing import Any, Final

from streamroute.adapters.codecs.entry_fields import MARKER
from streamroute.trace_context import TRACEPARENT, TRACESTATE, TraceContext, parse_trace_context
from streamroute.values import Failure

FACTS: Final = MARKER.encode()
VERSION: Final = 1

REPLAY_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
"""An id of a replay: it is a part of the names of retries and of dedupe locks, which have separators."""

_TAKEN: Final = re.compile(re.escape(FACTS) + rb"~*")
"""Matches the reserved field name and its escaped forms."""

_MAX_FAILURES: Final = 20
_FAILURE_FACTS: Final = ("route", "attempt", "error", "reason", "time")
_LATER_FAILURE_FACTS: Final = {
    "generations": "generation",
    "error_classes": "error_class",
    "originals": "original",
}
"""Facts of a record, each with a value for every failure -> the attribute of the failure."""
_KINDS: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("id", "stream", "group", "reason", "error", "traceback", "generation"), str),
    **dict.fromkeys(("error_class", "frame", "signature"), str),
    **dict.fromkeys(("route", "type"), str | None),
    "attempt": int,
    "deliveries": int,
    "time": int | float,
    "routes": list,
    "trace": dict,
    "accepted": bool,
}


def append_failure(history: Sequence[Failure], failure: Failure) -> Sequence[Failure]:
    """Return the history with one more failure, limited to the latest failures.

    One that keeps the original fields of an edited message stays.
    """
    longer = (*history, failure)
    dropped, kept = longer[:-_MAX_FAILURES], longer[-_MAX_FAILURES:]
    originals = [failure for failure in dropped if failure.original][:1]
    return (*originals, *kept[len(originals) :])


def history_facts(history: Sequence[Failure]) -> dict[str, Any]:
    """Return the facts of a history: its failures, and beside them the later facts of each, as lists.

    A worker of an earlier release reads a failure only if it has no other fact than the first five.
    """
    facts: dict[str, Any] = {
        "history": [{name: getattr(failure, name) for name in _FAILURE_FACTS} for failure in history]
    }
    for name, attribute in _LATER_FAILURE_FACTS.items():
        values = [getattr(failure, attribute) for failure in history]
        if any(values):
            facts[name] = values
    return facts


def failures_of(facts: Mapping[str, Any]) -> tuple[Failure, ...]:
    """Return the history; an earlier release did not write the later facts."""
    later = [chain(map(str, facts.get(name, ())), repeat("")) for name in _LATER_FAILURE_FACTS]
    return tuple(
        Failure(
            **checked_facts(failure, _FAILURE_FACTS),
            **dict(zip(_LATER_FAILURE_FACTS.values(), values, strict=True)),
        )
        for failure, *values in zip(facts.get("history", ()), *later, strict=False)
    )


def checked_facts(facts: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return the facts with these names; raises TypeError if another program wrote one of another kind."""
    for name in names:
        value = facts[name]
        parts = [*value, *value.values()] if isinstance(value, dict) else value
        if not isinstance(value, _KINDS[name]):
            raise TypeError(f"{name} is {type(value).__name__}")
        if isinstance(parts, list) and not all(isinstance(part, str) for part in parts):
            raise TypeError(f"{name} holds other values than strings")
    return {name: facts[name] for name in names}


def escape_reserved(fields: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    return {name + b"~" if _TAKEN.fullmatch(name) else name: value for name, value in fields.items()}


def unescape_reserved(fields: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    return {name[:-1] if _is_disguised(name) else name: value for name, value in fields.items()}


def _is_disguised(name: bytes) -> bool:
    return name != FACTS and _TAKEN.fullmatch(name) is not None


def facts_json(facts: Mapping[str, Any]) -> bytes:
    return json.dumps(facts).encode()


def trace_of(facts: object) -> TraceContext | None:
    """Return the trace context in the facts of a record; None if it is missing, or damaged."""
    if not isinstance(facts, Mapping):
        return None
    return parse_trace_context(facts.get(TRACEPARENT), facts.get(TRACESTATE))


def replay_of(facts: Mapping[str, Any]) -> str | None:
    """Return the id of the replay that ran the message; None for another message, or a damaged id."""
    replay = facts.get("replay")
    return replay if isinstance(replay, str) and REPLAY_ID.fullmatch(replay) else None
