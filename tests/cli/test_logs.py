"""Logs: one line a record for people, one object a record for machines, nothing that moves a cursor."""

from __future__ import annotations

import json
import logging
import warnings
from typing import TYPE_CHECKING

import pytest

from streamroute.cli.logs import say_at_once, say_error, set_up_logging, speaks_json

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def root_logger() -> Iterator[None]:
    """The root logger as it was, after the test."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(False)


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
    assert (first[9:], second) == ("error: not sent", "ValueError: why")


def test_no_text_of_others_moves_the_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging("text", "info")
    logging.getLogger("shop").info("a\x1b[2Jb\rc\td")
    assert capsys.readouterr().err.endswith("info: a\ufffd[2Jb\ufffdc\td\n")


def test_the_level_holds_for_everybody_but_libraries_that_talk_of_themselves(
    capsys: pytest.CaptureFixture[str],
) -> None:
    set_up_logging("text", "debug")
    for name in ("shop", "streamroute.app", "asyncio", "redis"):
        logging.getLogger(name).debug("from %s", name)
    said = capsys.readouterr().err
    assert "from shop" in said
    assert "from streamroute.app" in said
    assert "asyncio" not in said
    assert "redis" not in said


def test_warnings_of_python_are_records_too(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging("json", "info")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn("old way", stacklevel=1)
    assert "UserWarning: old way" in json.loads(capsys.readouterr().err)["message"]


def test_errors_speak_the_language_of_the_logs(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging("text", "info")
    say_error("no Redis")
    assert capsys.readouterr().err == "error: no Redis\n"
    set_up_logging("json", "info")
    assert speaks_json()
    say_error("no Redis")
    assert json.loads(capsys.readouterr().err)["message"] == "no Redis"


def test_a_last_word_needs_no_buffer(capfd: pytest.CaptureFixture[str]) -> None:
    set_up_logging("json", "info")
    say_at_once(logging.WARNING, "stopped")
    record = json.loads(capfd.readouterr().err)
    assert (record["level"], record["message"]) == ("warning", "stopped")
