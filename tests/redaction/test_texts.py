"""Hidden values are hidden in the texts that quote them."""

from __future__ import annotations

from typing import Any

import pytest

from streamroute.adapters.codecs.builtin import codec_named
from streamroute.errors import DecodeError
from streamroute.payload_redaction import PayloadRedactor
from streamroute.redaction.texts import HiddenValues


def without(text: str, *values: Any) -> str:
    hidden = HiddenValues()
    for value in values:
        hidden.add(value)
    return hidden.redact(text)


def test_a_value_is_hidden_as_it_is_and_as_it_is_quoted() -> None:
    secret = "Zoë \"the\n'boss"
    texts = [secret, repr(secret), str(KeyError(secret)), '{"name": "Zo\\u00eb \\"the\\n\'boss"}']
    for text in texts:
        assert "boss" not in without(f"ValueError: {text} is late", secret)


def test_what_a_hidden_object_contains_is_hidden_too() -> None:
    text = "no card 4111222 of ann@example.com, paid 17.25, or b'token'"
    hidden = without(text, {"card": [4111222, {"mail": "ann@example.com"}], "paid": 17.25, "t": b"token"})
    assert hidden == "no card (redacted) of (redacted), paid (redacted), or b'(redacted)'"


def test_the_longest_value_is_hidden_first() -> None:
    assert without("ann@example.com", "ann@", "ann@example.com") == "(redacted)"


@pytest.mark.parametrize("value", ["a", "", 7, True, None, "abc"])
def test_a_short_value_blanks_no_words(value: Any) -> None:
    assert without("a True 7 None abc", value) == "a True 7 None abc"


def test_values_are_bounded() -> None:
    hidden = HiddenValues()
    hidden.add([f"value-{number}" for number in range(10_000)])
    assert hidden.redact("value-0") == "(redacted)"
    loop: list[Any] = []
    loop.append(loop)
    hidden.add(loop)


DAMAGED = [
    b'{"guest": {"email": "ann@example.com", "name": "Ann Example of the long road"',
    b'"guest ann@example.com, who is called Ann Example, of the long road"',
    b'{"guest": {"email": "ann@example.com", "city": "K\xf6ln and a long road to it, 12345"}}',
    b'[{"guest": {"email": "ann@example.com", "name": "Ann Example of the long road"}}]',
]


@pytest.mark.parametrize("data", DAMAGED)
def test_an_excerpt_of_data_that_cannot_be_read_is_hidden(data: bytes) -> None:
    """The reason of its dead letter quotes the data, cut around the position of the error."""
    fields = {b"type": b"t", b"data": data}
    with pytest.raises(DecodeError) as refused:
        codec_named("json").decode(fields)
    reason = str(refused.value)
    hidden = PayloadRedactor(["guest.email"]).hidden_in(fields=fields)
    assert "Ann" not in hidden.redact(reason)
    assert "ann@" not in hidden.redact(reason)
    assert hidden.redact(reason).startswith('the field "data" ')
