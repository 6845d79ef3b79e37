"""Incidents are told once, and are both logged and counted."""

from __future__ import annotations

import logging

import pytest

from streamroute.incidents import Incident, Incidents
from streamroute.outages import OutageTracker


def test_incidents_are_logged_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    counted: list[tuple[str, Incident, int]] = []
    incidents = Incidents(lambda *reported: counted.append(reported))
    incidents.report(Incident.DELETED, "s", "%d entries of %s are gone", 3, "s", count=3)
    [record] = caplog.records
    assert (record.levelno, record.getMessage()) == (logging.ERROR, "3 entries of s are gone")
    assert counted == [("s", Incident.DELETED, 3)]


def test_incidents_are_counted_even_if_not_logged() -> None:
    counted: list[int] = []
    incidents = Incidents(lambda _stream, _incident, count: counted.append(count))
    logger = logging.getLogger("streamroute.incidents")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        incidents.report(Incident.CLAIMED, "s", "taken")
    finally:
        logger.setLevel(before)
    assert counted == [1]


def test_an_outage_counts_once_despite_retries() -> None:
    counted: list[tuple[str, Incident, int]] = []
    outage = OutageTracker("reading from s", "s", Incidents(lambda *reported: counted.append(reported)))
    for _ in range(3):
        outage.record_failure(ConnectionError("gone"))
    outage.record_success()
    outage.record_failure(ConnectionError("gone again"))
    assert counted == 2 * [("s", Incident.OUTAGE, 1)]
