"""A pipeline is what one configuration contributes to one stream, and does not change."""

from __future__ import annotations

import asyncio
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest

from consuming import eventually
from messages import message_of
from streamroute.adapters.codecs.builtin import JsonCodec
from streamroute.adapters.entries.dead_record import DeadRecord
from streamroute.adapters.redis.connection import RedisConnection, open_redis
from streamroute.adapters.stream.publisher import StreamPublisher
from streamroute.compiler.checked_route import RuntimeContext
from streamroute.compiler.pipeline import check_path
from streamroute.core.observer import ignore_result
from streamroute.core.tracing import finished
from streamroute.errors import Reject
from streamroute.services.service import ServiceBuilder
from streamroute.stream_pipeline import Pipeline, build_pipeline
from streamroute.values import DeadLetter

ROUTES = """
streams: {events: {group: g, codec: json, validate: VALIDATE}}
messages: {booked: {schema: {type: object, properties: {n: {type: integer}}}}}
routes: [{name: a, stream: events, type: booked, handler: "HANDLER"}]
"""


async def note(payload: dict[str, Any], container: list[int]) -> None:
    """Note the payload's number in the container."""
    container.append(payload["n"])


def pipeline_of(folder: Path, container: object, *, validate: bool) -> Pipeline:
    text = ROUTES.replace("VALIDATE", str(validate).lower()).replace("HANDLER", f"{__name__}:note")
    return made_pipeline(folder, text, container)


def made_pipeline(folder: Path, text: str, container: object) -> Pipeline:
    """Return the pipeline of the stream ``events`` in this configuration."""
    file = folder / "routes.yaml"
    file.write_text(text)
    found = check_path(file)
    assert found.compiled is not None, found.findings
    routers = found.compiled.routers_in(RuntimeContext({}, validated=True))["events"]
    stream = found.compiled.document.streams["events"]
    return build_pipeline(stream, found.compiled, routers, container, ignore_result)


async def test_a_pipeline_uses_its_own_routes_and_container(tmp_path: Path) -> None:
    noted: list[int] = []
    pipeline = pipeline_of(tmp_path, noted, validate=False)
    await finished(pipeline.process_message(message_of({"type": "booked", "n": 7}, outcomes=[])))
    assert noted == [7]
    assert isinstance(pipeline.codec, JsonCodec)
    assert pipeline.process_message == pipeline.dispatcher.start_message, "no call in between"
    assert pipeline.generation == pipeline.document.generation != ""
    with pytest.raises(FrozenInstanceError):
        pipeline.container = None  # type: ignore[misc]  # that it cannot be set is the point


async def test_a_pipeline_validates_with_its_own_checks(tmp_path: Path) -> None:
    noted: list[int] = []
    pipeline = pipeline_of(tmp_path, noted, validate=True)
    for n in (1, "x"):
        message = message_of({"type": "booked", "n": n}, outcomes=[])
        await finished(pipeline.process_message(message))
    assert noted == [1]
    assert message.delivery.outcomes == [
        DeadLetter(None, "the data is invalid: n must be a whole number, not a string")
    ]


class Container:
    """What the handler of one configuration is given: its handlers wait until it is opened."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()
        self.ran: list[int] = []


async def fail_when_opened(payload: dict[str, Any], container: Container) -> None:
    """Note the payload's number, wait, and fail for good."""
    container.ran.append(payload["n"])
    await container.opened.wait()
    raise Reject("no")


SWITCHED = """
streams: {events: {group: g, codec: json, concurrency: 4, order_by: type, validate: true}}
messages: {t: {schema: {properties: {n: SCHEMA}}}}
routes: [{name: ROUTE, stream: events, type: t, handler: "HANDLER"}]
"""


def switched_pipeline(folder: Path, route: str, schema: str, container: object) -> Pipeline:
    """Return the pipeline of a configuration whose entries run one after the other."""
    text = SWITCHED.replace("ROUTE", route).replace("HANDLER", f"{__name__}:fail_when_opened")
    text = text.replace("SCHEMA", schema)
    return made_pipeline(folder, text, container)


async def test_each_entry_ends_on_the_pipeline_that_decoded_it(tmp_path: Path, redis_url: str) -> None:
    """Entries that are queued under one configuration would be invalid under the other."""
    old, new = Container(), Container()
    first = switched_pipeline(tmp_path, "first", "{maximum: 3}", old)
    second = switched_pipeline(tmp_path, "second", "{minimum: 4}", new)
    async with open_redis(redis_url, folder=tmp_path) as connection:
        service = ServiceBuilder(connection, "me").build(first)
        processor, pipelines = service.processor, service.pipelines
        await processor.start_listening()
        await publish(connection, 1, 2, 3)
        await eventually(lambda: processor.in_flight_of(first) == 3)
        assert pipelines.known_routes().routes == {"first"}
        pipelines.use(second)
        assert pipelines.known_routes().routes == {"second"}
        await publish(connection, 4, 5)
        await eventually(lambda: processor.in_flight_of(second) == 2)
        assert (old.ran, new.ran, processor.in_flight_of(first)) == ([1], [], 3)
        old.opened.set()
        await eventually(lambda: processor.in_flight_of(first) == 0)
        assert processor.in_flight_of(second) == 2
        new.opened.set()
        await eventually(lambda: processor.in_flight_of(second) == 0)
        await processor.stop_listening()
        letters: Any = await connection.client.xrange("{events}:g:dead")
    assert (old.ran, new.ran) == ([1, 2, 3], [4, 5])
    records = [DeadRecord.read(fields) for _, fields in letters]
    assert [(record.route, record.generation) for record in records] == [
        *[("first", first.generation)] * 3,
        *[("second", second.generation)] * 2,
    ]


async def publish(connection: RedisConnection, *numbers: int) -> None:
    """Publish a message of each number."""
    publisher = StreamPublisher(connection, "events", JsonCodec())
    await publisher.publish([publisher.encode({"type": "t", "n": n}) for n in numbers])


def test_messages_that_are_watched_or_validated_are_not_skipped(tmp_path: Path) -> None:
    validated = pipeline_of(tmp_path, [], validate=True).prefilter
    text = ROUTES.replace("VALIDATE", "false").replace("HANDLER", f"{__name__}:note")
    shadow = text.rstrip().removesuffix("]") + (
        f', {{name: b, stream: events, type: [seen, booked], shadow: true, handler: "{__name__}:note"}}]'
    )
    watched = made_pipeline(tmp_path, shadow, []).prefilter
    assert validated is not None
    assert watched is not None
    assert validated._excluded == {"booked"}
    assert watched._excluded == {"booked", "seen"}
