"""Hidden values are hidden in what was computed from a payload."""

from __future__ import annotations

from typing import Any

import pytest

from streamroute.payload_redaction import PayloadRedactor

PAYLOAD = {
    "guest": {"email": "ann@example.com", "pin": 17, "vip": True, "tier": "au"},
    "name": "Ann",
}
REDACTOR = PayloadRedactor(["guest.email", "guest.pin", "guest.vip", "guest.tier"])


@pytest.mark.parametrize(
    ("computed", "shown"),
    [
        ({"to": "ann@example.com"}, {"to": "(redacted)"}),
        ({"text": "mail to ann@example.com now"}, {"text": "mail to (redacted) now"}),
        ([17, 18, ("au", "gold")], ["(redacted)", 18, ["(redacted)", "gold"]]),
        ({"email": None, "person": {"vip": False}}, {"email": "(redacted)", "person": {"vip": "(redacted)"}}),
        ({"ok": True, "none": None, "name": "Ann"}, {"ok": True, "none": None, "name": "Ann"}),
        ({"object": object()}, {"object": "(redacted)"}),
    ],
)
def test_values_are_found_by_themselves_and_by_the_names_of_their_fields(computed: Any, shown: Any) -> None:
    assert REDACTOR.derived_from(PAYLOAD).value(computed) == shown


def test_a_value_that_contains_itself_ends() -> None:
    loop: list[Any] = ["ann@example.com"]
    loop.append(loop)
    assert REDACTOR.derived_from(PAYLOAD).value(loop) == ["(redacted)", "(redacted)"]


def test_texts_are_those_of_the_payload_or_the_entry() -> None:
    by_entry = REDACTOR.derived_from(fields={b"guest": b'{"email": "ann@example.com"}'})
    assert by_entry.text("no ann@example.com") == "no (redacted)"
