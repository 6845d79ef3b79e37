"""Retry envelope: a reserved key that marks a payload as a retry of some routes, for one group.

An external retry scheduler (ARQ ...) receives a payload with this key and returns it through the stream,
where every group reads it: other groups ignore it, and its own group runs only the routes that failed.

Anyone who can write to the stream can write this key, so it is accepted only with a proof: an HMAC, keyed
with the stream's secret, of the envelope's fields, the stream and the payload. So an envelope cannot be
changed or moved to another message. A replayed one runs the same routes of the same message again, as a
producer's entry would.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from streamroute.expansion import refuse_expanding
from streamroute.text.limits import LONG
from streamroute.text.safe_text import safe_repr, safe_str

KEY: Final = "_streamroute"
VERSION: Final = 2
_MAX_ROUTES: Final = 1_000
_LONGEST_NAME: Final = 1_000  # characters
_LONGEST_TEXT: Final = 1_500_000  # characters of an envelope that is JSON text
_MAX_ATTEMPTS: Final = 1_000_000_000
_FACTS: Final = frozenset(["v", "id", "group", "routes", "attempt", "proof"])
_DIGEST: Final = hashlib.sha256


@dataclass(frozen=True, slots=True)
class RetryEnvelope:
    """Identifies a retry: the original entry's id, the group, the routes to run and the attempt's number."""

    id: str
    group: str
    routes: frozenset[str]
    attempt: int
    proof: str = ""

    def signed(self, payload: Mapping[str, Any], stream: str, secret: bytes) -> dict[str, Any]:
        """Return the signed dict to put in the payload; ``parse_envelope`` reads it."""
        return {**self._facts(), "proof": self._proof(payload, stream, secret)}

    def is_proven(self, payload: Mapping[str, Any], stream: str, secret: bytes) -> bool:
        """Whether the envelope was signed with the secret, for this payload and stream."""
        # Compare bytes: compare_digest() raises for text that is not ASCII.
        return hmac.compare_digest(self.proof.encode(), self._proof(payload, stream, secret).encode())

    def _facts(self) -> dict[str, Any]:
        return {
            "v": VERSION,
            "id": self.id,
            "group": self.group,
            "routes": sorted(self.routes),
            "attempt": self.attempt,
        }

    def _proof(self, payload: Mapping[str, Any], stream: str, secret: bytes) -> str:
        facts = json.dumps([self._facts(), stream, _digest(payload)])
        return hmac.new(secret, facts.encode(), _DIGEST).hexdigest()


def parse_envelope(value: object) -> RetryEnvelope | None:
    """Return the envelope in a payload's reserved key (an object, or its JSON text); None if malformed.

    Do not trust it before ``is_proven``.
    """
    if isinstance(value, str | bytes):
        if len(value) > _LONGEST_TEXT:
            return None
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    if not isinstance(value, Mapping) or value.get("v") != VERSION or value.keys() != _FACTS:
        return (
            None  # also a dead letter, which has more keys: when its stream is consumed, it is a new message
        )
    entry_id, group, attempt, proof = (value.get(name) for name in ("id", "group", "attempt", "proof"))
    routes = _names(value.get("routes"))
    if not (_is_name(entry_id) and _is_name(group) and _is_name(proof) and routes):
        return None
    if not isinstance(attempt, int) or isinstance(attempt, bool) or not 1 <= attempt <= _MAX_ATTEMPTS:
        return None
    return RetryEnvelope(str(entry_id), str(group), routes, attempt, str(proof))


def _names(value: object) -> frozenset[str] | None:
    if not isinstance(value, Iterable) or isinstance(value, str | bytes | Mapping):
        return None
    names = list(value)
    return frozenset(names) if len(names) <= _MAX_ROUTES and all(map(_is_name, names)) else None


def _is_name(value: object) -> bool:
    """Whether a value is safe as a route name or entry id, which appear in logs and dead letters."""
    if not isinstance(value, str) or len(value) > _LONGEST_NAME:
        return False
    return value.isascii() or not any("\ud800" <= char <= "\udfff" for char in value)


def _digest(payload: Mapping[str, Any]) -> str:
    """Return a digest of the payload without the reserved key, unchanged by a JSON or pickle round trip."""
    plain = {key: value for key, value in payload.items() if key != KEY}
    try:
        refuse_expanding(plain)
        text = json.dumps(plain, sort_keys=True, default=safe_str)
    except (TypeError, ValueError, RecursionError):  # keys that are not strings, or circular references
        text = safe_repr(plain, LONG)
    return _DIGEST(text.encode("utf-8", "backslashreplace")).hexdigest()
