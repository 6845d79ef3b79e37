"""What a route counts by itself adds up with what its observer counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamroute.core.dispatch.route_count import RouteCount
from streamroute.core.observer import NO_TALLY, ObserverSwitch, Result
from streamroute.message import Message
from streamroute.ops.metrics.counters import Counters

STREAM = "s"


def message(**facts: Any) -> Message:
    return Message({"type": "t"}, **{"id": "5-0", "stream": STREAM, **facts})


class Counting:
    """The count of a route ``a``, whose observer is that of ``counters``."""

    def __init__(self, **facts: Any) -> None:
        self.counters = Counters({STREAM: ("a",)}, **facts)
        self.switch = ObserverSwitch(self.counters.observe)
        self.count = RouteCount("a", self.switch)

    def counted(self, table: str = "backlog", stream: str = STREAM) -> int:
        """Return the number of filtered messages."""
        counts: Mapping[tuple[str, str], dict[str, int]] = getattr(self.counters, table)
        return counts.get((stream, "a"), {}).get("filtered", 0)


def test_after_the_first_message_nothing_is_called() -> None:
    counting = Counting()
    counting.count.filtered(message())
    assert (counting.counted(), counting.count.tally.is_open) == (1, True)
    counting.count.filtered(message())
    assert (counting.counted(), counting.count.tally.filtered) == (2, 1)


def test_another_observer_is_called_as_long_as_it_is_in_force() -> None:
    counting, seen = Counting(), list[tuple[Any, str | None, Result]]()
    counting.count.filtered(message())
    usual = counting.switch.target
    counting.switch.target = lambda *what: seen.append(what)
    one = message()
    counting.count.filtered(one)
    assert seen == [(one, "a", Result.FILTERED)]
    assert counting.count.tally is NO_TALLY
    counting.switch.target = usual
    for _ in range(2):
        counting.count.filtered(message())
    assert (counting.counted(), len(seen)) == (3, 1)


def test_messages_of_another_stream_or_attempt_are_observed() -> None:
    counting = Counting()
    counting.counters.use_routes({STREAM: ("a",), "other": ("a",)})
    counting.count.filtered(message())
    counting.count.filtered(message(stream="other"))
    counting.count.filtered(message(attempt=2))
    assert (counting.counted(), counting.counted(stream="other")) == (2, 1)
    assert counting.count.tally.filtered == 0


def test_with_the_feed_the_tally_ends() -> None:
    counting = Counting()
    for _ in range(2):
        counting.count.filtered(message())
    counting.counters.begin_feed(STREAM, "6-0")
    for entry_id in ("5-1", "6-1"):
        counting.count.filtered(message(id=entry_id))
    assert (counting.counted(), counting.counted("feed")) == (3, 1)
    assert counting.count.tally is NO_TALLY


def test_a_route_that_is_not_configured_has_no_tally() -> None:
    counting = Counting()
    counting.counters.use_routes({STREAM: ("b",)})
    for _ in range(3):
        counting.count.filtered(message())
    assert (counting.counted(), counting.count.tally) == (3, NO_TALLY)
