"""A dead letter as a line of JSON: the whole entry, byte for byte."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from streamroute.adapters.codecs.strict_json import read_json
from streamroute.adapters.entries.dead_record import DeadRecord
from streamroute.errors import DecodeError, StreamrouteError

if TYPE_CHECKING:
    from streamroute.ops.dead_letters.letter import StreamLetter

_VERSION: Final = 1
_MAX_FIELDS: Final = 2000  # a Lua script can pass some 8,000 arguments on; letters with more are packed
_ID: Final = re.compile(r"[0-9]{1,20}-[0-9]{1,20}", re.ASCII)


class ImportLineError(StreamrouteError):
    """Raised for a line that is not an exported dead letter."""


@dataclass(frozen=True, slots=True)
class ExportedLetter:
    """A line of an export; ``record`` is None for an entry that was unreadable when it was exported.

    ``id`` is that of the letter, ``dead_letter`` its stream of dead letters, ``stream`` the message's.
    """

    id: str
    dead_letter: str
    stream: str
    fields: Mapping[bytes, bytes]
    record: DeadRecord | None


def export_line(letter: StreamLetter, *, redact: bool) -> str:
    """Return a letter as JSON in ASCII, without a line break; with ``redact``, without what is hidden.

    A letter that cannot be read is exported with ``redact`` only if nothing is hidden.
    """
    facts = {
        "v": _VERSION,
        "id": letter.stored.id,
        "dead_letter": letter.dead_letter_stream.key,
        "stream": letter.stream,
    }
    fields: Mapping[bytes, bytes] = letter.stored.fields
    if redact and letter.redactor.is_active:
        record = letter.shown.record
        fields = {} if record is None else record.write()
        facts["redacted"] = True
    pairs = [[_text(name), _text(value)] for name, value in fields.items()]
    return json.dumps({**facts, "fields": pairs}).replace("\x7f", "\\u007f")


def read_line(line: bytes, *, redacted: bool) -> ExportedLetter:
    """Parse a line of an export; ``redacted`` also accepts one without its hidden values.

    Raises ImportLineError, with a readable reason.
    """
    try:
        facts = read_json(line)
    except ValueError as error:
        raise ImportLineError(str(error)) from None
    if not isinstance(facts, dict) or facts.get("v") != _VERSION:
        raise ImportLineError("not an exported dead letter")
    if facts.get("redacted") and not redacted:
        raise ImportLineError("its hidden values are missing: it was exported with --redact")
    letter_id, key, stream = (_string(facts, name) for name in ("id", "dead_letter", "stream"))
    if not _ID.fullmatch(letter_id):
        raise ImportLineError("its id is not that of an entry")
    fields = _fields(facts.get("fields"))
    return ExportedLetter(letter_id, key, stream, fields, _record(fields))


def _text(value: bytes) -> str | dict[str, str]:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}


def _string(facts: Mapping[str, Any], name: str) -> str:
    value = facts.get(name)
    if not isinstance(value, str):
        raise ImportLineError(f"it has no {name}")
    return value


def _fields(pairs: Any) -> dict[bytes, bytes]:
    if not isinstance(pairs, list) or not pairs:
        raise ImportLineError("it has no fields")
    if len(pairs) > _MAX_FIELDS:
        raise ImportLineError(f"it has {len(pairs)} fields, and a dead letter has at most {_MAX_FIELDS}")
    fields: dict[bytes, bytes] = {}
    for pair in pairs:
        if not isinstance(pair, list) or len(pair) != 2:
            raise ImportLineError("a field is not a name and a value")
        fields[_bytes(pair[0])] = _bytes(pair[1])
    return fields


def _bytes(value: Any) -> bytes:
    try:
        if isinstance(value, str):
            return value.encode()
        return base64.b64decode(value["base64"], validate=True)
    except (TypeError, KeyError, ValueError, binascii.Error):
        raise ImportLineError("a field is neither text nor base64") from None


def _record(fields: Mapping[bytes, bytes]) -> DeadRecord | None:
    try:
        return DeadRecord.read(fields)
    except DecodeError:
        return None
