"""Outages: told once, whatever a storage raises."""

from __future__ import annotations

import pytest

from misbehaving import ALL, BIG
from streamroute.core.backoff import Outage, describe
from streamroute.errors import SetupError
from streamroute.limits import ERROR


@pytest.mark.parametrize("kind", ALL)
def test_whatever_a_storage_raises_is_an_outage_in_a_line(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    outage = Outage("reading from s")
    assert 0 < outage.failed(ALL[kind]()) <= 2
    assert 0 < outage.failed(ALL[kind]()) <= 2
    outage.worked()
    first, last = caplog.messages
    assert first.startswith("reading from s failed, trying again until it works: ")
    assert len(first) <= ERROR + 100
    assert last.startswith("reading from s works again after 2 failures")
    assert len(describe(ALL[kind]()).splitlines()) == 1


def test_a_setup_error_that_comes_later_is_told_as_well(caplog: pytest.LogCaptureFixture) -> None:
    outage = Outage("reading from s")
    for error in (
        OSError("refused"),
        OSError("refused"),
        SetupError("add a right"),
        SetupError("add a right"),
    ):
        outage.failed(error)
    outage.failed(BIG)
    assert [message.rpartition(": ")[2] for message in caplog.messages] == ["refused", "add a right"]
