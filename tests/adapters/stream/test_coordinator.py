"""How long a retry waits for a worker that knows its route."""

from __future__ import annotations

import pytest

from messages import message_of
from streamroute.adapters.stream.coordinator import MAX_WAIT_LEASES, RETRY_ELSEWHERE, route_wait
from streamroute.message import Message
from streamroute.values import Lease, RouteWait

NOW = 1_000_000  # ms
LEASE = Lease.of(60)


def waited(seconds: float) -> Message:
    """Return a retry whose route has been unknown to all workers for this long."""
    return message_of({}, unknown_since=NOW - round(seconds * 1000))


def test_a_route_that_a_worker_knows_is_waited_for_and_nothing_is_counted() -> None:
    assert route_wait(waited(599), NOW, is_known=True, lease=LEASE) == RouteWait(RETRY_ELSEWHERE)


def test_the_first_unknown_lookup_is_recorded() -> None:
    assert route_wait(Message({}), NOW, is_known=False, lease=LEASE) == RouteWait(RETRY_ELSEWHERE, NOW)


@pytest.mark.parametrize(("passed", "delay"), [(2, 1), (40, 10), (400, 60), (590, 10), (599.9, 0.1)])
def test_an_unknown_retry_is_offered_again_within_a_lease(passed: float, delay: float) -> None:
    """A worker that lives for one lease, and knows the route, is not missed."""
    wait = route_wait(waited(passed), NOW, is_known=False, lease=LEASE)
    assert wait.delay == pytest.approx(delay)
    assert wait.unknown_since == NOW - passed * 1000


@pytest.mark.parametrize("passed", [MAX_WAIT_LEASES * 60, MAX_WAIT_LEASES * 60 + 1])
def test_an_unknown_retry_is_given_up_after_ten_leases(passed: float) -> None:
    assert route_wait(waited(passed), NOW, is_known=False, lease=LEASE).delay is None
