"""A token bucket grants its rate, in short bursts at most."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamroute.ops.jobs.token_bucket import TokenBucket


class FakeTime:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@given(st.floats(0.05, 500), st.lists(st.floats(0, 3), max_size=40))
def test_never_more_than_the_rate_and_one_burst(rate: float, waits: list[float]) -> None:
    clock = FakeTime()
    bucket, granted = TokenBucket(rate, clock), 0
    for wait in waits:
        clock.now += wait
        items = bucket.available(100)
        bucket.take(items)
        granted += items
        assert granted <= rate * clock.now + max(1.0, rate / 2) + 1e-6


def test_a_slow_rate_grants_one_item_at_a_time() -> None:
    clock = FakeTime()
    bucket = TokenBucket(0.5, clock)
    assert bucket.available(100) == 1
    bucket.take(1)
    assert bucket.available(100) == 0
    assert bucket.wait == 2.0
    clock.now = 2.0
    assert bucket.available(100) == 1


def test_without_a_rate_everything_comes_at_once() -> None:
    bucket = TokenBucket(None)
    bucket.take(1_000)
    assert bucket.available(100) == 100
    assert bucket.wait == 0.0
