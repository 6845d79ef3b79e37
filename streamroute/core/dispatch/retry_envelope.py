"""The reserved key that says: this is a retry, of these routes, for this group.

A retry scheduler of another make (ARQ ...) receives a payload with this key and brings it back through the
stream, where every group reads it again: the other groups let it pass, and in its own group only the routes
that failed run.

Anybody who can write to the stream can write this key. It is believed with a proof alone: an HMAC, under
the secret of the stream, of all its facts, of the stream and of the payload around it. So it cannot be
changed, and not be moved to another message. Replayed as it was, it runs the same routes of the same
message again, as an entry of a producer would.
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
_MOST_ROUTES: Final = 1_000
_LONGEST_NAME: Final = 1_000  # characters
_LONGEST_TEXT: Final = 1_500_000  # characters of a marker that is written as text
_MOST_ATTEMPTS: Final = 1_000_000_000
_FACTS: Final = frozenset(["v", "id", "group", "routes", "attempt", "proof"])
_DIGEST: Final = hashlib.sha256


@dataclass(frozen=True, slots=True)
class RetryEnvelope:
    """Whose retry a payload is: the origin's id, the group, the routes to run and the attempt's number."""

    id: str
    group: str
    routes: frozenset[str]
    attempt: int
    proof: str = ""

    def signed(self, payload: Mapping[str, Any], stream: str, secret: bytes) -> dict[str, Any]:
        """The form that travels in the payload, with its proof; ``parse_envelope`` takes it back."""
        return {**self._facts(), "proof": self._proof(payload, stream, secret)}

    def is_proven(self, payload: Mapping[str, Any], stream: str, secret: bytes) -> bool:
        """Whether someone who knows the secret wrote this marker for this payload."""
        # Compared as bytes: text that is not ASCII would raise.
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
    """The marker in a payload's reserved key (an object, or its JSON text); None where it has not its form.

    What it says is not to be believed before ``is_proven``.
    """
    if isinstance(value, str | bytes):
        if len(value) > _LONGEST_TEXT:
            return None
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    if not isinstance(value, Mapping) or value.get("v") != VERSION or value.keys() != _FACTS:
        return None  # a dead letter has more keys: read as a stream, each is a new message
    entry_id, group, attempt, proof = (value.get(name) for name in ("id", "group", "attempt", "proof"))
    routes = _names(value.get("routes"))
    if not (_is_name(entry_id) and _is_name(group) and _is_name(proof) and routes):
        return None
    if not isinstance(attempt, int) or isinstance(attempt, bool) or not 1 <= attempt <= _MOST_ATTEMPTS:
        return None
    return RetryEnvelope(str(entry_id), str(group), routes, attempt, str(proof))


def _names(value: object) -> frozenset[str] | None:
    if not isinstance(value, Iterable) or isinstance(value, str | bytes | Mapping):
        return None
    names = list(value)
    return frozenset(names) if len(names) <= _MOST_ROUTES and all(map(_is_name, names)) else None


def _is_name(value: object) -> bool:
    """Whether this may be the name of a route or the id of an entry: it goes into logs and dead letters."""
    if not isinstance(value, str) or len(value) > _LONGEST_NAME:
        return False
    return value.isascii() or not any("\ud800" <= char <= "\udfff" for char in value)


def _digest(payload: Mapping[str, Any]) -> str:
    """The payload without the reserved key, the same before and after it went through JSON or a pickle."""
    plain = {key: value for key, value in payload.items() if key != KEY}
    try:
        refuse_expanding(plain)
        text = json.dumps(plain, sort_keys=True, default=safe_str)
    except (TypeError, ValueError, RecursionError):  # keys that are no strings, or no end
        text = safe_repr(plain, LONG)
    return _DIGEST(text.encode("utf-8", "backslashreplace")).hexdigest()
