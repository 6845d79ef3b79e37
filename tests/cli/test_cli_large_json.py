"""JSON that is too deep, or has a number that is too long, is rejected with its position."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from projects import Done

LONG: Final = '{"type": "t", "a": ' + "9" * 5000 + "}"
DEEP: Final = '{"type": "t", "a": ' + "[" * 20_000 + "]" * 20_000 + "}"
SAID: Final = {
    LONG: "a number of 5,000 digits, and at most 4,300 are read, at character 20",
    DEEP: "levels, at character 219",
}
PYTHON: Final = ("RecursionError", "MemoryError", "recursion depth", "Exceeds the limit", "sys.", "Traceback")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("routes.yaml").write_text(
        "version: 1\nstreams: {events: }\nroutes: [{name: a, type: t, handler: streamroute.handlers.log}]\n"
    )


@pytest.mark.parametrize("event", [LONG, DEEP])
def test_large_json_in_an_event_is_refused(command: Callable[..., Done], event: str) -> None:
    Path("event.json").write_text(event)
    fields = event.replace('"type": "t", ', "")
    for code, done in (
        (1, command("explain", "event.json")),
        (1, command("explain", event)),
        (1, command("test", "--init", "event.json")),
        (2, command("publish", "events", "--type", "t", "--data", fields)),
        (1, command("explain", "--type", "t", "--data", fields)),
    ):
        assert done.code == code
        assert SAID[event].rpartition(" ")[0] in done.err
        assert not any(word in done.out + done.err for word in PYTHON)


@pytest.mark.parametrize("event", [LONG, DEEP])
def test_large_json_in_test_messages_and_schemas_is_refused(command: Callable[..., Done], event: str) -> None:
    Path("event.json").write_text(event)
    Path("routes.test.yaml").write_text("version: 1\ntests: [{name: x, message: event.json, routes: []}]\n")
    done = command("test")
    assert done.code == 1
    assert f"event.json holds {SAID[event]}" in done.out or f"200 {SAID[event]}" in done.out
    with Path("routes.yaml").open("a") as routes:
        routes.write("messages: {t: {schema: event.json}}\n")
    done = command("check")
    assert "event.json:1:20: error[SR111]" in done.out or "event.json:1:147: error[SR011]" in done.out
    assert not any(word in done.out + done.err for word in PYTHON)


@pytest.mark.parametrize(
    ("event", "expected_text"),
    [
        ('{"type": "t", "a": NaN}', "holds NaN, which is not JSON"),
        ('{"type": "t", "a": 1e999}', "holds a number too large for a float"),
        ('{"type": "t", "a": "\\ud800"}', "holds half of a surrogate pair"),
        ('{"type": "t",\n "a": }', "is not JSON: Expecting value at line 2, column 7"),
    ],
)
def test_explain_rejects_the_same_messages_as_serve(
    command: Callable[..., Done], event: str, expected_text: str
) -> None:
    done = command("explain", event)
    assert (done.code, f"EVENT {expected_text}" in done.err) == (1, True)


@pytest.mark.parametrize("code", ["-" * 100_000 + "1", "1+" * 100_000 + "1", "a." * 60_000 + "b"])
def test_a_module_nested_too_deeply_is_reported(command: Callable[..., Done], code: str) -> None:
    Path("deep.py").write_text(f"a = {code}\ndef run(payload): ...\n")
    text = Path("routes.yaml").read_text().replace("streamroute.handlers.log", "deep.run")
    Path("routes.yaml").write_text(text)
    done = command("check", "--no-import")
    assert "info[SR410]" in done.out
    assert "is nested too deep to be parsed" in done.out
    assert not any(word in done.out + done.err for word in PYTHON)
