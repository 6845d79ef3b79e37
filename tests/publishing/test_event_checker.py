"""The check of events: types that are known, and data that fits, as consumers read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from publishing_projects import routes
from streamroute.adapters.codecs.builtin import codec_named
from streamroute.adapters.entries.field_lists import flatten_fields
from streamroute.errors import PayloadError, SetupError
from streamroute.publishing.event_checker import EventChecker
from streamroute.publishing.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path

TYPE = "booking.confirmed"


def checker(folder: Path, codec: str = "json") -> EventChecker:
    document = load_settings(routes(folder, "redis://nowhere", f"codec: {codec}")).document
    return EventChecker(document, "bot_events", codec_named(codec))


def entry(codec: str = "json", **data: object) -> list[bytes]:
    return flatten_fields(codec_named(codec).encode({"type": TYPE, **data}))


def test_events_that_fit_are_accepted_and_others_are_not(tmp_path: Path) -> None:
    checks = checker(tmp_path)
    checks.check("ping", entry(anything=3))
    for _ in range(2):
        checks.check(TYPE, entry(nights=3))
        with pytest.raises(PayloadError, match='the data lacks "nights"'):
            checks.check(TYPE, entry())


def test_data_is_checked_as_it_is_read(tmp_path: Path) -> None:
    """With the codec fields every value is a string; a header of a JSON event is not part of its data."""
    with pytest.raises(PayloadError, match=r'^"booking.confirmed": the data is invalid: nights must be'):
        checker(tmp_path, "fields").check(TYPE, entry("fields", nights="3"))
    checker(tmp_path, "typed-fields").check(TYPE, entry("typed-fields", nights=3))
    checker(tmp_path).check(TYPE, [*entry(nights=3), b"guest", b"17"])


def test_the_reason_shows_no_value(tmp_path: Path) -> None:
    with pytest.raises(PayloadError) as refused:
        checker(tmp_path).check(TYPE, entry(nights=3, guest="HUNTER2"))
    assert "HUNTER2" not in str(refused.value)
    assert refused.value.findings[0].startswith("the data is invalid: guest")


@pytest.mark.parametrize(
    ("event_type", "message"),
    [
        ("booking.confirmd", 'the type "booking.confirmd" is not known; did you mean "booking.confirmed"'),
        ("zzz", 'the type "zzz" is not known$'),
        ("a\nb\x1b[31m", r'the type "a\\nb\\x1b\[31m" is not known$'),
        ("x" * 100_000, r'the type "x+\.\.\." is not known$'),
    ],
)
def test_an_unknown_type_is_refused(tmp_path: Path, event_type: str, message: str) -> None:
    with pytest.raises(PayloadError, match=message):
        checker(tmp_path).check(event_type, entry())


def test_without_a_catalogue_the_routes_of_the_stream_know_the_types(tmp_path: Path) -> None:
    path = routes(tmp_path, "redis://nowhere")
    text = path.read_text()
    path.write_text(text[: text.index("messages:")] + text[text.index("routes:") :])
    document = load_settings(path).document
    EventChecker(document, "bot_events", codec_named("json")).check(TYPE, entry())
    with pytest.raises(PayloadError, match='the type "ping" is not known'):
        EventChecker(document, "bot_events", codec_named("json")).check("ping", entry())
    with pytest.raises(SetupError, match="has neither messages nor routes for audit to check with"):
        EventChecker(document, "audit", codec_named("json"))
