"""Decide what each route would do with a message, and why, without running a handler."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final, NamedTuple

from streamroute.compiler.trials.sides import CanarySide, place
from streamroute.config.document import RouteConfig
from streamroute.errors import Reject
from streamroute.expressions.explain.trace import Trace, trace
from streamroute.expressions.explain.trace_explanation import Reason, reasons
from streamroute.expressions.filters import FilterError, compile_route_filter
from streamroute.expressions.transforms import compile_transform


class Verdict(StrEnum):
    """The outcome of a message at a route."""

    MATCHED = "matched"
    """The handler runs."""
    NOT_MATCHED = "not matched"
    """The filter is false."""
    FAILED = "failed"
    """The filter or the transform fails: the message is dead-lettered for this route."""
    OTHER_SIDE = "other side"
    """The route would match or fail, but leaves the message to the other route of a canary."""
    OTHER_TYPE = "other type"
    """The route does not accept this type."""
    OTHER_STREAM = "other stream"
    """The route does not consume this stream."""

    @property
    def phrase(self) -> str:
        """The outcome as a phrase that follows the route's name."""
        return _PHRASES[self]


_PHRASES: Final = {
    Verdict.MATCHED: "matches",
    Verdict.NOT_MATCHED: "does not match",
    Verdict.FAILED: "fails: the message is dead-lettered for it",
    Verdict.OTHER_SIDE: "leaves the message to the other route of a canary",
    Verdict.OTHER_TYPE: "does not accept the type",
    Verdict.OTHER_STREAM: "does not consume the stream",
}


@dataclass(frozen=True, slots=True)
class Decision:
    """A route's verdict on a message.

    ``filter`` is the evaluation of its filter; None if it has none, or it was not evaluated.
    ``handler_payload`` is None if the handler does not run. ``transform_error`` is the reason why the
    transform failed. A disabled route or a shadow has the verdict that it would have if it were live.
    ``side`` is set for both routes of a canary, if they accept the message's type and stream.
    """

    route: RouteConfig
    verdict: Verdict
    filter: Trace | None = None
    handler_payload: Mapping[str, Any] | None = None
    transform_error: str = ""
    side: CanarySide | None = None

    @property
    def runs(self) -> bool:
        """Whether the handler would run; False for a disabled route or a shadow."""
        return self.verdict is Verdict.MATCHED and self.route.is_live

    @property
    def fails(self) -> bool:
        """Whether the message would be dead-lettered for this route before its handler runs."""
        return self.verdict is Verdict.FAILED and self.route.is_live

    @property
    def shadows(self) -> bool:
        """Whether an enabled shadow would be counted as matching."""
        return self.verdict is Verdict.MATCHED and self.route.shadow and self.route.enabled

    @property
    def phrase(self) -> str:
        """The outcome as a phrase that follows the route's name."""
        phrase = self.verdict.phrase
        if self.verdict is Verdict.OTHER_SIDE and self.side is not None:
            phrase = f"leaves the message to {self.side.taker}"
        if not self.route.enabled:
            return f"is disabled (it {phrase})"
        if self.route.shadow:
            return f"is a shadow (it {'fails' if self.verdict is Verdict.FAILED else phrase})"
        return phrase

    @property
    def reasons(self) -> list[Reason]:
        """The filter operands that decided the verdict."""
        return [] if self.filter is None or self.transform_error else reasons(self.filter)


def decide(
    routes: Iterable[RouteConfig],
    payload: Mapping[str, Any],
    stream: str | None = None,
    *,
    traced: bool = True,
) -> list[Decision]:
    """Return the verdict of each route, in order, on a message of ``stream`` (None: any stream).

    Filters and transforms must compile. Without ``traced``, the decisions have no ``filter`` and no reasons,
    which is many times as fast.
    """
    decisions = [_decision(route, payload, stream, traced=traced) for route in routes]
    for canary in [each for each in decisions if each.route.canary is not None and each.route.is_live]:
        if canary.verdict not in ELSEWHERE:
            _decide_sides(decisions, canary, payload)
    return decisions


ELSEWHERE: Final = frozenset({Verdict.OTHER_TYPE, Verdict.OTHER_STREAM})
"""Verdicts of routes that do not see the message."""


def _decide_sides(decisions: list[Decision], canary: Decision, payload: Mapping[str, Any]) -> None:
    """Replace the decisions of a canary and of its other route by those of their sides."""
    placement = place(canary.route, payload)
    takes = placement.is_included and canary.verdict is not Verdict.NOT_MATCHED
    side = CanarySide(canary.route, placement, takes)
    for index, decision in enumerate(decisions):
        is_canary = decision is canary
        if is_canary or (
            decision.route.name == canary.route.instead_of and decision.verdict not in ELSEWHERE
        ):
            decisions[index] = _on_side(decision, side, has_message=takes is is_canary)


def _on_side(decision: Decision, side: CanarySide, *, has_message: bool) -> Decision:
    if has_message or decision.verdict is Verdict.NOT_MATCHED:
        return replace(decision, side=side)
    return Decision(decision.route, Verdict.OTHER_SIDE, decision.filter, side=side)


def _decision(
    route: RouteConfig, payload: Mapping[str, Any], stream: str | None, *, traced: bool
) -> Decision:
    if stream is not None and stream not in route.streams:
        return Decision(route, Verdict.OTHER_STREAM)
    if payload.get("type") not in route.types:
        return Decision(route, Verdict.OTHER_TYPE)
    seen = trace(route.filter, payload) if traced and route.filter is not None else None
    result = _dry_run(route.filter, route.ignores_filter_errors, route.transform)(payload)
    return Decision(route, result.verdict, seen, result.handler_payload, result.transform_error)


class DryRunResult(NamedTuple):
    """What a route would do with a message of its types; see ``Decision``."""

    verdict: Verdict
    handler_payload: Mapping[str, Any] | None = None
    transform_error: str = ""


class DryRun:
    """A route's filter and transform, compiled once to decide many messages of its types; both may be None.

    Raises ExpressionError if the transform does not compile.
    """

    def __init__(self, accepts: Callable[[Any], bool] | None, transform: str | None) -> None:
        self._accepts = accepts
        self._transform = None if transform is None else compile_transform(transform)

    @classmethod
    def of(cls, route: RouteConfig) -> DryRun:
        """Compile a route. Raises ExpressionError if its filter does not compile, too."""
        return cls(route_filter(route), route.transform)

    def __call__(self, payload: Mapping[str, Any]) -> DryRunResult:
        """Decide a message by the filter that routes messages, then transform it."""
        try:
            if self._accepts is not None and not self._accepts(payload):
                return _NOT_MATCHED
            handed = payload if self._transform is None else self._transform(payload)
            return DryRunResult(Verdict.MATCHED, handed)
        except FilterError as error:
            _reraise_interrupt(error)
            return _FAILED
        except Reject as error:
            _reraise_interrupt(error)
            return DryRunResult(Verdict.FAILED, transform_error=error.reason)


_NOT_MATCHED: Final = DryRunResult(Verdict.NOT_MATCHED)
_FAILED: Final = DryRunResult(Verdict.FAILED)


@lru_cache(maxsize=1024)
def _dry_run(accepts: str | None, ignores_errors: bool, transform: str | None) -> DryRun:
    return DryRun(_filter(accepts, ignores_errors), transform)


def route_filter(route: RouteConfig) -> Callable[[Any], bool] | None:
    """Compile the filter of a route, without logging its failures; None if it has none.

    Raises ExpressionError if it does not compile.
    """
    return _filter(route.filter, route.ignores_filter_errors)


def _filter(expression: str | None, ignores_errors: bool) -> Callable[[Any], bool] | None:
    if expression is None:
        return None
    return compile_route_filter(expression, ignores_errors=ignores_errors, warn=_reraise_interrupt)


def _reraise_interrupt(error: Exception) -> None:
    """Raise the KeyboardInterrupt that made a filter or transform fail: the user interrupted the command."""
    if isinstance(error.__cause__, KeyboardInterrupt):
        raise error.__cause__ from None
