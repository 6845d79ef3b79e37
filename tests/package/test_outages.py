"""Outages: told once, whatever a storage raises."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from misbehaving import ALL, BIG
from streamroute.errors import SetupError
from streamroute.incidents import Incident, Incidents
from streamroute.outages import OutageTracker, one_line
from streamroute.text.limits import ERROR


@pytest.mark.parametrize("kind", ALL)
def test_any_exception_of_a_storage_is_an_outage_on_one_line(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    outage = OutageTracker("reading from s")
    assert 0 < outage.record_failure(ALL[kind]()) <= 2
    assert 0 < outage.record_failure(ALL[kind]()) <= 2
    outage.record_success()
    first, last = caplog.messages
    assert first.startswith("reading from s failed; retrying: ")
    assert len(first) <= ERROR + 100
    assert last.startswith("reading from s recovered after 2 failures")
    assert len(one_line(ALL[kind]()).splitlines()) == 1


def test_a_later_setup_error_is_logged_too(caplog: pytest.LogCaptureFixture) -> None:
    outage = OutageTracker("reading from s")
    for error in (
        OSError("refused"),
        OSError("refused"),
        SetupError("add a right"),
        SetupError("add a right"),
    ):
        outage.record_failure(error)
    outage.record_failure(BIG)
    assert [message.rpartition(": ")[2] for message in caplog.messages] == ["refused", "add a right"]


def jitter(patch: pytest.MonkeyPatch, choose: Callable[[float, float], float]) -> None:
    """Have ``choose`` draw from a range."""
    patch.setattr("streamroute.outages.random", SimpleNamespace(uniform=choose))


def test_waits_double_up_to_two_seconds_and_begin_again_after_a_success(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However long an outage takes: after thousands of failures it is still two seconds."""
    jitter(monkeypatch, max)
    outage = OutageTracker("reading")
    waits = [outage.record_failure("no") for _ in range(3000)]
    assert waits[:6] == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0]
    assert set(waits[6:]) == {2.0}
    outage.record_success()
    assert outage.record_failure("no") == 0.1
    jitter(monkeypatch, min)
    assert [outage.record_failure("no") for _ in range(5)] == [0.1, 0.2, 0.4, 0.8, 1.0]


def test_an_outage_is_counted_once_despite_several_log_lines(caplog: pytest.LogCaptureFixture) -> None:
    reported: list[tuple[str, Incident, int]] = []
    outage = OutageTracker("reading from s", "s", Incidents(lambda *what: reported.append(what)))
    outage.record_success()
    for error in (OSError("refused"), OSError("refused"), SetupError("add a right")):
        outage.record_failure(error)
    assert reported == [("s", Incident.OUTAGE, 1), ("s", Incident.OUTAGE, 0)]
    outage.record_success()
    outage.record_success()
    outage.record_failure("again")
    assert [count for _, _, count in reported] == [1, 0, 1]
    assert len([output for output in caplog.messages if "recovered after 3 failures" in output]) == 1


def test_a_setup_error_is_logged_once_per_outage(caplog: pytest.LogCaptureFixture) -> None:
    outage = OutageTracker("reading from s")
    for _ in range(2):
        for _ in range(3):
            outage.record_failure(SetupError("add a right"))
        outage.record_success()
    assert len([output for output in caplog.messages if "add a right" in output]) == 2
    for right in ("read", "write", "read"):
        outage.record_failure(SetupError(f"add {right}"))
    assert [output.rpartition("add ")[2] for output in caplog.messages if "add " in output][2:] == [
        *("read", "write", "read")
    ]


def test_the_duration_of_an_outage_is_logged(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter([1000.0, 1012.34])
    clock = SimpleNamespace(monotonic=lambda: next(times))
    monkeypatch.setattr("streamroute.outages.time", clock)
    outage = OutageTracker("reading from s")
    outage.record_failure("no")
    outage.record_failure("no")
    outage.record_success()
    assert caplog.messages[-1] == "reading from s recovered after 2 failures in 12.3s"


def test_simultaneous_outages_are_coalesced_by_activity_and_type(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """In the log, the same kind of error at two hundred streams is one line, for each activity."""
    for doing, stream, error in (
        ("reading from %s", "a", OSError("x")),
        ("reading from %s", "b", OSError("y")),
        ("reading from %s", "c", ValueError("x")),
        ("claiming in %s", "a", OSError("x")),
    ):
        OutageTracker(doing, stream).record_failure(error)
    one, same, other_kind, other_activity = _kinds(caplog)
    assert one == same
    assert len({one, other_kind, other_activity}) == 3


def test_an_activity_that_works_again_is_not_taken_for_another(caplog: pytest.LogCaptureFixture) -> None:
    """At two hundred streams at once it is one line; another activity has a line of its own."""
    for doing, stream in (("reading from %s", "a"), ("reading from %s", "b"), ("claiming in %s", "a")):
        outage = OutageTracker(doing, stream)
        outage.record_failure("no")
        outage.record_success()
    one, same, other = _kinds(caplog)[1::2]
    assert one == same != other
    assert caplog.messages[3].startswith("reading from b recovered after 1 failures")


def _kinds(caplog: pytest.LogCaptureFixture) -> list[object]:
    """What each line has in common with those that it stands for."""
    return [vars(record)["coalesced_by"] for record in caplog.records]
