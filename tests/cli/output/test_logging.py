"""Logs: one text line or one JSON object per record, without control characters."""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
import warnings
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest

from log_settings import log_settings_kept
from misbehaving import ALL
from streamroute.cli.output.logging import echo_error, flush_logs, log_at_once, logs_as_json, set_up_logging

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def loggers() -> Iterator[None]:
    """Restore the loggers and the hooks after the test."""
    hooks = threading.excepthook, sys.unraisablehook
    with log_settings_kept():
        yield
    threading.excepthook, sys.unraisablehook = hooks


def test_a_person_reads_time_level_and_text(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging("text", "info")
    logging.getLogger("shop.mail").info("sent %d", 3)
    line = capsys.readouterr().err
    assert line[8:] == " info: sent 3\n"
    assert line[2] == line[5] == ":"


def test_a_machine_reads_json(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging("json", "info")
    logging.getLogger("shop.mail").error("not sent\nat all", exc_info=ValueError("größer"))
    record = json.loads(capsys.readouterr().err)
    assert record["level"] == "error"
    assert record["logger"] == "shop.mail"
    assert record["message"] == "not sent\nat all"
    assert record["time"].endswith("+00:00")
    assert record["traceback"] == "ValueError: größer"


def test_a_traceback_follows_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging("text", "info")
    logging.getLogger("shop").error("not sent", exc_info=ValueError("why"))
    first, second = capsys.readouterr().err.splitlines()
    assert (first[9:], second) == ("error: not sent", "  ValueError: why")


FORGED = "\n12:34:56 error: forged"
FORGERIES = [f"{end}12:34:56 error: forged" for end in "\n\r\x0b\x0c\x85\u2028\u2029"]


def noted(error: Exception, note: str = f"a note{FORGED}") -> Exception:
    error.add_note(note)
    return error


def raised_in_a_group() -> Exception:
    error = ExceptionGroup(f"both{FORGED}", [KeyError(FORGED), OSError(2, f"no{FORGED}")])
    error.__cause__ = ValueError(FORGED)
    return error


@pytest.mark.parametrize("name", ["shop", "asyncio", "streamroute.core", "py.warnings", "root"])
@pytest.mark.parametrize(
    "error",
    [
        *(ValueError(f"a{forged}") for forged in FORGERIES),
        KeyError(FORGED),
        noted(ValueError("a")),
        type(f"Odd{FORGED}", (Exception,), {"__module__": f"m{FORGED}"})("a"),
        raised_in_a_group(),
        noted(ValueError("a"), "12:34:56 error: forged"),
        type("12:34:56 error", (Exception,), {"__module__": "builtins"})("forged"),
        SyntaxError("forged", ("12:34:56 error: forged", 1, 1, "12:34:56 error: forged")),
    ],
)
def test_exception_text_cannot_forge_a_log_line(
    name: str, error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up_logging("text", "info")
    logging.getLogger(name).error("failed%s", FORGED, exc_info=error)
    expected = capsys.readouterr().err
    assert "forged" in expected
    assert not [line for line in expected.splitlines()[1:] if line.startswith("12:34:56")]
    set_up_logging("json", "info")
    logging.getLogger(name).error("failed%s", FORGED, exc_info=error)
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_thread_and_a_finalizer_that_fail_are_records_too(capsys: pytest.CaptureFixture[str]) -> None:
    class Odd:
        def __del__(self) -> None:
            raise ValueError(FORGED)

    def fail() -> None:
        raise ValueError(FORGED)

    set_up_logging("text", "info")
    thread = threading.Thread(target=fail, name=f"mine{FORGED}")
    thread.start()
    thread.join()
    Odd().__del__  # noqa: B018 - it is made and goes
    expected = capsys.readouterr().err
    assert expected.count("ValueError: ") == 2
    assert "error: thread mine\\n12:34:56 error: forged failed" in expected
    assert not [line for line in expected.splitlines() if line.startswith("12:34:56")]


def test_the_final_error_keeps_its_lines_and_forges_no_record(
    capsys: pytest.CaptureFixture[str],
) -> None:
    set_up_logging("text", "info")
    echo_error(f"no Redis{FORGED}\x1b[2J")
    assert capsys.readouterr().err == "error: no Redis\n  12:34:56 error: forged\\x1b[2J\n"


def test_external_text_cannot_move_the_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging("text", "info")
    logging.getLogger("shop").info("a\x1b[2Jb\rc\td")
    assert capsys.readouterr().err.endswith("info: a\\x1b[2Jb\\rc\td\n")


def test_the_log_level_applies_to_all_but_noisy_libraries(
    capsys: pytest.CaptureFixture[str],
) -> None:
    set_up_logging("text", "debug")
    for name in ("shop", "streamroute.app", "asyncio", "redis"):
        logging.getLogger(name).debug("from %s", name)
    expected = capsys.readouterr().err
    assert "from shop" in expected
    assert "from streamroute.app" in expected
    assert "asyncio" not in expected
    assert "redis" not in expected


def test_warnings_of_python_are_records_too(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging("json", "info")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn("old way", stacklevel=1)
    assert "UserWarning: old way" in json.loads(capsys.readouterr().err)["message"]


def test_errors_speak_the_language_of_the_logs(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging("text", "info")
    echo_error("no Redis")
    assert capsys.readouterr().err == "error: no Redis\n"
    set_up_logging("json", "info")
    assert logs_as_json()
    echo_error("no Redis")
    assert json.loads(capsys.readouterr().err)["message"] == "no Redis"


def test_logging_does_not_fail_after_user_code_closed_stderr(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception of a log call would end the task that logs, such as the one that reloads."""
    stderr = StringIO()
    monkeypatch.setattr(sys, "stderr", stderr)
    set_up_logging("text", "info")
    logging.getLogger("shop").info("before")
    written = stderr.getvalue()
    stderr.close()
    logging.getLogger("shop").info("after")
    log_at_once(logging.WARNING, "in a signal handler")
    assert written.endswith("before\n")


def test_a_last_word_needs_no_buffer(capfd: pytest.CaptureFixture[str]) -> None:
    set_up_logging("json", "info")
    log_at_once(logging.WARNING, "stopped")
    record = json.loads(capfd.readouterr().err)
    assert (record["level"], record["message"]) == ("warning", "stopped")


@pytest.mark.parametrize("output_format", ["text", "json"])
def test_a_record_is_one_line_of_bounded_length(
    output_format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Text from outside, whatever it contains, adds no line and no megabytes."""
    set_up_logging(output_format, "info")
    for text in ("one\ntwo", "a\r\x0bb\x0c\x85\u2028\u2029c", "x" * 10_000_000, "\n" * 10_000, "\ud800"):
        logging.getLogger("shop").warning("no price: %s", text)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 5
    assert max(map(len, lines)) <= (16_050 if output_format == "text" else 100_000)
    if output_format == "json":
        assert max(len(json.loads(line)["message"]) for line in lines) <= 16_000


@pytest.mark.parametrize("output_format", ["text", "json"])
@pytest.mark.parametrize("kind", ALL)
def test_the_traceback_of_any_exception_is_written(
    kind: str, output_format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up_logging(output_format, "info")
    error = ALL[kind]()
    logging.getLogger("shop").error("failed", exc_info=(type(error), error, None))
    expected = capsys.readouterr().err
    if output_format == "json":
        record = json.loads(expected)
        assert 0 < len(record["traceback"]) <= 16_000
    assert "failed" in expected
    assert "\x1b" not in expected
    assert "Logging error" not in expected


def test_a_record_that_cannot_be_formatted_is_written_with_why(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging("text", "info")
    logging.getLogger("shop").info("no price: %s", Silent())
    logging.getLogger("shop").info("no price: %d", "x")
    first, second = capsys.readouterr().err.splitlines()
    assert first.endswith("info: no price: %s (KeyboardInterrupt)")
    assert second.endswith("info: no price: %d (TypeError: %d format: a real number is required, not str)")


ODD_RECORDS: list[dict[str, Any]] = [
    {"created": float("nan")},
    {"created": 1e300},
    {"created": "now"},
    {"levelname": 5},
    {"name": 5},
    {"name": None},
    {"args": 5, "msg": f"%s{FORGED}"},
    {"exc_info": (1, 2, 3)},
    {"exc_info": f"x{FORGED}"},
    {"coalesced_by": []},
    {"coalesced_by": ["x"], "msg": FORGED},
    {"repeated": 1j},
    {"repeated": FORGED},
]


@pytest.mark.parametrize("output_format", ["text", "json"])
@pytest.mark.parametrize("odd", ODD_RECORDS, ids=str)
def test_an_unusual_record_is_one_line(
    odd: dict[str, Any], output_format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """User code creates some, with ``extra`` or from another process; logging would print them raw."""
    usual = {"name": "shop", "msg": "fine", "levelname": "INFO", "levelno": logging.INFO}
    set_up_logging(output_format, "info")
    for _ in range(2):
        logging.getLogger("shop").handle(logging.makeLogRecord({**usual, **odd}))
    flush_logs()
    lines = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("  ")]
    assert 1 <= len(lines) <= 2
    for line in lines:
        if output_format == "json":
            assert {"time", "level", "message"} <= json.loads(line).keys()
        else:
            assert re.match(r"\d\d:\d\d:\d\d \w+: ", line)


class Silent:
    """An object without a text."""

    def __str__(self) -> str:
        raise KeyboardInterrupt


def test_equal_failures_are_counted_in_text_and_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    for output_format in ("text", "json"):
        set_up_logging(output_format, "info")
        for number in range(5_000):
            logging.getLogger("streamroute.core.dispatch.outcomes").warning(
                "route %s failed: %d", "r", number
            )
        flush_logs()
    lines = capsys.readouterr().err.splitlines()
    text = [line for line in lines if not line.startswith("{")]
    records = [json.loads(line) for line in lines if line.startswith("{")]
    assert len(text) + len(records) < 100
    assert text[0].endswith("route r failed: 0")
    assert re.search(r"route r failed: 4999 \(and [\d,]+ more like it\)$", text[-1])
    assert records[0]["message"] == "route r failed: 0"
    assert "repeated" not in records[0]
    assert records[-1]["message"] == "route r failed: 4999"
    assert sum(record.get("repeated", 1) for record in records) == 5_000


def test_the_start_lines_of_twenty_streams_are_all_written(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging("text", "info")
    for number in range(20):
        logging.getLogger("streamroute.cli.commands.serve").info(
            "stream %s, group %s: %s", number, "g", "1 route"
        )
    assert len(capsys.readouterr().err.splitlines()) == 20
