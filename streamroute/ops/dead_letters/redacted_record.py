"""A dead letter's record as people may see it: without what the configuration hides."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from streamroute.payload_redaction import UNREADABLE
from streamroute.redaction.values import REDACTED

if TYPE_CHECKING:
    from streamroute.adapters.entries.dead_record import DeadRecord
    from streamroute.payload_redaction import PayloadRedactor
    from streamroute.redaction.texts import HiddenValues
    from streamroute.values import Failure


def redacted_record(record: DeadRecord, redactor: PayloadRedactor) -> DeadRecord:
    """Return the record without the hidden values of its entry, in its fields and in its texts.

    It is for output alone: a record that is written again must be the original one.
    """
    if not redactor.is_active:
        return record
    hidden = redactor.hidden_in(fields=record.fields)
    fields = redactor.redact_fields(record.fields)
    is_unreadable = record.route is None and fields.get(b"data") == REDACTED.encode()
    return replace(
        record,
        fields=fields,
        reason=UNREADABLE if is_unreadable else hidden.redact(record.reason),
        error=hidden.redact(record.error),
        traceback=hidden.redact(record.traceback),
        history=[redacted_failure(failure, hidden) for failure in record.history],
    )


def redacted_failure(failure: Failure, hidden: HiddenValues) -> Failure:
    """Return an earlier failure of a message without the message's hidden values."""
    return replace(
        failure,
        reason=hidden.redact(failure.reason),
        error=hidden.redact(failure.error),
        original=REDACTED if failure.original else "",
    )
