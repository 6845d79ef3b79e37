"""EntryReports: operators learn what happened to entries, once for each event and with its count."""

from __future__ import annotations

from typing import Any

import pytest

from streamroute.core.consume.entry_reports import EntryReports
from streamroute.delivery import Delivery
from streamroute.incidents import Incident
from streamroute.message import Message


class Recorded:
    """Incidents that record what is reported: the incident, its text and its count."""

    def __init__(self) -> None:
        self.reported: list[tuple[Incident, str, int]] = []

    def report(
        self, incident: Incident, stream: str, text: str, *details: object, count: int = 1, kind: str = ""
    ) -> None:
        self.reported.append((incident, text % details, count))


def delivered(times: int) -> Message:
    return Message({}, delivery=Delivery(deliveries=times))


@pytest.mark.parametrize(
    ("payloads", "reported"),
    [
        ([], []),
        ([{}], [(Incident.CLAIMED, "1 entries of s were taken over", 1)]),
        (
            [delivered(1), delivered(2), delivered(3), {}],
            [
                (Incident.CLAIMED, "4 entries of s were taken over", 4),
                (Incident.REDELIVERED, "2 entries of s are delivered again", 2),
            ],
        ),
    ],
)
def test_claimed_entries_and_redelivered_ones_are_counted(
    payloads: list[dict[str, Any]], reported: list[tuple[Incident, str, int]]
) -> None:
    incidents = Recorded()
    reports = EntryReports("s", incidents)  # type: ignore[arg-type]  # a fake with the one method that is called
    reports.claimed([(str(number), payload) for number, payload in enumerate(payloads)])
    assert incidents.reported == reported


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (1, "1 handler was cut off after 2.5s; its entry runs again"),
        (2, "2 handlers were cut off after 2.5s; their entries run again"),
    ],
)
def test_handlers_cut_off_are_counted(count: int, text: str, caplog: pytest.LogCaptureFixture) -> None:
    EntryReports("s", Recorded()).cut_off(count, 2.5)  # type: ignore[arg-type]  # as above
    assert caplog.messages == [text]
