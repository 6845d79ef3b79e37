"""Outcomes on their way from a worker to those who watch: a few in each entry of a short stream, as JSON.

What is read may be foreign or damaged: what is not an outcome is left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from streamroute.text.limits import HISTORY, NAME
from streamroute.text.truncation import clip

FIELD: Final = b"batch"

_MAX_BYTES: Final = 262_144
_MAX_OUTCOMES: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeRecord:
    """How one message ended at one route, or as a whole (``route`` is None).

    ``id`` is that of the original entry, ``result`` a ``Result``, ``time`` in seconds since the epoch by the
    worker's clock. ``error_class`` and ``error``, which is one line, are empty unless it failed.
    """

    id: str
    kind: str
    route: str | None
    result: str
    time: float
    attempt: int = 1
    error_class: str = ""
    error: str = ""
    generation: str = ""


@dataclass(frozen=True, slots=True)
class OutcomeBatch:
    """The outcomes that a worker has sampled; ``dropped`` is the number of those in between.

    A batch without outcomes says that the worker samples from now on.
    """

    worker: str
    outcomes: Sequence[OutcomeRecord] = ()
    dropped: int = 0

    def pack(self) -> bytes:
        """Return the batch as JSON."""
        outcomes = [_packed(outcome) for outcome in self.outcomes]
        return json.dumps({"worker": self.worker, "dropped": self.dropped, "outcomes": outcomes}).encode()


def unpack_batch(value: Any) -> OutcomeBatch | None:
    """Return a batch; None if it is none."""
    if not isinstance(value, bytes) or len(value) > _MAX_BYTES:
        return None
    try:
        data = json.loads(value)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict) or not isinstance(data.get("worker"), str):
        return None
    outcomes, dropped = data.get("outcomes"), data.get("dropped")
    found = [_outcome(item) for item in (outcomes if isinstance(outcomes, list) else [])[:_MAX_OUTCOMES]]
    return OutcomeBatch(
        clip(data["worker"], NAME),
        tuple(outcome for outcome in found if outcome is not None),
        dropped if type(dropped) is int and dropped > 0 else 0,
    )


def _packed(outcome: OutcomeRecord) -> Mapping[str, Any]:
    return {name: value for name, value in asdict(outcome).items() if value not in ("", None)}


_TYPES: Final = {
    **dict.fromkeys(("id", "kind", "result", "error_class", "error", "generation"), str),
    "attempt": int,
}
_LIMITS: Final = {"error": HISTORY}
_NAMES: Final = tuple(field.name for field in fields(OutcomeRecord))


def _outcome(item: Any) -> OutcomeRecord | None:
    if not isinstance(item, dict):
        return None
    known = {name: item[name] for name in _NAMES if name in item}
    if any(type(known.get(name, kind())) is not kind for name, kind in _TYPES.items()):
        return None
    if type(known.get("route")) not in (str, type(None)) or type(known.get("time")) not in (int, float):
        return None
    texts = {
        name: clip(value, _LIMITS.get(name, NAME)) for name, value in known.items() if isinstance(value, str)
    }
    try:
        return OutcomeRecord(**{"kind": "", "route": None, **known, **texts})
    except TypeError:  # without an id or a result
        return None
