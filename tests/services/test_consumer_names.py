"""Names of consumers."""

from __future__ import annotations

from streamroute.services.consumer_names import consumer_name


def test_no_two_starts_share_a_consumer_s_name() -> None:
    assert len({consumer_name() for _ in range(100)}) == 100
