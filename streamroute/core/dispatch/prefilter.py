"""Prefilter: which new messages no route takes, decided where they are read.

Most messages of a shared stream may be meant for other consumers. Those whose only effect would be a count
and their acknowledgement are acknowledged without being handled. Every message that may have another effect
is handled: the dispatcher decides on it again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from time import monotonic
from typing import Any, Final

from streamroute.core.dispatch.retry_envelope import KEY
from streamroute.core.dispatch.route_registry import RouteRegistry
from streamroute.core.dispatch.route_table import RouteTable
from streamroute.core.observer import ObserverSwitch, OffersTallies, Result, alike_counter
from streamroute.pauses import PauseGate
from streamroute.text.limits import NAME

_BUDGET: Final = 0.001  # seconds that the filters of one read may take, in which nothing else runs
_REJECTION: Final = 8  # what a rejection saves, in evaluations
_MOST_CREDIT: Final = 64
_WAIT: Final = 16  # reads before filters that accepted nearly everything are tried again


class ReadBudget:
    """What is common to the rules.

    ``left`` are the seconds that the filters of this read may still take; ``rejecting`` are the rules whose
    rejections are not counted yet. ``reads`` is the number of reads so far; ``waiting`` are the types whose
    rules are not asked, each after the number of the read that asks it again, in the order of these.
    """

    __slots__ = ("left", "reads", "rejecting", "waiting")

    def __init__(self) -> None:
        self.left = 0.0
        self.reads = 0
        self.rejecting: list[FilterRule] = []
        self.waiting: deque[tuple[int, str]] = deque()


class FilterRule:
    """The filters of one message type, which are all pure.

    While it ``waits``, its messages are not judged: filters that accept nearly every message would be
    evaluated twice for nothing.
    """

    __slots__ = ("_budget", "_credit", "_table", "message_type", "rejections", "waits")

    def __init__(self, message_type: str, table: RouteTable, budget: ReadBudget) -> None:
        self.message_type = message_type
        self.rejections: dict[str, int] = {}
        self.waits = False
        self._table = table
        self._budget = budget
        self._credit = 0

    def rejects(self, payload: dict[str, Any]) -> bool:
        """Whether all routes reject the payload, and nothing but that has to be counted.

        False, too, if a filter raises, which fails its route, if the payload may be a retry, and if the
        filters of this read have taken too long.
        """
        budget, table = self._budget, self._table
        if budget.left < 0.0:
            return False
        began = monotonic()
        routes = table.routes if table.only is not None or table.is_plain else table.candidates(payload)
        try:
            for route in routes:
                if route.accepts is None or route.accepts(payload):
                    self._note_accepted()
                    return False
        except Exception:  # noqa: BLE001 - the dispatcher evaluates it again, and records the failure
            return False
        finally:
            budget.left -= monotonic() - began
        if KEY in payload:
            return False
        self._credit = min(self._credit + _REJECTION, _MOST_CREDIT)
        if not self.rejections:
            budget.rejecting.append(self)
        for route in routes:
            self.rejections[route.key] = self.rejections.get(route.key, 0) + 1
        return True

    def _note_accepted(self) -> None:
        self._credit -= 1
        if self._credit < 0:
            self._credit, self.waits = 0, True
            self._budget.waiting.append((self._budget.reads + _WAIT, self.message_type))


class FilterRules(dict[str, FilterRule | None]):
    """The rule of each listed type, made on first access (None: its messages have to be handled).

    Nothing in here refers to the prefilter that has it: a replaced configuration is freed at once.
    """

    def __init__(
        self, registry: RouteRegistry, is_pure: Callable[[Any], bool], excluded: AbstractSet[str]
    ) -> None:
        super().__init__()
        self.budget = ReadBudget()
        self._registry = registry
        self._is_pure = is_pure
        self._excluded = excluded
        self._judging = 0  # the number of rules, those that wait included

    def __missing__(self, message_type: str) -> FilterRule | None:
        """Make the rule of a type; unlisted types are external input, and not kept."""
        table = self._registry.table_of(message_type)
        if not table.routes:
            return None
        filters = [route.accepts for route in table.routes]
        judges = message_type not in self._excluded and all(
            accepts is not None and self._is_pure(accepts) for accepts in filters
        )
        rule = self[message_type] = FilterRule(message_type, table, self.budget) if judges else None
        self._judging += judges
        return rule

    def forget(self) -> None:
        """Drop the rules of all types: their routes may have changed."""
        self.clear()
        self.budget.waiting.clear()
        self._judging = 0

    def some_may_reject(self) -> bool:
        """Whether to look up rules in this read, which begins now.

        The types whose messages were handled have one. A read costs the same with any number of types.
        """
        tables, budget = self._registry.tables, self.budget
        for message_type in reversed(tables):  # those without a rule are the last ones
            if len(self) == len(tables):
                break
            self[message_type]  # which makes it
        budget.reads += 1
        waiting = budget.waiting
        while waiting and waiting[0][0] <= budget.reads:
            rule = self[waiting.popleft()[1]]
            if rule is not None:
                rule.waits = False
        return self._judging > len(waiting)


class Prefilter:
    """What the routes of a dispatcher say about new messages before they are handled.

    ``warned`` are the types that were logged as unlisted: the first message of each is handled. ``is_pure``
    tells whether a filter depends on the payload alone, and has no effect. Messages of the ``excluded`` types
    have other effects.
    """

    def __init__(
        self,
        registry: RouteRegistry,
        observe: ObserverSwitch,
        gate: Callable[[], PauseGate],
        warned: AbstractSet[str],
        *,
        is_pure: Callable[[Any], bool],
        excluded: AbstractSet[str] = frozenset(),
    ) -> None:
        self._registry = registry
        self._observe = observe
        self._gate = gate
        self._warned = warned
        self._excluded = excluded
        self._version: int | None = None
        self._judged = -1  # how many of the warned types were looked up
        self._counter: OffersTallies | None = None
        self._rules = FilterRules(registry, is_pure, excluded)
        self.rules: FilterRules | None = None
        self.unlisted: frozenset[str] = frozenset()

    def start(self) -> bool:
        """Prepare for one read; return whether any of its messages may be skipped.

        Then ``unlisted`` are types whose messages are skipped if no other worker lists them, and ``rules``
        are the filters of the listed types (None: they are not judged). Both are valid for this read only:
        the routes, what an operator has paused, and who watches the outcomes of messages may change at any
        time.
        """
        version = self._registry.version
        self._counter = alike_counter(self._observe.target)
        if version is None or self._counter is None or self._gate().parks:
            return False
        if version != self._version:
            self._version, self._judged = version, -1
            self._rules.forget()
        if len(self._warned) != self._judged:
            self._judged = len(self._warned)
            self.unlisted = frozenset(filter(self._is_unlisted, self._warned))
        self._rules.budget.left = _BUDGET
        self.rules = self._rules if self._rules.some_may_reject() else None
        return True

    def count(self, stream: str, unlisted: Mapping[str, int]) -> None:
        """Count the skipped messages of the read: those ``unlisted``, by type, and the rejected ones."""
        counter = self._counter
        assert counter is not None  # noqa: S101 - otherwise nothing was skipped
        for message_type, count in unlisted.items():
            counter.count_alike(stream, message_type, None, Result.UNKNOWN, count)
        rejecting = self._rules.budget.rejecting
        for rule in rejecting:
            for route, count in rule.rejections.items():
                counter.count_alike(stream, rule.message_type, route, Result.FILTERED, count)
            rule.rejections.clear()
        rejecting.clear()

    def _is_unlisted(self, message_type: str) -> bool:
        """Whether messages of a type that was logged as unlisted may be skipped."""
        if len(message_type) >= NAME:
            return False  # it was clipped
        return message_type not in self._excluded and not self._registry.table_of(message_type).routes
