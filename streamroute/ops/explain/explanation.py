"""What the routes of one configuration do with a message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streamroute.compiler.dry_run import Decision, decide
from streamroute.core.dispatch.outcomes import no_type, type_of
from streamroute.errors import DecodeError
from streamroute.expansion import is_expanding
from streamroute.message import ExpandingMessage
from streamroute.ops.explain.concealment import ConcealedMessage
from streamroute.ops.explain.decode_errors import shown_decode_error
from streamroute.ops.route_tests.delivery import codec_of, delivered, received
from streamroute.payload_redaction import PayloadRedactor

if TYPE_CHECKING:
    from streamroute.compiler.compiled import Compiled
    from streamroute.config.document import RouteConfig


@dataclass(frozen=True, slots=True)
class Explanation:
    """The decision of each route on a message of type ``kind``.

    ``invalid`` is the reason why the message is dead-lettered before any route runs; ``unread`` the reason
    why the configuration does not read it at all.
    """

    kind: str
    decisions: Sequence[Decision] = ()
    invalid: str | None = None
    unread: str | None = None


def explain_message(compiled: Compiled, message: Mapping[str, Any], stream: str | None) -> Explanation:
    """Explain a message as if it was published to ``stream`` (None: any stream)."""
    kind = str(message["type"])
    if stream is not None and stream not in compiled.document.streams:
        return Explanation(kind, unread=_not_configured(stream))
    try:
        payload = delivered(compiled, message, stream)
    except DecodeError as error:
        return Explanation(kind, invalid=_redactor(compiled).derived_from(message).text(str(error)))
    return Explanation(kind, _decisions(compiled, payload, stream))


def explain_entry(compiled: Compiled, fields: Mapping[bytes, bytes], stream: str) -> Explanation:
    """Explain an entry of ``stream`` by its fields; the stream's own codec must be imported."""
    kind = fields.get(b"type", b"").decode(errors="replace")
    codec = codec_of(compiled, stream)
    if codec is None:
        return Explanation(kind, unread=_not_configured(stream))
    try:
        payload = received(compiled, stream, codec, dict(fields))
    except DecodeError as error:
        reason = shown_decode_error(error, _redactor(compiled), codec, dict(fields))
        return Explanation(kind, invalid=reason)
    if not type_of(payload):
        return Explanation(kind, invalid=no_type(payload).reason)
    message = ExpandingMessage(payload) if is_expanding(payload) else payload
    return Explanation(type_of(payload), _decisions(compiled, message, stream))


def _decisions(compiled: Compiled, message: Mapping[str, Any], stream: str | None) -> list[Decision]:
    """Return the decisions on a message, which show none of its hidden values."""
    decisions, redactor = decide(_routes(compiled), message, stream), _redactor(compiled)
    if not redactor.is_active:
        return decisions
    concealed = ConcealedMessage(redactor, message)
    return [concealed.decision(decision) for decision in decisions]


def _redactor(compiled: Compiled) -> PayloadRedactor:
    return PayloadRedactor(compiled.document.redact)


def _not_configured(stream: str) -> str:
    return f'the stream "{stream}" is not configured'


def _routes(compiled: Compiled) -> list[RouteConfig]:
    return [route.config for route in compiled.routes]
