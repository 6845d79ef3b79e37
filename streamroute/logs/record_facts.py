"""What a log record states beside its text: facts from where it is logged, and the fields made of them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final, Protocol

ABOUT: Final = "about_entry"
ROUTE: Final = "route"
ERROR_CLASS: Final = "error_class"
_FIELDS: Final = "record_fields"


class RecordFields(Protocol):
    """The fields of a record that is about an entry; they are read when the record is written."""

    def as_dict(self) -> Mapping[str, str | int]:
        """Return the fields that are known, for a record in JSON."""
        ...

    def where(self, text: str) -> str:
        """Return what a line with this text lacks to name the entry and its stream; empty if nothing."""
        ...

    def redact(self, text: str) -> str:
        """Return a text without the values that the entry's configuration hides."""
        ...


def about_entry(payload: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Return ``extra`` for a record about an entry whose handler is not what logs it."""
    return {ABOUT: payload}


def about_failure(route: str, error_class: str) -> Mapping[str, Any]:
    """Return ``extra`` for a record about a route that failed on the entry that runs."""
    return {ROUTE: route, ERROR_CLASS: error_class}


def set_fields(record: logging.LogRecord, fields: RecordFields) -> None:
    """Add fields to a record."""
    vars(record)[_FIELDS] = fields


def fields_of(record: logging.LogRecord) -> RecordFields | None:
    """Return the fields of a record; None if it is not about an entry."""
    return vars(record).get(_FIELDS)
