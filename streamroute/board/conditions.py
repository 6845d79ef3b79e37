"""The payload filters that visitors type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamroute.board.errors import InvalidInputError
from streamroute.errors import StreamrouteError
from streamroute.ops.dead_letters.payloads import LetterPayloads, PayloadCondition

if TYPE_CHECKING:
    from streamroute.config.document import Document

_MAX_LENGTH: Final = 2_000


def payload_condition(document: Document, where: str, /, *, redacted: bool = True) -> PayloadCondition:
    """Return a condition on the payloads of dead letters; raises InvalidInputError if it is no expression.

    If it is ``redacted``, it sees payloads as people do: visitors could guess hidden values by trying.
    Payloads of a codec of the project itself cannot be read: the condition fails on them.
    """
    if len(where) > _MAX_LENGTH:
        raise InvalidInputError(f"the filter is longer than {_MAX_LENGTH} characters")
    try:
        return PayloadCondition(where, LetterPayloads(document, {}), redacted=redacted)
    except StreamrouteError as error:
        raise InvalidInputError(f"the filter cannot be used: {error}") from None
