"""Checks an edited payload, and stores it: the message is retried, or stays a dead letter."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from streamroute.adapters.dead_letters.edited_letters import EditedLetters
from streamroute.adapters.entries.original_fields import pack_original
from streamroute.adapters.entries.record_facts import append_failure
from streamroute.compiler.validation.data_check import data_check
from streamroute.errors import CostlyDataError, DecodeError, EncodeError
from streamroute.keys import GroupKeys
from streamroute.ops.dead_letters.editing.document import InvalidEditError, payload_text, read_payload
from streamroute.ops.dead_letters.editing.hidden_values import restore_hidden
from streamroute.text.limits import NAME
from streamroute.text.truncation import clip
from streamroute.values import Failure

if TYPE_CHECKING:
    from streamroute.adapters.entries.dead_record import DeadRecord
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.config.document import Document
    from streamroute.ops.dead_letters.letter import StreamLetter
    from streamroute.ops.dead_letters.payloads import LetterPayloads


@dataclass(frozen=True, slots=True)
class EditableLetter:
    """A letter whose payload can be edited; ``shown`` is the payload without its hidden values."""

    letter: StreamLetter
    record: DeadRecord
    payload: Mapping[str, Any]
    shown: Mapping[str, Any]

    @property
    def keys(self) -> GroupKeys:
        """The keys of the consumer group whose letter it is."""
        return GroupKeys.of(self.record.stream, self.record.group, self.letter.dead_letter_stream.key)

    @property
    def text(self) -> str:
        """The payload for the editor; raises InvalidEditError if it cannot be written."""
        return payload_text(self.shown)


def editable(letter: StreamLetter, payloads: LetterPayloads) -> EditableLetter:
    """Return the letter for editing; raises InvalidEditError if its payload cannot be decoded."""
    try:
        payload = payloads.payload(letter)
    except DecodeError as error:
        raise InvalidEditError(f"{letter.stored.id} cannot be edited: {error}") from None
    if letter.current is None:
        raise InvalidEditError(f"{letter.stored.id} cannot be edited: {letter.reason}")
    return EditableLetter(letter, letter.current, payload, letter.redactor.redact(payload))


class LetterEditor:
    """Checks edits by a configuration: by the codec of the stream, and by the schema of the type."""

    def __init__(self, document: Document, payloads: LetterPayloads) -> None:
        self._document = document
        self._payloads = payloads

    def edited_record(
        self, target: EditableLetter, content: bytes, name: str, *, who: str, validate: bool = True
    ) -> DeadRecord | None:
        """Return the letter's record with the payload in ``content``; None if it is unchanged.

        The original fields stay in its history. Raises InvalidEditError, which names the file as ``name``.
        """
        payload = read_payload(content, name)
        if target.letter.redactor.is_active:
            payload = restore_hidden(payload, target.shown, target.payload)
        if payload_text(payload) == payload_text(target.payload):
            return None
        fields = self._encoded(target.letter, payload, name)
        if validate:
            self._validate(self._payloads.data(target.letter.stream, payload, fields), payload, name)
        message_type = payload.get("type")
        return replace(
            target.record,
            fields=fields,
            type=clip(message_type, NAME) if isinstance(message_type, str) else None,
            history=append_failure(target.record.history, _edit(target.record, who)),
        )

    def _validate(self, data: Any, payload: Mapping[str, Any], name: str) -> None:
        message_type = payload.get("type")
        config = self._document.messages.get(message_type) if isinstance(message_type, str) else None
        if config is None or config.schema is None:
            return
        try:
            problem = data_check(config.schema, fast=False)(data)
        except CostlyDataError as error:
            problem = str(error)
        if problem is not None:
            raise InvalidEditError(f'{name}: the data does not fit the schema of "{message_type}": {problem}')

    def _encoded(self, letter: StreamLetter, payload: Mapping[str, Any], name: str) -> dict[bytes, bytes]:
        """Return the fields of the payload, which the codec decodes to the same payload."""
        try:
            fields = self._payloads.fields(letter.stream, payload)
            if self._payloads.decoded(letter.stream, fields) == payload:
                return fields
        except (EncodeError, DecodeError) as error:
            raise InvalidEditError(f"{name}: {error}") from None
        raise InvalidEditError(f"{name}: the codec of {letter.stream} does not keep this payload as it is")


async def store_edit(
    redis: RedisConnection, target: EditableLetter, edited: DeadRecord, *, keep: bool
) -> str | None:
    """Retry the edited message, or replace its letter with ``keep``, in one step.

    Returns the id of the retry or of the new letter; None, if the letter was retried, dropped or edited
    meanwhile, and nothing was written. Raises RedisUnavailableError if Redis cannot be reached, SetupError if
    it refuses.
    """
    letters = EditedLetters(redis, target.letter.dead_letter_stream.key)
    if keep:
        return await letters.replace(target.letter.stored.id, edited)
    return await letters.requeue(target.letter.stored.id, edited)


def _edit(record: DeadRecord, who: str) -> Failure:
    """Return the note of an edit in the history; the first edit keeps the original fields."""
    has_original = any(failure.original for failure in record.history)
    original = "" if has_original else pack_original(record.fields)
    reason = f"the payload was edited by {who}"
    return Failure(record.route, record.attempt, "", reason, time.time(), original=original)
