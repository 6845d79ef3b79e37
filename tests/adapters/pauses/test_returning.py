"""Routes whose parked messages return: new messages wait behind them, but not for ever."""

from __future__ import annotations

from streamroute.adapters.pauses.returning import ReturningRoutes

LONG_AGO = -1e9
A = frozenset({"a"})


class Clock:
    """A clock that a test sets."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_route_returns_until_nothing_is_parked() -> None:
    returning = ReturningRoutes(Clock())
    assert returning.update({}, LONG_AGO) == (frozenset(), True)
    assert returning.update({"a": 5000}, LONG_AGO) == (A, True)
    assert returning.update({"a": 0}, LONG_AGO) == (A, False)
    assert returning.update({}, LONG_AGO) == (frozenset(), True)


def test_a_message_that_was_just_parked_may_not_be_in_redis_yet() -> None:
    clock = Clock()
    returning = ReturningRoutes(clock)
    returning.update({"a": 3}, LONG_AGO)
    assert returning.update({}, clock.now - 0.5) == (A, False)
    clock.now += 1
    assert returning.update({}, clock.now - 1.5) == (frozenset(), True)


def test_new_entries_are_not_read_near_the_end_nor_after_a_minute() -> None:
    clock = Clock()
    returning = ReturningRoutes(clock)
    assert returning.update({"a": 201}, LONG_AGO) == (A, True)
    assert returning.update({"a": 200}, LONG_AGO) == (A, False)
    returning = ReturningRoutes(clock)
    returning.update({"a": 9000}, LONG_AGO)
    clock.now += 61
    assert returning.update({"a": 9000}, LONG_AGO) == (A, False)


def test_the_order_is_given_up_rather_than_the_stream() -> None:
    clock = Clock()
    returning = ReturningRoutes(clock)
    returning.update({"a": 1}, LONG_AGO)
    clock.now += 31
    assert returning.update({"a": 1}, LONG_AGO) == (frozenset(), True)
