"""log: a message as one line of the log."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

from streamroute.handlers.reporting import log
from streamroute.message import Message


@pytest.mark.parametrize(
    ("payload", "arguments", "line"),
    [
        ({"type": "t"}, {}, '{"type": "t"}'),
        (Message({"type": "t"}, id="1-0", stream="s"), {"text": "seen"}, 'seen 1-0 of s: {"type": "t"}'),
        ({"type": "é", "odd": {1}}, {}, '{"type": "é", "odd": "{1}"}'),
        ({"x": "a" * 20_000}, {}, '{"x": "' + "a" * 9_990 + "..."),
    ],
)
async def test_the_line_holds_the_message(
    payload: Any, arguments: dict[str, str], line: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    await log(payload, **arguments)
    assert caplog.record_tuples == [("streamroute.handlers.log", 20, line)]


class Silent:
    """An object without a text."""

    def __str__(self) -> str:
        raise KeyboardInterrupt


async def test_values_without_a_text_fail_no_message(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    await log({"odd": Silent()})
    assert caplog.messages == ['{"odd": "(no text: __str__ raised KeyboardInterrupt)"}']


async def test_a_large_message_is_serialized_only_as_far_as_shown() -> None:
    payload = {"rooms": [{"name": "a" * 100}] * 200_000}
    tracemalloc.start()
    try:
        await log(payload)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000


async def test_the_level_is_the_route_s(caplog: pytest.LogCaptureFixture) -> None:
    await log({}, level="warning")
    assert [record.levelname for record in caplog.records] == ["WARNING"]


async def test_recursive_values_are_logged_truncated(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    knot: dict[str, Any] = {"type": "t"}
    knot["a"], knot["b"] = knot, [knot]
    await log(knot)
    [(_, _, line)] = caplog.record_tuples
    assert line.startswith("{'type': 't', 'a': {'type': 't', 'a': {")
    assert len(line) <= 10_003
