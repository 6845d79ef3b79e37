"""The closer entries are to their last delivery, the fewer are held at once."""

from __future__ import annotations

from typing import Any

import pytest

from messages import message_of
from streamroute.core.consume.delivery_limits import DeliveryLimits
from streamroute.values import Quotas


def held(*deliveries: int) -> list[dict[str, Any]]:
    return [message_of({}, deliveries=count) for count in deliveries]


@pytest.mark.parametrize(
    ("last", "by_delivery"),
    [
        (1, {}),
        (2, {2: 0}),
        (3, {2: 4, 3: 0}),
        (4, {2: 16, 3: 4, 4: 0}),
        (5, {3: 16, 4: 4, 5: 0}),
        (9, {7: 16, 8: 4, 9: 0}),
    ],
)
def test_quotas_shrink_towards_the_last_delivery(last: int, by_delivery: dict[int, int]) -> None:
    assert DeliveryLimits(last, concurrency=32).quotas([]) == Quotas(last, by_delivery)


def test_held_entries_count_at_their_delivery_number_only() -> None:
    limits = DeliveryLimits(5, concurrency=32)
    quotas = limits.quotas([*held(1, 1, 2, 3, 3, 3, 4, 5, 6), {"type": "a plain dict"}])
    assert quotas.by_delivery == {3: 13, 4: 3, 5: 0}
    assert limits.quotas(held(*[4] * 9)).by_delivery[4] == 0


@pytest.mark.parametrize("concurrency", [1, 2, 7])
def test_at_least_one_entry_may_be_held_before_its_last_delivery(concurrency: int) -> None:
    assert DeliveryLimits(4, concurrency).quotas([]).by_delivery == {2: max(1, concurrency // 2), 3: 1, 4: 0}


def test_a_last_delivery_is_claimed_alone() -> None:
    assert DeliveryLimits(5, 32).one_last_delivery() == Quotas(5, {5: 1}, others=0)


@pytest.mark.parametrize(
    ("last", "deliveries", "is_last"),
    [(5, 5, True), (5, 4, False), (5, 6, False), (1, 1, False), (2, 2, True)],
)
def test_a_last_delivery_is_what_was_delivered_before_and_is_for_the_last_time(
    last: int, deliveries: int, is_last: bool
) -> None:
    [message] = held(deliveries)
    assert DeliveryLimits(last, 1).is_last_delivery(message) is is_last
    assert not DeliveryLimits(last, 1).is_last_delivery({})
