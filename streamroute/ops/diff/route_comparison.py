"""Compares what the two versions of a route do with events of one type; evaluates only what may differ."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Final, NamedTuple

from streamroute.compiler.dry_run import DryRunResult, Verdict
from streamroute.compiler.runtime.dedupe import digest
from streamroute.compiler.runtime.ordering_key import hashable_key
from streamroute.config.document import RouteConfig, StreamConfig
from streamroute.expressions.explain.trace_explanation import as_text
from streamroute.expressions.filters import failure_text
from streamroute.expressions.syntax.lexer import is_same_text
from streamroute.expressions.values import compile_value
from streamroute.ops.diff.changes import Change
from streamroute.ops.diff.explanation import is_same_payload
from streamroute.ops.diff.trials import Trials

Payload = Mapping[str, Any]

_Decide = Callable[[Payload], DryRunResult]
_NOTHING: Final = DryRunResult(Verdict.OTHER_TYPE)


def _nothing(_payload: Payload) -> DryRunResult:
    return _NOTHING


class Handling(NamedTuple):
    """What a route does with events of one type: its configuration on its stream.

    ``settings`` is None if the stream is not known; ``trials`` are the canaries of the stream.
    """

    route: RouteConfig
    settings: StreamConfig | None
    trials: Trials

    @property
    def order_by(self) -> str | None:
        """The expression that orders the stream's messages."""
        return None if self.settings is None else self.settings.order_by

    @property
    def dedupe_key(self) -> str | None:
        """The expression of the route's dedupe key."""
        return None if self.route.dedupe is None else self.route.dedupe.key


class Compared(NamedTuple):
    """The result for one event: the change, if any.

    If both handlers run, ``causes`` are the settings by which the event is handled differently, ``old`` and
    ``new`` the payloads of the handlers, and ``keys`` those that differ.
    """

    change: Change | None
    causes: tuple[str, ...] = ()
    old: Payload | None = None
    new: Payload | None = None
    keys: Sequence[KeyComparison] = ()

    @property
    def depends_on_event(self) -> bool:
        """Whether the event itself, not only a setting, makes the difference."""
        return self.change is not Change.DIFFERS or bool(self.keys) or self.old is not self.new


class RouteComparison:
    """The two versions of a route, for events of one type; None for a version that does not take them.

    ``certain`` are the settings by which every event is handled differently.
    """

    def __init__(
        self, old: Handling | None, new: Handling | None, certain: tuple[str, ...], *, same_codec: bool
    ) -> None:
        self._old, self._new = old, new
        self._certain = certain
        self._same_codec = same_codec
        self._has_same_result = has_same_result(old, new)

    @cached_property
    def may_differ(self) -> bool:
        """Whether an event may be handled differently that both configurations deliver."""
        if self._old is None or self._new is None:
            return self._old is not self._new
        is_same = self._same_codec and self._has_same_result and _has_same_keys(self._old, self._new)
        return bool(self._certain) or not is_same

    def compare(self, old: Payload | None, new: Payload | None) -> Compared:
        """Compare an event; None for a payload that reaches no route."""
        decide_old, decide_new = self._dry_runs
        before = _NOTHING if old is None else decide_old(old)
        if self._has_same_result and new is old:
            after = before
        else:
            after = _NOTHING if new is None else decide_new(new)
        if before.verdict is not after.verdict:
            return _COMPARED[change_of(before.verdict, after.verdict)]
        if before.verdict is Verdict.MATCHED:
            return self._differing(old, new, before, after)
        return _UNCHANGED

    def _differing(
        self, old: Payload | None, new: Payload | None, before: DryRunResult, after: DryRunResult
    ) -> Compared:
        """Compare how an event is handled that runs in both configurations."""
        handed = before.handler_payload or {}, after.handler_payload or {}
        is_same = is_same_payload(*handed)
        keys = [key for key in self._keys if key.differs(old, new)]
        if is_same and not keys:
            return self._certainly_differs
        causes = *self._certain, *(() if is_same else self._payload_causes), *(key.setting for key in keys)
        return Compared(Change.DIFFERS, causes, handed[0], handed[0] if is_same else handed[1], keys)

    @cached_property
    def _certainly_differs(self) -> Compared:
        return Compared(Change.DIFFERS, self._certain) if self._certain else _UNCHANGED

    @cached_property
    def _dry_runs(self) -> tuple[_Decide, _Decide]:
        old = _nothing if self._old is None else self._old.trials.dry_run(self._old.route)
        if self._has_same_result:
            return old, old
        return old, _nothing if self._new is None else self._new.trials.dry_run(self._new.route)

    @cached_property
    def _payload_causes(self) -> list[str]:
        """The settings that make the two handlers receive different payloads."""
        assert self._old is not None  # noqa: S101 - both versions run
        assert self._new is not None  # noqa: S101
        is_same = is_same_text(self._old.route.transform, self._new.route.transform)
        return ["transform"] * (not is_same) + ["codec"] * (not self._same_codec)

    @cached_property
    def _keys(self) -> list[KeyComparison]:
        if self._old is None or self._new is None:
            return []
        return list(_keys(self._old, self._new))


def has_same_result(old: Handling | None, new: Handling | None) -> bool:
    """Whether the two versions decide every payload in the same way, and hand on the same."""
    if old is None or new is None:
        return False
    before, after = old.route, new.route
    return (
        is_same_text(before.filter, after.filter)
        and is_same_text(before.transform, after.transform)
        and (before.filter is None or before.on_filter_error == after.on_filter_error)
        and old.trials.trial_of(before) == new.trials.trial_of(after)
    )


def _has_same_keys(old: Handling, new: Handling) -> bool:
    """Whether the dedupe and ordering keys of the two versions are the same for every payload."""
    return is_same_text(old.dedupe_key, new.dedupe_key) and is_same_text(old.order_by, new.order_by)


def change_of(before: Verdict, after: Verdict) -> Change | None:
    """Return the change of an event that runs in at most one configuration; None if there is none."""
    if after is Verdict.MATCHED:
        return Change.COMES
    if before is Verdict.MATCHED:
        return Change.GOES
    if (before is Verdict.FAILED) == (after is Verdict.FAILED):
        return None
    return Change.FAILS if after is Verdict.FAILED else Change.RECOVERS


_UNCHANGED: Final = Compared(None)
_COMPARED: Final[Mapping[Change | None, Compared]] = {
    None: _UNCHANGED,
    **{change: Compared(change) for change in Change},
}


# Keys


class KeyComparison:
    """The dedupe or ordering key of both versions; ``setting`` is its name."""

    def __init__(
        self, setting: str, old: str | None, new: str | None, read: Callable[[Any], Hashable]
    ) -> None:
        self.setting = setting
        self._is_same = is_same_text(old, new)
        self._old, self._new = _key(old, read), _key(new, read)

    def differs(self, old: Any, new: Any) -> bool:
        """Whether the key of an event differs."""
        if self._is_same and old is new:
            return False
        return self._old(old).key != self._new(new).key

    def described(self, old: Any, new: Any) -> str:
        """Return a line with both keys of an event."""
        return f"{self.setting} is {self._new(new).text}, was {self._old(old).text}"


def _keys(old: Handling, new: Handling) -> Iterator[KeyComparison]:
    if old.dedupe_key is not None and new.dedupe_key is not None:
        yield KeyComparison("dedupe.key", old.dedupe_key, new.dedupe_key, _digest)
    if (old.order_by, new.order_by) != (None, None):
        yield KeyComparison("order_by", old.order_by, new.order_by, hashable_key)


class _Key(NamedTuple):
    """The key of a payload, and its value for a message."""

    key: Hashable
    value: Any

    @property
    def text(self) -> str:
        """The value as text."""
        return as_text(self.value)


def _key(expression: str | None, read: Callable[[Any], Hashable]) -> Callable[[Any], _Key]:
    """The key of a payload; a failure is a key of its own."""
    if expression is None:
        return lambda _payload: _Key(None, None)
    value_of = compile_value(expression)

    def key(payload: Any) -> _Key:
        try:
            value = value_of(payload)
            return _Key(read(value), value)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - an expression fails in many ways
            return _Key(("failed", failure_text(error)), None)

    return key


def _digest(value: Any) -> str | None:
    return None if value is None else digest(value)
