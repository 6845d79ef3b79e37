"""log: a message as one line of the log."""

from __future__ import annotations

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
        ({"x": "a" * 20_000}, {}, '{"x": "' + "a" * 9_993 + "..."),
    ],
)
async def test_the_line_holds_the_message(
    payload: Any, arguments: dict[str, str], line: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    await log(payload, **arguments)
    assert caplog.record_tuples == [("streamroute.handlers.log", 20, line)]


async def test_the_level_is_the_route_s(caplog: pytest.LogCaptureFixture) -> None:
    await log({}, level="warning")
    assert [record.levelname for record in caplog.records] == ["WARNING"]
