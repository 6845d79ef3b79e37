"""The recorder: what a handler received, returned and raised, and which messages no route took."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from streamroute.core.observer import Result
from streamroute.errors import Postpone
from streamroute.message import Message
from streamroute.testing.recording.recorder import Recorder
from streamroute.testing.time.virtual_clock import VirtualClock


@pytest.fixture
async def recorder() -> Recorder:
    """A recorder at a time of its own."""
    return Recorder(VirtualClock(asyncio.get_running_loop(), 1_800_000_000.0))


@pytest.mark.parametrize(
    ("outcome", "result"),
    [
        (None, "succeeded"),
        (Result.SKIPPED, "skipped"),
        (ValueError("no"), "failed"),
        (Postpone(3), "postponed"),
        (asyncio.CancelledError(), "failed"),  # raised by the handler itself
        (SystemExit(1), "failed"),
    ],
)
async def test_each_end_of_a_run_is_recorded(recorder: Recorder, outcome: Any, result: str) -> None:
    async def run(_payload: dict[str, Any], _container: Any) -> Any:
        assert [running.result for running in recorder.running.values()] == ["running"]
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    handler = recorder.trace_handler(run, "route")
    message = Message({"type": "t", "list": [1]}, id="5-0", stream="events", attempt=2)
    try:
        assert await handler(message, None) is outcome
    except BaseException as error:  # noqa: BLE001 - raised above
        assert error is outcome  # noqa: PT017 - any exception
    (record,) = recorder.runs
    assert (record.result, record.route, record.id, record.attempt) == (result, "route", "5-0", 2)
    assert record.error is (outcome if isinstance(outcome, BaseException) else None)
    assert record.started.timestamp() == 1_800_000_000
    message["list"].append(2)
    assert record.message == {"type": "t", "list": [1]}
    assert recorder.running == {}


async def test_a_cancelled_run_is_no_failure(recorder: Recorder) -> None:
    async def run(_payload: dict[str, Any], _container: Any) -> None:
        await asyncio.Event().wait()

    task = asyncio.ensure_future(recorder.trace_handler(run, "route")({"type": "t"}, None))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [record.result for record in recorder.runs] == ["cancelled"]


async def test_a_message_that_no_route_took_is_unmatched(recorder: Recorder) -> None:
    async def run(_payload: dict[str, Any], _container: Any) -> None:
        """Take the message."""

    handler = recorder.trace_handler(run, "route")

    async def dispatch(message: Any) -> None:
        if message["type"] == "t":
            await handler(message, None)

    process = recorder.trace_messages(dispatch, "events")
    for number, kind in enumerate(["t", "other"]):
        await process(Message({"type": kind}, id=f"{number}-0", stream="events"))
    await process(Message({"type": "retry"}, routes=frozenset({"gone"}), stream="events"))
    assert [message["type"] for message in recorder.unmatched] == ["other"]
