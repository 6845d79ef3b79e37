"""Routes that a reload drops although messages wait for them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from servers import free_port
from streamroute.adapters.entries.dead_record import DeadRecord
from streamroute.adapters.entries.retry_record import RetryRecord
from streamroute.adapters.redis.connection import new_client
from streamroute.adapters.stream.publishers import connection_of
from streamroute.config.load import load_config
from streamroute.keys import GroupKeys
from streamroute.message import Message
from streamroute.ops.reload.dropped_routes import dropped_routes, report_waiting
from streamroute.values import DeadLetter

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from streamroute.config.document import Document

HEAD = "version: 1\nredis: {url: embedded}\nstreams: {a: {group: g}, b: {group: g}}\nroutes:\n"
BOTH = "stream: [a, b], type: t, handler: jobs.x"


def configured(tmp_path: Path, *routes: str) -> Document:
    path = tmp_path / "routes.yaml"
    path.write_text(HEAD + "".join(f"  - {{{route}}}\n" for route in routes), encoding="utf-8")
    document = load_config(path).document
    assert document is not None
    return document


@pytest.mark.parametrize(
    ("route", "dropped"),
    [
        (f"name: one, {BOTH}", {}),
        ("name: one, stream: b, type: t, handler: jobs.x", {"a": {"one"}}),
        (f"name: two, {BOTH}", {"a": {"one"}, "b": {"one"}}),
        (f"name: two, formerly: one, {BOTH}", {}),
        (f"name: one, enabled: false, {BOTH}", {"a": {"one"}, "b": {"one"}}),
        (f"name: one, shadow: true, {BOTH}", {"a": {"one"}, "b": {"one"}}),
    ],
)
def test_a_route_is_dropped_from_each_stream_that_runs_neither_it_nor_a_route_with_its_former_name(
    tmp_path: Path, route: str, dropped: dict[str, set[str]]
) -> None:
    old = configured(tmp_path, f"name: one, {BOTH}")
    assert dropped_routes(old, configured(tmp_path, route)) == dropped


def test_a_former_name_is_dropped_with_its_last_mention(tmp_path: Path) -> None:
    old = configured(tmp_path, f"name: two, formerly: one, {BOTH}")
    assert dropped_routes(old, configured(tmp_path, f"name: two, {BOTH}")) == {"a": {"one"}, "b": {"one"}}


async def test_what_waits_for_a_dropped_route_is_reported_with_the_remedy(
    tmp_path: Path, redis_client: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    client: Any = redis_client
    old = configured(tmp_path, f"name: one, {BOTH}", f"name: kept, {BOTH}")
    new = configured(tmp_path, f"name: kept, {BOTH}")
    keys = GroupKeys.of("a", "g")
    for name in ("one", "kept"):
        record = RetryRecord("1-0", frozenset({name}), 2, {})
        await client.zadd(keys.due, {record.name: 1})
        letter = DeadLetter(name, "no")
        for _ in range(2):
            fields = DeadRecord.of(Message({}, id="1-0", stream="a", group="g"), letter).write()
            await client.xadd(keys.dead, fields)
    await report_waiting(connection_of(client), old, new)
    [message] = caplog.messages
    assert message == (
        'the reload drops the route "one" of "a", for which 1 retry and 2 dead letters wait; to run them: '
        '"formerly: one" in another route, or for dead letters: streamroute dead retry --route one --to ROUTE'
    )


async def test_nothing_is_read_if_no_route_is_dropped(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    document = configured(tmp_path, f"name: one, {BOTH}")
    async with new_client(f"redis://127.0.0.1:{free_port()}") as client:
        await report_waiting(connection_of(client), document, document)
    assert caplog.messages == []


async def test_a_server_that_is_away_is_one_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    old, new = configured(tmp_path, f"name: one, {BOTH}"), configured(tmp_path, f"name: two, {BOTH}")
    async with new_client(f"redis://127.0.0.1:{free_port()}") as client:
        await report_waiting(connection_of(client), old, new)
        await report_waiting(connection_of(client), old, new, patience=0)
    first, second = caplog.messages
    assert first.startswith("could not count what waits for routes that the reload drops: ")
    assert second.endswith("no answer within 0 s")
