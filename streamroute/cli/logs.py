"""Logs: lines for a person on a terminal, JSON lines for a machine; always on stderr."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Final

import click

_COLORS: Final = {logging.WARNING: "yellow", logging.ERROR: "red", logging.CRITICAL: "red"}


def set_up_logging(form: str, level: str) -> None:
    """Send every log record to stderr, as ``text`` or ``json``; libraries are heard from WARNING up."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines() if form == "json" else _Lines(sys.stderr.isatty()))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("streamroute").setLevel(level.upper())


class _Lines(logging.Formatter):
    """``12:34:56 warning: text``."""

    def __init__(self, colored: bool) -> None:
        super().__init__()
        self._colored = colored

    def format(self, record: logging.LogRecord) -> str:
        level = record.levelname.lower()
        color = _COLORS.get(record.levelno)
        if self._colored and color:
            level = click.style(level, fg=color)
        when = datetime.fromtimestamp(record.created, UTC).astimezone().strftime("%H:%M:%S")
        line = f"{when} {level}: {record.getMessage()}"
        return f"{line}\n{_trace(record)}" if record.exc_info else line


class _JsonLines(logging.Formatter):
    """One JSON object a line: time (ISO 8601, UTC), level, logger, message."""

    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["traceback"] = _trace(record)
        return json.dumps(fields)


def _trace(record: logging.LogRecord) -> str:
    error = record.exc_info[1] if record.exc_info else None
    return "".join(traceback.format_exception(error)).rstrip() if error else ""
