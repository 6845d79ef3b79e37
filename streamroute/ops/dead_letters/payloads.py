"""The payloads of dead letters, as the routes of their streams receive them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from streamroute.adapters.codecs.builtin import Codec, codec_named
from streamroute.adapters.codecs.codec_calls import decoded, encoded
from streamroute.adapters.codecs.message_data import data_reader
from streamroute.errors import DecodeError, StreamrouteError
from streamroute.expressions.filters import FilterError, compile_filter

if TYPE_CHECKING:
    from streamroute.config.document import Document
    from streamroute.ops.dead_letters.letter import StreamLetter


class LetterPayloads:
    """Decodes and encodes letters by the codecs of their streams.

    ``codecs`` are the objects of the codecs that the project has itself, by stream.
    """

    def __init__(self, document: Document, codecs: Mapping[str, Codec]) -> None:
        self._codecs = {
            name: codecs[name] if name in codecs else codec_named(stream.codec)
            for name, stream in document.streams.items()
        }

    def payload(self, letter: StreamLetter) -> dict[str, Any]:
        """Return a letter's payload; raises DecodeError, without hidden values, if it cannot be decoded."""
        if letter.record is None:
            raise DecodeError(letter.reason)
        try:
            return self.decoded(letter.stream, letter.record.fields)
        except DecodeError as error:
            raise DecodeError(letter.redactor.decode_error(str(error))) from None

    def decoded(self, stream: str, fields: Mapping[bytes, bytes]) -> dict[str, Any]:
        """Return the payload of an entry; raises DecodeError if it cannot be decoded."""
        return decoded(self._codecs[stream], dict(fields))

    def fields(self, stream: str, payload: Mapping[str, Any]) -> dict[bytes, bytes]:
        """Return the fields of an entry with this payload; raises EncodeError if it cannot be encoded."""
        return encoded(self._codecs[stream], payload)

    def data(self, stream: str, payload: Mapping[str, Any], fields: Mapping[bytes, bytes]) -> Any:
        """Return the data of a payload, without the envelope: what the schema of its type describes."""
        return data_reader(self._codecs[stream])(payload, fields)


class PayloadCondition:
    """Selects letters by a JMESPath expression over their payloads.

    A letter is not selected if its payload cannot be decoded, or if the expression fails on it (it may take
    too many steps): ``failed`` counts these, and ``first_problem`` says what was wrong with the first.
    With ``redacted`` the expression sees no hidden values: a person cannot find them by trying.
    Raises ExpressionError for an invalid expression.
    """

    def __init__(self, expression: str, payloads: LetterPayloads, *, redacted: bool = False) -> None:
        self.expression = expression
        self.is_redacted = redacted
        self.first_problem = ""
        self._failed: set[str] = set()
        self._filter = compile_filter(expression)
        self._payloads = payloads

    @property
    def failed(self) -> int:
        """The number of letters on which the expression failed."""
        return len(self._failed)

    def accepts(self, letter: StreamLetter) -> bool:
        """Whether the expression is true for the letter's payload."""
        try:
            payload = self._payloads.payload(letter)
            return self._filter(letter.redactor.redact(payload) if self.is_redacted else payload)
        except (DecodeError, FilterError) as error:
            self._count(letter, error)
            return False

    def _count(self, letter: StreamLetter, error: StreamrouteError) -> None:
        self._failed.add(letter.stored.id)
        self.first_problem = self.first_problem or f"{letter.stored.id}: {error}"
