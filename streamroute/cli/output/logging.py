"""Logs on stderr, as text or JSON lines."""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final, TextIO

import click

from streamroute.cli.output.streams import echo, erase_status_line, sanitize, write_at_once
from streamroute.cli.output.terminal import wants_color
from streamroute.logs.coalescing import NEVER_COALESCED, CoalescingHandler, message_of
from streamroute.logs.exception_text import error_text, traceback_text
from streamroute.logs.record_facts import fields_of
from streamroute.text.limits import LONG, NAME
from streamroute.text.safe_text import one_line, safe_repr
from streamroute.text.truncation import clip

_COLORS: Final = {logging.WARNING: "yellow", logging.ERROR: "red", logging.CRITICAL: "red"}
NOISY_LOGGERS: Final = ("asyncio", "redis", "httpx", "httpcore")
"""Loggers whose debug and info records concern only their library, or show full addresses and headers."""

log = logging.getLogger("streamroute")


def set_up_logging(output_format: str, level: str) -> None:
    """Send log records from ``level``, and Python's warnings, to stderr as ``text`` or ``json``."""
    stderr = _StderrHandler(sys.stderr)
    stderr.setFormatter(
        _JsonFormatter() if output_format == "json" else _TextFormatter(wants_color(sys.stderr))
    )
    root = logging.getLogger()
    flush_logs()
    root.handlers[:] = [CoalescingHandler(stderr, annotate=output_format != "json")]
    root.setLevel(level.upper())
    for name in NOISY_LOGGERS:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    logging.captureWarnings(True)
    # Otherwise Python prints exceptions of threads and finalizers without a log record.
    threading.excepthook = _log_thread_exception
    sys.unraisablehook = _log_unraisable


def add_to_records(facts: logging.Filter) -> None:
    """Let ``facts`` see each record where it is logged, before it may wait for equal ones."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, CoalescingHandler):
            handler.addFilter(facts)


class _StderrHandler(logging.StreamHandler[TextIO]):
    """Writes records to stderr; one that cannot be written is dropped, also if user code closed stderr."""

    def emit(self, record: logging.LogRecord) -> None:
        erase_status_line()
        super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        with suppress(ValueError):  # logging itself raises it where stderr is closed
            super().handleError(record)


def _log_thread_exception(failure: threading.ExceptHookArgs) -> None:
    if failure.exc_type is not SystemExit:
        name = clip(failure.thread.name, NAME) if failure.thread is not None else "(ended)"
        log.error("thread %s failed", name, exc_info=failure.exc_value)


def _log_unraisable(failure: sys.UnraisableHookArgs) -> None:
    context = failure.err_msg or "an exception was ignored in"
    log.error("%s: %s", context, safe_repr(failure.object, NAME), exc_info=failure.exc_value)


def flush_logs() -> None:
    """Write coalesced records that are waiting for more."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, CoalescingHandler):
            handler.flush()


def logs_as_json() -> bool:
    """Whether logs are JSON lines."""
    return isinstance(_formatter(), _JsonFormatter)


def echo_error(text: str) -> None:
    """Print why a command ends: as a log line if logs are JSON, else as text."""
    if logs_as_json():
        log.error("%s", text, extra=NEVER_COALESCED)
    else:
        label = click.style("error", fg="red", bold=True) if wants_color(sys.stderr) else "error"
        lines = "\n  ".join(map(one_line, text.split("\n")))
        echo(f"{label}: {lines}", err=True)


def log_at_once(level: int, text: str) -> None:
    """Write one log line; may be called in a signal handler, which may interrupt another write."""
    record = logging.LogRecord(log.name, level, __file__, 0, text, (), None)
    line = (_formatter() or _TextFormatter(colored=False)).format(record)
    write_at_once(line)


def _formatter() -> logging.Formatter | None:
    handlers = logging.getLogger().handlers
    first = handlers[0] if handlers else None
    return first.target.formatter if isinstance(first, CoalescingHandler) else None


class _SafeFormatter(logging.Formatter, ABC):
    """Formats records; one that cannot be formatted is replaced with an error record."""

    def format(self, record: logging.LogRecord) -> str:
        try:
            return self.format_record(record)
        except Exception as error:  # noqa: BLE001 - logging itself would print what it holds, as it is
            message = (
                f"could not format a record of {safe_repr(record.name, NAME)}: {error_text(error, NAME)}"
            )
            return self.format_record(
                logging.LogRecord(log.name, logging.ERROR, __file__, 0, message, (), None)
            )

    @abstractmethod
    def format_record(self, record: logging.LogRecord) -> str:
        """Format the record; may raise any exception of the record's arguments."""


class _TextFormatter(_SafeFormatter):
    """Formats a line ``12:34:56 warning: text``, followed by an indented traceback.

    The indentation prevents the text of an exception from forging a log line.
    """

    def __init__(self, colored: bool) -> None:
        super().__init__()
        self._colored = colored

    def format_record(self, record: logging.LogRecord) -> str:
        level = one_line(record.levelname.lower())
        color = _COLORS.get(record.levelno)
        if self._colored and color:
            level = click.style(level, fg=color)
        # Unlike datetime, this works during the interpreter's shutdown.
        clock_time = time.strftime("%H:%M:%S", time.localtime(record.created))
        line = f"{clock_time} {level}: {clip(one_line(clip(_text(record), LONG)), LONG)}{_where(record)}"
        trace = _trace(record, one_line).split("\n") if record.exc_info else []
        return sanitize("\n  ".join([line, *map(one_line, trace)]), styled=self._colored)


class _JsonFormatter(_SafeFormatter):
    """Formats one JSON object per line: time (ISO 8601, UTC), level, logger, message.

    ``repeated`` is the number of equal records that the line represents, if more than one. A record about an
    entry has its stream, route, id, type, attempt, error_class, generation, worker and trace_id, as known.
    """

    def format_record(self, record: logging.LogRecord) -> str:
        fields: dict[str, str | int] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": clip(record.name, NAME),
            "message": clip(_text(record), LONG),
        }
        about = fields_of(record)
        if about is not None:
            fields |= about.as_dict()
        repeated = getattr(record, "repeated", None)
        if repeated is not None:
            fields["repeated"] = repeated
        if record.exc_info:
            fields["traceback"] = _trace(record)
        return json.dumps(fields).replace("##[", "\\u0023#[")


def _text(record: logging.LogRecord) -> str:
    """Return the message, without what the configuration hides."""
    about = fields_of(record)
    return message_of(record) if about is None else about.redact(message_of(record))


def _where(record: logging.LogRecord) -> str:
    """Return the entry of a warning, or of streamroute's own line, that does not name it."""
    about = fields_of(record)
    if about is None or not (record.levelno >= logging.WARNING or record.name.startswith("streamroute.")):
        return ""
    where = about.where(message_of(record))
    return f" [{one_line(where)}]" if where else ""


def _trace(record: logging.LogRecord, text: Callable[[str], str] = str) -> str:
    error, about = record.exc_info[1] if record.exc_info else None, fields_of(record)
    if error is None:
        return ""
    trace = traceback_text(error, text=text).rstrip()
    return trace if about is None else about.redact(trace)
