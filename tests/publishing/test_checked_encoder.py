"""Events of a declared stream, encoded and checked as publishing promises; without a server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from publishing_projects import routes
from streamroute.errors import EncodeError, PayloadError, SetupError
from streamroute.publishing.checked_encoder import CheckedEncoder
from streamroute.publishing.event import Event
from streamroute.publishing.settings import load_settings
from streamroute.trace_context import TraceContext

if TYPE_CHECKING:
    from pathlib import Path

    from streamroute.publishing.settings import PublishSettings

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def settings(tmp_path: Path) -> PublishSettings:
    return load_settings(routes(tmp_path, "redis://nowhere"))


def test_a_stream_has_to_be_declared(settings: PublishSettings) -> None:
    with pytest.raises(SetupError, match='did you mean "bot_events"'):
        CheckedEncoder(settings, "bot_event")


def test_events_are_in_the_trace_of_the_program(settings: PublishSettings) -> None:
    encoder = CheckedEncoder(settings, "bot_events", lambda: TraceContext(PARENT))
    assert PARENT.encode() in encoder.encode(Event("ping"), validate=False).fields
    assert PARENT.encode() not in encoder.encode_in(None, Event("ping"), validate=False).fields


def test_a_delay_needs_a_route_that_consumes_the_stream(settings: PublishSettings) -> None:
    assert CheckedEncoder(settings, "bot_events").encode(Event("ping", delay=1), validate=False).delay == 1
    with pytest.raises(EncodeError, match="no route consumes audit, so that no worker would add the event"):
        CheckedEncoder(settings, "audit").encode(Event("ping", delay=1), validate=False)


def test_events_are_checked_on_demand(settings: PublishSettings) -> None:
    encoder = CheckedEncoder(settings, "bot_events")
    wrong = Event("booking.confirmed", {"nights": "3"})
    assert encoder.encode(wrong, validate=False).fields
    for _ in range(2):
        with pytest.raises(PayloadError, match="nights must be a whole number, not a string"):
            encoder.encode(wrong, validate=True)
