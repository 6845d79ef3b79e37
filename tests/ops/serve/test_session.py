"""A session: the feed is published first, then everything up to its end is processed; a stop ends it all."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import pytest

from consuming import eventually, within_patience
from streamroute.ops.publish.feed import FeedError
from streamroute.ops.serve.session import Feed, run_session

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from streamroute.app import App


class FakeApp:
    """An app of one stream, whose backlog the test clears; records its calls."""

    def __init__(self) -> None:
        self.services = {"events": None}
        self.calls: list[str] = []
        self.left = True

    def publisher(self, stream: str) -> FakeApp:
        return self

    def backlog(self, stream: str) -> FakeApp:
        return self

    def encode(self, payload: Mapping[str, Any]) -> list[bytes]:
        return [str(payload["n"]).encode()]

    async def publish(self, entries: Sequence[list[bytes]]) -> list[str]:
        self.calls += [f"publish {entry[0].decode()}" for entry in entries]
        return []

    async def last_id(self) -> str:
        self.calls.append("mark")
        return "7-0"

    async def remains(self, upto: str) -> bool:
        self.calls.append(f"left {upto}")
        return self.left


async def session(app: FakeApp, feed: Feed | None, *, drain: bool, stop: asyncio.Event | None = None) -> None:
    running = run_session(cast("App", app), feed, drain=drain, stop=stop or asyncio.Event())
    await within_patience(running)


@pytest.fixture
def source(tmp_path: Path) -> Iterator[BinaryIO]:
    path = tmp_path / "feed"
    path.write_text('{"type": "t", "n": 1}\n{"type": "t", "n": 2}\n')
    with path.open("rb") as file:
        yield file


async def test_the_marks_are_taken_after_the_feed(source: BinaryIO) -> None:
    app = FakeApp()
    app.left = False
    await session(app, Feed(source, "feed", "events"), drain=True)
    assert app.calls == ["publish 1", "publish 2", "mark", "left 7-0"]


async def test_without_a_drain_the_session_runs_until_stopped(source: BinaryIO) -> None:
    app, stop = FakeApp(), asyncio.Event()
    running = asyncio.create_task(session(app, Feed(source, "feed", "events"), drain=False, stop=stop))
    await eventually(lambda: "publish 2" in app.calls)
    assert not running.done()
    stop.set()
    await within_patience(running)
    assert app.calls == ["publish 1", "publish 2"]


async def test_a_stop_ends_a_drain_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    app, stop = FakeApp(), asyncio.Event()
    running = asyncio.create_task(session(app, None, drain=True, stop=stop))
    await eventually(lambda: "left 7-0" in app.calls)
    stop.set()
    await within_patience(running)
    assert caplog.messages == ["stopped before the drain was complete; remaining entries stay in the stream"]


async def test_a_stop_ends_the_wait_for_a_pipe() -> None:
    app, stop = FakeApp(), asyncio.Event()
    ours, theirs = os.pipe()
    with os.fdopen(ours, "rb") as source, os.fdopen(theirs, "wb"):
        os.write(theirs, b'{"type": "t", "n": 1}\n')
        running = asyncio.create_task(session(app, Feed(source, "stdin", "events"), drain=True, stop=stop))
        await eventually(lambda: app.calls == ["publish 1"])
        stop.set()
        await within_patience(running)
    assert app.calls == ["publish 1"]


async def test_a_broken_feed_ends_it_with_the_place(tmp_path: Path) -> None:
    app = FakeApp()
    (tmp_path / "feed").write_text('{"type": "t", "n": 1}\n{\n')
    with (tmp_path / "feed").open("rb") as source, pytest.raises(FeedError, match=r"^feed:2: "):
        await session(app, Feed(source, "feed", "events"), drain=True)
    assert app.calls == ["publish 1"]
