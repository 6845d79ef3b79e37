"""What the routes of a configuration do with a message, without any value that the configuration hides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from streamroute.compiler.dry_run import ELSEWHERE, Decision, decide
from streamroute.ops.tail.records import RouteView
from streamroute.text.limits import NAME
from streamroute.text.safe_text import safe_str
from streamroute.text.truncation import clip

if TYPE_CHECKING:
    from streamroute.compiler.compiled import Compiled
    from streamroute.config.document import RouteConfig
    from streamroute.ops.tail.query import TailQuery
    from streamroute.payload_redaction import PayloadRedactor

_HIDDEN: Final = "a hidden field decides it"
_CANNOT_SHOW: Final = "what its handler receives cannot be shown: it depends on a hidden field"
_MAX_ROUTES: Final = 50  # in one record


class RouteViews:
    """The views of the routes of each stream and type; the routes are indexed once."""

    def __init__(self, compiled: Compiled, query: TailQuery, redactor: PayloadRedactor) -> None:
        self._query = query
        self._redactor = redactor
        self._by_type: dict[tuple[str, str], list[RouteConfig]] = {}
        for route in (checked.config for checked in compiled.routes):
            for stream in route.streams:
                for kind in route.types:
                    self._by_type.setdefault((stream, kind), []).append(route)

    def of(self, stream: str, kind: str, payload: Mapping[str, Any]) -> tuple[RouteView, ...]:
        """Return the views of the routes of this type; those that run come first.

        Each decides by the payload itself. What is shown of it is evaluated on the redacted payload, so that
        no hidden value can flow into a reason or into what a handler receives.
        """
        routes = self._by_type.get((stream, kind), ())
        if not routes:
            return ()
        explains = self._query.explains
        decisions = decide(routes, payload, stream, traced=explains)
        shown = decisions
        if explains or self._query.transforms:
            redacted = self._redactor.redact(payload)
            shown = decisions if redacted is payload else decide(routes, redacted, stream, traced=explains)
        views = [
            self._view(decision, safe)
            for decision, safe in zip(decisions, shown, strict=True)
            if decision.verdict not in ELSEWHERE and self._is_wanted(decision)
        ]
        return tuple(sorted(views, key=lambda view: not view.runs)[:_MAX_ROUTES])

    def _is_wanted(self, decision: Decision) -> bool:
        wanted = self._query.routes
        if wanted and decision.route.name not in wanted:
            return False
        return self._query.explains or decision.runs or decision.fails

    def _view(self, decision: Decision, safe: Decision) -> RouteView:
        """Return the view of a decision; ``safe`` is that on the redacted payload."""
        same = decision.verdict is safe.verdict
        received, problem = None, ""
        if self._query.transforms and decision.runs:
            received = safe.handler_payload if same else None
            problem = "" if same else _CANNOT_SHOW
        return RouteView(
            name=decision.route.name,
            verdict=str(decision.verdict),
            phrase=decision.phrase,
            runs=decision.runs,
            reasons=self._reasons(decision, safe) if self._query.explains else (),
            received=received,
            problem=problem,
        )

    def _reasons(self, decision: Decision, safe: Decision) -> tuple[str, ...]:
        if decision.runs:
            return ()
        if decision.verdict is not safe.verdict:
            return (_HIDDEN,)
        texts = [reason.text for reason in safe.reasons] or [safe.transform_error]
        return tuple(clip(safe_str(text), NAME) for text in texts if text)
