"""Turns entries into the messages to show: decodes, selects, and hides what the configuration hides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streamroute.core.dispatch.outcomes import type_of
from streamroute.errors import DecodeError
from streamroute.expansion import is_expanding
from streamroute.expressions.filters import FilterError
from streamroute.message import ExpandingMessage
from streamroute.ops.explain.decode_errors import shown_decode_error
from streamroute.ops.route_tests.delivery import codec_of, received
from streamroute.ops.tail.records import MessageView, RouteView
from streamroute.ops.tail.route_views import RouteViews
from streamroute.payload_redaction import PayloadRedactor
from streamroute.text.limits import NAME
from streamroute.text.safe_text import one_line
from streamroute.text.truncation import clip

if TYPE_CHECKING:
    from streamroute.compiler.compiled import Compiled
    from streamroute.ops.tail.query import TailQuery

_NOT_IMPORTED = "not decoded: its codec is the project's own; add --import"


@dataclass(slots=True)
class FilterFailures:
    """The messages on which ``where`` failed: they are not shown.

    ``unsaid`` is the reason of the first failure until the tail has said it.
    """

    count: int = 0
    unsaid: str = ""

    def add(self, reason: str) -> None:
        """Count a failure."""
        self.count += 1
        if self.count == 1:
            self.unsaid = reason


class Viewer:
    """Views the entries that match a query."""

    def __init__(self, compiled: Compiled, query: TailQuery) -> None:
        self.failures = FilterFailures()
        self._compiled = compiled
        self._query = query
        self._needs_route = bool(query.routes) and not query.outcomes  # an outcome has its own route
        self._redactor = PayloadRedactor(compiled.document.redact)
        self._routes = RouteViews(compiled, query, self._redactor)

    def view(self, stream: str, entry_id: str, parts: Sequence[bytes]) -> MessageView | None:
        """Return the message of an entry (alternating names and values); None if the query excludes it."""
        fields = dict(zip(parts[::2], parts[1::2], strict=False))
        size = sum(map(len, parts))
        payload, problem = self._decoded(stream, fields)
        if payload is None:
            kind = fields.get(b"type", b"").decode(errors="replace")
            return self._undecoded(
                MessageView(stream=stream, id=entry_id, kind=kind, size=size, problem=problem)
            )
        kind = type_of(payload)
        if not self._is_selected(kind, payload):
            return None
        routes = self._routes.of(stream, kind, payload)
        if not self._is_of_route(routes):
            return None
        return MessageView(
            stream=stream,
            id=entry_id,
            kind=kind,
            size=size,
            payload=self._redactor.redact(payload),
            problem=problem,
            routes=routes,
        )

    def _decoded(self, stream: str, fields: dict[bytes, bytes]) -> tuple[Mapping[str, Any] | None, str]:
        """Return the payload, and why it is dead-lettered as a whole."""
        codec = codec_of(self._compiled, stream)
        if codec is None:
            return None, _NOT_IMPORTED
        try:
            payload = received(self._compiled, stream, codec, fields)
        except DecodeError as error:
            reason = shown_decode_error(error, self._redactor, codec, fields)
            return None, one_line(clip(f"dead-lettered as a whole: {reason}", NAME))
        problem = "" if type_of(payload) else "dead-lettered as a whole: it has no type"
        return ExpandingMessage(payload) if is_expanding(payload) else payload, problem

    def _undecoded(self, message: MessageView) -> MessageView | None:
        """Return a message without a payload unless the query asks for what only a payload can answer."""
        query = self._query
        if query.where is not None or self._needs_route or (query.types and message.kind not in query.types):
            return None
        return message

    def _is_selected(self, kind: str, payload: Mapping[str, Any]) -> bool:
        query = self._query
        if query.types and kind not in query.types:
            return False
        if query.where is None:
            return True
        try:
            return query.where(self._redactor.redact(payload) if query.redacted else payload)
        except FilterError as error:
            if isinstance(error.__cause__, KeyboardInterrupt):
                raise error.__cause__ from None
            self.failures.add(str(error))
            return False

    def _is_of_route(self, routes: Sequence[RouteView]) -> bool:
        if not self._needs_route:
            return True
        wanted = self._query.routes
        return any(route.name in wanted and (route.runs or self._query.explains) for route in routes)
