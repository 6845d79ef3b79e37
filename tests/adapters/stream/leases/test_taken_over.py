"""Whoever claims the entries of a dead worker names the worker and the entries."""

from __future__ import annotations

import pytest

from streamroute.adapters.stream.leases.claiming import ClaimReply
from streamroute.adapters.stream.leases.taken_over import log_taken_over
from streamroute.keys import RELEASED


def reply(*rows: tuple[int, str, str]) -> ClaimReply:
    """The reply with an entry for each (number of its stream, id, holder)."""
    fields: list[bytes] = []
    claimed = [(number, entry_id.encode(), 2, fields) for number, entry_id, _ in rows]
    holders = [holder.encode() for _, _, holder in rows]
    return ClaimReply(("{s}:g:retry", "s"), 0, claimed, [], 0, 0, ["-", "-"], holders)


def test_entries_are_named_by_the_worker_that_held_them(caplog: pytest.LogCaptureFixture) -> None:
    log_taken_over("s", reply((2, "1-0", "a"), (2, "2-0", "b"), (1, "3-0", "a"), (2, "4-0", RELEASED)))
    assert caplog.messages == [
        "a stopped renewing its leases; taken over from it in s: 1-0 delivery 2, 3-0 (a retry) delivery 2",
        "b stopped renewing its leases; taken over from it in s: 2-0 delivery 2",
    ]


def test_a_line_names_ten_entries(caplog: pytest.LogCaptureFixture) -> None:
    log_taken_over("s", reply(*((2, f"{number}-0", "a") for number in range(1_000))))
    (line,) = caplog.messages
    assert line.count("delivery") == 10
    assert line.endswith("9-0 delivery 2 and 990 more")


def test_what_was_released_is_not_mentioned(caplog: pytest.LogCaptureFixture) -> None:
    log_taken_over("s", reply((2, "1-0", RELEASED)))
    log_taken_over("s", reply())
    assert caplog.messages == []
