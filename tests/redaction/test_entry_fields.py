"""The values of a payload are hidden in the raw fields of its entry, whichever codec wrote it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from streamroute.adapters.codecs.builtin import CODEC_NAMES, codec_named
from streamroute.payload_redaction import PayloadRedactor

SECRET = "ann@example.com"
REDACTOR = PayloadRedactor(["guest.email", "email"])


def shown(fields: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    return REDACTOR.redact_fields(fields)


@pytest.mark.parametrize("codec", CODEC_NAMES)
def test_an_entry_of_each_codec_keeps_its_secrets(codec: str) -> None:
    payload: dict[str, Any] = {"type": "booking", "email": SECRET, "name": "Ann"}
    if codec != "fields":
        payload["guest"] = {"email": SECRET, "id": 7}
    fields = codec_named(codec).encode({"id": "1", "source": "shop", **payload})
    hidden = shown(fields)
    assert SECRET.encode() not in b"".join(hidden.values())
    assert b"Ann" in b"".join(hidden.values())
    assert hidden.keys() == fields.keys()


def test_an_event_in_one_field_keeps_its_secrets() -> None:
    event = {"type": "t", "data": {"guest": {"email": SECRET, "id": 7}}, "data_base64": "c2VjcmV0"}
    hidden = shown({b"cloudevent": json.dumps(event).encode()})
    assert json.loads(hidden[b"cloudevent"]) == {
        "type": "t",
        "data": {"guest": {"email": "(redacted)", "id": 7}},
        "data_base64": "(redacted)",
    }


def test_an_entry_without_secrets_stays_as_it_is() -> None:
    fields = {b"type": b"t", b"data": b'{ "guest": {"name": "Ann"},  "n": 1.10 }', b"note": b"{not json"}
    assert shown(fields) == fields


@pytest.mark.parametrize("data", [b"\xff\xfe", b"", b"email=ann", b'{"guest": {"email": ', b"17"])
def test_data_that_cannot_be_read_is_hidden(data: bytes) -> None:
    assert shown({b"type": b"t", b"data": data}) == {b"type": b"t", b"data": b"(redacted)"}


def test_without_paths_nothing_is_hidden() -> None:
    fields = {b"type": b"t", b"data": b"\xff", b"email": b"x"}
    assert PayloadRedactor([]).redact_fields(fields) == fields
