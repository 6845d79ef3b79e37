"""Prefilter: a message is skipped only if handling it would have no effect but a count and its ack."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Mapping
from typing import Any

import pytest

from consuming import STREAM
from streamroute.core.dispatch.prefilter import FilterRule, FilterRules, Prefilter
from streamroute.core.dispatcher import BotRedisDispatcher
from streamroute.core.observer import ObserverSwitch, Result
from streamroute.core.router import RedisRouter
from streamroute.expressions.filters import compile_filter, is_pure
from streamroute.ops.metrics.counters import Counters
from streamroute.pauses import NOTHING_PAUSED, PauseGate, PauseView

GOLD = compile_filter("tier == 'gold'")


async def take(payload: dict[str, Any], _container: Any) -> None:
    """Succeed."""


class Judged:
    """A dispatcher that counts, and its prefilter."""

    def __init__(self, router: RedisRouter | None = None, **settings: Any) -> None:
        self.counters = Counters({STREAM: ("take",)})
        self.switch = ObserverSwitch(self.counters.observe)
        self.dispatcher = BotRedisDispatcher(observer=self.switch, **settings)
        self.router = router or RedisRouter()
        self.dispatcher.include_router(self.router)
        self.dispatcher.setup(None)
        self.prefilter = self.dispatcher.prefilter(is_pure, frozenset({"watched"}))

    async def handle(self, payload: dict[str, Any]) -> None:
        rest = self.dispatcher.process_message(payload)
        if rest is not None:
            await rest

    def rule(self, message_type: str) -> FilterRule | None:
        assert self.prefilter.start()
        return self.prefilter._rules[message_type]  # as if one of its messages had been handled

    def rejects(self, payload: dict[str, Any]) -> bool:
        rule = self.rule(payload["type"])
        return rule is not None and rule.rejects(payload)


def with_routes(*filters: Any, message_type: str = "booked") -> RedisRouter:
    router = RedisRouter()
    for accepts in filters:
        router.message(message_type, accepts)(take)
    return router


async def test_a_type_is_skipped_after_its_first_message_was_logged(caplog: pytest.LogCaptureFixture) -> None:
    judged = Judged()
    assert judged.prefilter.start()
    assert not judged.prefilter.unlisted
    await judged.handle({"type": "other"})
    assert "no route lists the type 'other'" in caplog.text
    assert judged.prefilter.start()
    assert judged.prefilter.unlisted == {"other"}


async def test_a_type_that_a_new_route_lists_is_not_skipped_any_more() -> None:
    judged = Judged()
    for kind in ("other", "third"):
        await judged.handle({"type": kind})
    assert judged.prefilter.start()
    judged.router.message("other")(take)
    assert judged.prefilter.start()
    assert judged.prefilter.unlisted == {"third"}


async def test_unlisted_types_are_not_skipped_if_they_are_dead_lettered_watched_or_clipped() -> None:
    judged = Judged(unknown_type="dead_letter")
    with pytest.raises(Exception, match="no route lists"):
        await judged.handle({"type": "other"})
    other = Judged()
    await other.handle({"type": "watched"})
    await other.handle({"type": "x" * 300})
    for each in (judged, other):
        assert each.prefilter.start()
        assert not each.prefilter.unlisted


def test_nothing_is_skipped_while_somebody_watches_outcomes() -> None:
    judged = Judged()

    def watch(_payload: Mapping[str, Any], _route: str | None, _result: Result) -> None:
        """See each message."""

    counted, judged.switch.target = judged.switch.target, watch
    assert not judged.prefilter.start()
    judged.switch.target = counted
    assert judged.prefilter.start()
    judged.counters.feed_start_ids[STREAM] = "1-0"
    assert not judged.prefilter.start()


def test_nothing_is_skipped_while_routes_are_paused() -> None:
    judged, gate = Judged(), PauseGate()
    judged.dispatcher.use_gate(gate)
    gate.apply(PauseView(routes=frozenset({"take"})))
    assert not judged.prefilter.start()
    gate.apply(NOTHING_PAUSED)
    assert judged.prefilter.start()


def test_nothing_is_skipped_if_a_router_may_change_unnoticed() -> None:
    class Unwatched:
        handlers: Mapping[str, Any] = {}

    judged = Judged()
    judged.dispatcher.include_router(Unwatched())  # type: ignore[arg-type]  # of an older release
    assert not judged.prefilter.start()


def test_a_payload_is_rejected_if_every_filter_rejects_it() -> None:
    judged = Judged(with_routes(GOLD, compile_filter("nights > `3`")))
    assert judged.rejects({"type": "booked", "tier": "red", "nights": 1})
    assert not judged.rejects({"type": "booked", "tier": "gold", "nights": 1})
    assert not judged.rejects({"type": "booked", "tier": "red", "nights": 4})


@pytest.mark.parametrize("accepts", [None, lambda payload: False], ids=["no filter", "a user's filter"])
def test_a_type_with_a_route_of_which_nothing_is_known_has_no_rule(accepts: Any) -> None:
    assert Judged(with_routes(GOLD, accepts)).rule("booked") is None


def test_unlisted_and_watched_types_have_no_rule() -> None:
    judged = Judged(with_routes(GOLD, message_type="watched"))
    assert judged.rule("watched") is None
    assert judged.rule("other") is None
    assert judged.prefilter._rules == {"watched": None}


def test_a_filter_that_raises_and_a_retry_are_for_the_dispatcher() -> None:
    judged = Judged(with_routes(compile_filter("starts_with(tier, 'g')")))
    assert judged.rejects({"type": "booked", "tier": "red"})
    assert not judged.rejects({"type": "booked", "tier": 5})
    assert not judged.rejects({"type": "booked", "tier": "red", "_streamroute": {}})


def test_filters_that_accept_nearly_everything_are_rarely_evaluated_here() -> None:
    judged = Judged(with_routes(GOLD))
    rule = judged.rule("booked")
    assert rule is not None
    assert not rule.rejects({"tier": "gold"})
    assert rule.waits
    looks = [bool(judged.prefilter.start() and judged.prefilter.rules) for _ in range(18)]
    assert looks == [*[False] * 15, *[True] * 3]
    waits = []
    for tier in ["red", *["gold"] * 9]:
        rule.rejects({"tier": tier})
        waits.append(rule.waits)
    assert waits == [*[False] * 9, True]


def test_filters_of_another_type_are_asked_while_some_wait() -> None:
    router = with_routes(GOLD)
    router.message("paid", GOLD)(take)
    judged = Judged(router)
    booked, paid = judged.rule("booked"), judged.rule("paid")
    assert booked is not None
    assert paid is not None
    for rule in (booked, paid):
        assert judged.prefilter.start()
        assert judged.prefilter.rules
        assert not rule.rejects({"tier": "gold"})
    looks = [bool(judged.prefilter.start() and judged.prefilter.rules) for _ in range(16)]
    assert looks == [*[False] * 14, True, True]
    assert [booked.waits, paid.waits] == [False, False]


def test_rules_that_wait_are_freed_at_once() -> None:
    """A replaced configuration may have a large container, and collections are rare while serving."""
    judged = Judged(with_routes(GOLD))
    rule = judged.rule("booked")
    assert rule is not None
    assert not rule.rejects({"tier": "gold"})
    assert rule.waits
    table = weakref.ref(judged.dispatcher._registry.table_of("booked"))
    gc.disable()
    try:
        del judged, rule
        assert table() is None
    finally:
        gc.enable()


def test_a_change_of_the_routes_ends_the_wait_of_all_filters() -> None:
    judged = Judged(with_routes(GOLD))
    rule = judged.rule("booked")
    assert rule is not None
    assert not rule.rejects({"tier": "gold"})
    judged.router.message("paid", GOLD)(take)
    assert judged.rejects({"type": "booked", "tier": "red"})
    assert judged.prefilter.start()
    assert judged.prefilter.rules is not None


async def test_a_read_looks_at_no_rule_whose_type_it_does_not_have() -> None:
    """With thousands of types, it would take longer than the read."""
    router = RedisRouter()
    for number in range(50):
        router.message(f"type {number}", GOLD)(take)
    judged = Judged(router)
    for number in range(50):
        await judged.handle({"type": f"type {number}", "tier": "red"})
    assert judged.prefilter.start()
    rules = judged.prefilter.rules
    assert rules is not None
    assert len(rules) == 50
    looked_at: list[str] = []

    class Noting(FilterRules):
        """Notes the types that are looked up, and each look at all rules."""

        def __getitem__(self, message_type: str) -> FilterRule | None:
            looked_at.append(message_type)
            return super().__getitem__(message_type)

        def values(self) -> Any:
            looked_at.append("all")
            return super().values()

    rules.__class__ = Noting
    assert judged.prefilter.start()
    assert looked_at == []


def test_filters_stop_when_they_have_blocked_the_loop_for_a_millisecond() -> None:
    judged = Judged(with_routes(GOLD))
    rule = judged.rule("booked")
    assert rule is not None
    judged.prefilter._rules.budget.left = -1e-6
    assert not rule.rejects({"tier": "red"})
    assert judged.prefilter.start()
    assert rule.rejects({"tier": "red"})


@pytest.mark.parametrize("routes", [1, 3, 20])
async def test_skipped_messages_are_counted_as_the_dispatcher_counts_them(routes: int) -> None:
    """With 20 routes, an index finds the few whose filters are evaluated."""
    texts = [f"tier == '{number % 10}' && nights > `3`" for number in range(routes)]
    handled, skipped = (Judged(with_routes(*map(compile_filter, texts))) for _ in range(2))
    payloads: list[dict[str, Any]] = [{"type": "booked", "tier": str(number % 12)} for number in range(60)]
    for payload in payloads:
        await handled.handle(dict(payload))
    await handled.handle({"type": "other"})
    await skipped.handle({"type": "other"})
    await handled.handle({"type": "other"})
    assert skipped.prefilter.start()
    assert all(map(skipped.rejects, payloads))
    skipped.prefilter.count("", {"other": 1})
    assert skipped.counters.as_dict() == handled.counters.as_dict()
    skipped.prefilter.count("", {})
    assert skipped.counters.as_dict() == handled.counters.as_dict()


def test_a_prefilter_needs_a_dispatcher_to_be_made() -> None:
    assert isinstance(Judged().prefilter, Prefilter)
