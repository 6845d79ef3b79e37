"""What is paused, in a status."""

from __future__ import annotations

from streamroute.adapters.pauses.record import Pause
from streamroute.ops.status.paused_routes import PausedRoute, paused_routes_of

NOW = 1_800_000_000_000


def test_what_is_over_is_not_paused_and_the_stream_comes_first() -> None:
    pauses = {
        "a": Pause(reason="why", who="ann", since=1, kind="circuit", until=NOW - 1),
        "": Pause(reason="", who="bob", since=2),
        "over": Pause(reason="", who="bob", since=3, until=NOW - 1),
    }
    stream, route = paused_routes_of(pauses, NOW)
    assert stream == PausedRoute("", "manual", 2, None, "bob", "")
    assert route == PausedRoute("a", "circuit", 1, NOW - 1, "ann", "why")


def test_the_json_form_has_times_in_utc() -> None:
    assert PausedRoute("", "manual", NOW, None, "bob", "why").as_dict() == {
        "route": None,
        "kind": "manual",
        "since": "2027-01-15T08:00:00+00:00",
        "until": None,
        "who": "bob",
        "reason": "why",
    }
