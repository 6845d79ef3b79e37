"""Values that several packages share."""

from __future__ import annotations

from streamroute.values import Lease


def test_a_lease_is_renewed_three_times_and_a_stalled_loop_keeps_it_for_five() -> None:
    lease = Lease.of(1.5)
    assert (lease.milliseconds, lease.renewal, lease.stall) == (1500, 0.5, 7.5)
    assert Lease.of(1.5, 2.0) == Lease(1.5, 2.0)
