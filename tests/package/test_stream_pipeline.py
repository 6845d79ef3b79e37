"""A pipeline is what one configuration contributes to one stream, and does not change."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest

from messages import message_of
from streamroute.compiler.checked_route import RuntimeContext
from streamroute.compiler.pipeline import check_path
from streamroute.core.observer import ignore_result
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
    file = folder / "routes.yaml"
    file.write_text(ROUTES.replace("VALIDATE", str(validate).lower()).replace("HANDLER", f"{__name__}:note"))
    found = check_path(file)
    assert found.compiled is not None, found.findings
    routers = found.compiled.routers_in(RuntimeContext({}, validated=True))["events"]
    stream = found.compiled.document.streams["events"]
    return build_pipeline(stream, found.compiled, routers, container, ignore_result)


async def test_it_handles_with_the_routes_and_the_container_of_its_configuration(tmp_path: Path) -> None:
    noted: list[int] = []
    pipeline = pipeline_of(tmp_path, noted, validate=False)
    await pipeline.process_message(message_of({"type": "booked", "n": 7}, outcomes=[]))
    assert noted == [7]
    assert pipeline.codec == "json"
    assert pipeline.process_message == pipeline.dispatcher.process_message, "no call in between"
    assert pipeline.generation == pipeline.document.generation != ""
    with pytest.raises(FrozenInstanceError):
        pipeline.container = None  # type: ignore[misc]  # that it cannot be set is the point


async def test_it_validates_with_the_checks_of_its_configuration(tmp_path: Path) -> None:
    noted: list[int] = []
    pipeline = pipeline_of(tmp_path, noted, validate=True)
    for n in (1, "x"):
        message = message_of({"type": "booked", "n": n}, outcomes=[])
        await pipeline.process_message(message)
    assert noted == [1]
    assert message.delivery.outcomes == [
        DeadLetter(None, "the data is invalid: n must be a whole number, not a string")
    ]
