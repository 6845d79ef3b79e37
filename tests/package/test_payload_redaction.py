"""The redactor of a configuration."""

from __future__ import annotations

import pytest

from streamroute.message import Message
from streamroute.payload_redaction import PayloadRedactor

REDACTOR = PayloadRedactor(["guest.email", "cards[].number"])


def test_a_payload_is_shown_without_its_hidden_values() -> None:
    message = Message({"type": "t", "guest": {"email": "ann@example.com"}, "cards": [{"number": 4111}]})
    assert REDACTOR.redact(message) == {
        "type": "t",
        "guest": {"email": "(redacted)"},
        "cards": [{"number": "(redacted)"}],
    }
    assert message["guest"] == {"email": "ann@example.com"}


def test_without_paths_a_payload_stays_itself() -> None:
    payload = {"guest": {"email": "ann@example.com"}}
    assert not PayloadRedactor([]).is_active
    assert PayloadRedactor([]).redact(payload) is payload
    assert PayloadRedactor([]).hidden_in(payload).redact("ann@example.com") == "ann@example.com"


def test_the_values_that_a_payload_or_an_entry_hides_are_hidden_in_texts() -> None:
    error = "KeyError: 'ann@example.com'"
    by_payload = REDACTOR.hidden_in({"guest": {"email": "ann@example.com"}})
    by_entry = REDACTOR.hidden_in(fields={b"data": b'{"guest": {"email": "ann@example.com"}}'})
    assert by_payload.redact(error) == by_entry.redact(error) == "KeyError: '(redacted)'"


def test_a_text_that_is_no_path_is_refused() -> None:
    with pytest.raises(ValueError, match="is not a path"):
        PayloadRedactor(["guest..email"])
