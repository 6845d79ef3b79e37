"""The whole language on a real server: patterns, validation, transforms, codecs, built-in handlers."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from streamroute.adapters.entries.dead_record import DeadRecord
from streamroute.adapters.redis.connection import open_redis
from streamroute.app import App, open_app
from streamroute.compiler.pipeline import check_path
from streamroute.compiler.resolve.importer import isolated_imports
from streamroute.config.findings.finding import has_errors
from streamroute.ops.serve.drain import wait_until_done

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from redis.asyncio import Redis

ROUTES = """
version: 1
redis: {url: "${REDIS_URL}"}
streams:
  bookings: {validate: true, retry: {max_attempts: 2, delay: 50ms}}
  events: {codec: cloudevents, validate: true}
messages:
  booking.confirmed: {schema: booking.json}
  booking.cancelled: {schema: {required: [why]}}
  order.paid:
    schema: {type: object, required: [n], additionalProperties: false, properties: {n: {type: integer}}}
routes:
  - {name: all, stream: bookings, type: booking.*, handler: language.note}
  - {name: vip, stream: bookings, type: booking.confirmed, filter: nights > `2`, transform: "{n: nights}",
     handler: language.note}
  - {name: broken, stream: bookings, type: booking.cancelled, transform: why, handler: language.note}
  - {name: on, stream: bookings, type: booking.confirmed, handler: streamroute.handlers.forward,
     with: {stream: copy}}
  - {name: made, stream: bookings, type: booking.confirmed,
     transform: "{type: 'small', source: '/', n: nights}",
     handler: streamroute.handlers.forward, with: {stream: events}}
  - {name: paid, stream: events, type: ['order.*', small], handler: language.note}
"""

HANDLERS = """
GOT = []

async def note(payload):
    GOT.append((payload.stream, *sorted(payload), payload.get("n")))
"""

EVENT = '{"specversion": "1.0", "id": "1", "source": "/", "type": "order.paid", "data": {"n": 1}}'
SCHEMA = '{"type": "object", "required": ["nights"], "properties": {"nights": {"type": "integer"}}}'


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    for name, text in (("routes.yaml", ROUTES), ("language.py", HANDLERS), ("booking.json", SCHEMA)):
        (tmp_path / name).write_text(text)
    with isolated_imports(tmp_path):
        yield tmp_path


@asynccontextmanager
async def started(folder: Path, url: str) -> AsyncIterator[App]:
    result = check_path(folder, env={"REDIS_URL": url})
    assert not has_errors(result.findings), result.findings
    assert result.document is not None
    assert result.compiled is not None
    async with (
        open_redis(url, folder=folder) as redis,
        open_app(redis, result.document, result.compiled) as app,
    ):
        await app.start()
        yield app


async def drained(app: App) -> None:
    """Wait until every stream is done, those that are forwarded to last."""
    for stream in app.services:
        mark = await app.publisher(stream).last_id()
        await wait_until_done({stream: app.backlog(stream)}, {stream: mark})


async def dead(client: Any, stream: str) -> list[DeadRecord]:
    key = f"{{{stream}}}:streamroute:dead"
    return [DeadRecord.read(fields) for _, fields in await client.xrange(key)]


def got() -> list[Any]:
    from language import GOT  # type: ignore[import-not-found]  # the fixture has just written it

    return sorted(map(str, GOT))


async def test_events_take_their_routes_in_the_form_that_each_wants(
    folder: Path, redis_url: str, redis_client: Redis
) -> None:
    client: Any = redis_client
    raw = {"type": "booking.confirmed", "data": '{"nights":  3}', "trace": "\u00e9"}
    async with started(folder, redis_url) as app:
        await client.xadd("bookings", raw)
        await drained(app)
    assert got() == [
        "('bookings', 'n', 3)",
        "('bookings', 'nights', 'trace', 'type', None)",
        "('events', 'datacontenttype', 'id', 'n', 'source', 'specversion', 'type', 3)",
    ]
    [(_, copied)] = await client.xrange("copy")
    assert copied == {name.encode(): value.encode() for name, value in raw.items()}


@pytest.mark.parametrize(
    ("stream", "fields", "reason"),
    [
        (
            "bookings",
            {"type": "booking.confirmed", "data": '{"nights": "s3cret"}'},
            "the data is invalid: nights must be a whole number, not a string",
        ),
        (
            "bookings",
            {"type": "booking.cancelled", "data": "{}", "why": "beside the data"},
            'the data is invalid: the data lacks "why"',
        ),
        (
            "events",
            {"cloudevent": EVENT.replace("1}", '"1"}')},
            "the data is invalid: n must be a whole number, not a string",
        ),
        ("events", {"type": "order.paid", "data": "{}"}, "the entry is not a CloudEvent: it has neither"),
    ],
)
async def test_an_invalid_message_is_one_dead_letter_and_runs_no_handler(
    folder: Path, redis_url: str, redis_client: Redis, stream: str, fields: dict[str, str], reason: str
) -> None:
    async with started(folder, redis_url) as app:
        await redis_client.xadd(stream, fields)  # type: ignore[arg-type]  # redis-py's dict is invariant
        await drained(app)
    [letter] = await dead(redis_client, stream)
    assert letter.route is None
    assert letter.reason.startswith(reason)
    assert letter.fields == {name.encode(): value.encode() for name, value in fields.items()}
    assert got() == []


async def test_a_valid_cloudevent_is_handled_in_both_forms(
    folder: Path, redis_url: str, redis_client: Redis
) -> None:
    client: Any = redis_client
    binary = {"ce-specversion": "1.0", "ce-id": "2", "ce-source": "/", "ce-type": "order.paid"}
    async with started(folder, redis_url) as app:
        await client.xadd("events", {"cloudevent": EVENT})
        await client.xadd("events", {**binary, "data": '{"n": 2}'})
        await drained(app)
    assert got() == [f"('events', 'id', 'n', 'source', 'specversion', 'type', {n})" for n in (1, 2)]
    assert await dead(redis_client, "events") == []


async def test_a_transform_that_fails_is_that_route_s_dead_letter_at_once(
    folder: Path, redis_url: str, redis_client: Redis
) -> None:
    client: Any = redis_client
    async with started(folder, redis_url) as app:
        await client.xadd("bookings", {"type": "booking.cancelled", "data": '{"why": "rain"}'})
        await drained(app)
    [letter] = await dead(redis_client, "bookings")
    assert (letter.route, letter.attempt) == ("broken", 1)
    assert letter.reason == "the transform returned a string, but a handler receives an object"
    assert got() == ["('bookings', 'type', 'why', None)"]


async def test_a_message_that_cannot_be_forwarded_is_not_acknowledged_as_if_it_were(
    folder: Path, redis_url: str, redis_client: Redis
) -> None:
    client: Any = redis_client
    await client.set("copy", "not a stream")
    async with started(folder, redis_url) as app:
        await client.xadd("bookings", {"type": "booking.confirmed", "data": '{"nights": 1}'})
        await drained(app)
    [letter] = await dead(redis_client, "bookings")
    assert (letter.route, letter.attempt) == ("on", 2)
    assert "WRONGTYPE" in letter.error
