"""Shadows: their filter and transform run on live messages, and change nothing."""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from consuming import STREAM
from messages import message_of
from streamroute.compiler.api import compile_routes
from streamroute.core.observer import Result
from streamroute.core.tracing import finished
from streamroute.message import Message
from streamroute.stream_pipeline import Pipeline
from streamroute.values import DeadLetter
from trial_pipelines import HEAD, NOTE, OLD, Noted, pipeline_of

SHADOW = f"- {{name: shade, type: [t, u], shadow: true, handler: '{NOTE}', with: {{as_: shade}}, MORE}}\n"
MATCHED, NOT_MATCHED = Result.SHADOW_MATCHED, Result.SHADOW_NOT_MATCHED


class Counted:
    """An observer that counts results by route, and a pipeline with a shadow that it observes."""

    def __init__(self, folder: Path, more: str = "", head: str = HEAD) -> None:
        self.results: Counter[tuple[str | None, Result]] = Counter()
        self.noted = Noted()
        routes = OLD + SHADOW.replace(", MORE", f", {more}" if more else "")
        self.pipeline: Pipeline = pipeline_of(folder, routes, self.noted, self.observe, head=head)

    def observe(self, _payload: Any, route: str | None, result: Result) -> None:
        self.results[route, result] += 1

    async def process(self, **payload: Any) -> Message:
        facts = payload.pop("facts", {})
        message = message_of({"type": "t", **payload}, **{"outcomes": [], "stream": STREAM, **facts})
        await finished(self.pipeline.process_message(message))
        return message

    def of_shadow(self) -> dict[Result, int]:
        return {result: count for (route, result), count in self.results.items() if route == "shade"}


async def test_a_shadow_is_counted_and_its_handler_never_runs(tmp_path: Path) -> None:
    counted = Counted(tmp_path, "filter: n > `1`")
    for n in range(5):
        await counted.process(n=n)
    assert counted.of_shadow() == {MATCHED: 3, NOT_MATCHED: 2}
    assert [route for route, _, _ in counted.noted.ran] == ["old"] * 5


async def test_a_shadow_that_fails_is_counted_logged_once_and_writes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    counted = Counted(tmp_path, "filter: length(n) > `0`, transform: n")
    with caplog.at_level(logging.WARNING):
        for n in ("x", "y", 1, 2, {"a": 1}):
            message = await counted.process(n=n)
            assert message.delivery.outcomes == []
    assert counted.of_shadow() == {
        Result.SHADOW_FILTER_ERROR: 2,
        Result.SHADOW_TRANSFORM_ERROR: 2,
        MATCHED: 1,
    }
    transform, filtered = caplog.messages
    assert transform == (
        "shadow route shade: the transform returned a string, but a handler receives an object (logged once)"
    )
    assert filtered == (
        "shadow route shade: the filter length(n) > `0` failed: length() takes string or array or object, "
        "not number (logged once)"
    )
    assert len(counted.noted.ran) == 5


async def test_a_shadow_leaves_the_message_as_it_is(tmp_path: Path) -> None:
    counted = Counted(tmp_path, "transform: '{n: sort(list), other: `[1]`}'")
    message = await counted.process(n=1, list=[3, 1, 2])
    assert message == {"type": "t", "n": 1, "list": [3, 1, 2]}
    assert counted.of_shadow() == {MATCHED: 1}


@pytest.mark.parametrize(
    "facts",
    [
        {"attempt": 2, "routes": frozenset({"old"}), "accepted": True},
        {"deliveries": 2},
        {"pending_key": "{bot_events}:notifications:retry"},
    ],
)
async def test_a_message_is_watched_at_its_first_delivery_only(tmp_path: Path, facts: dict[str, Any]) -> None:
    counted = Counted(tmp_path)
    await counted.process(n=1, facts=facts)
    assert counted.of_shadow() == {}
    assert counted.noted.routes(1) == ["old"]


async def test_a_shadow_does_not_list_its_types(tmp_path: Path) -> None:
    """``unknown_type`` applies to a type that only a shadow names; the shadow still watches it."""
    counted = Counted(tmp_path, head=HEAD.replace("{group", "{unknown_type: dead_letter, group"))
    message = await counted.process(type="u", n=1)
    assert [type(outcome) for outcome in message.delivery.outcomes or ()] == [DeadLetter]
    assert counted.of_shadow() == {MATCHED: 1}
    known = counted.pipeline.dispatcher.known_routes()
    assert known.routes == {"old"}
    assert known.types == {"t"}


async def test_a_shadow_watches_valid_messages_only(tmp_path: Path) -> None:
    head = HEAD.replace("{group", "{validate: true, group")
    head = head.replace("routes:\n", "messages: {t: {schema: {properties: {n: {type: integer}}}}}\nroutes:\n")
    counted = Counted(tmp_path, head=head)
    for n in (1, "x"):
        await counted.process(n=n)
    assert counted.of_shadow() == {MATCHED: 1}


async def test_other_types_and_strange_types_pass(tmp_path: Path) -> None:
    counted = Counted(tmp_path)
    strange: list[Any] = ["v", None, [], {}]
    for message_type in strange:
        await counted.process(type=message_type)
    assert counted.of_shadow() == {}


async def test_without_a_shadow_there_is_no_call_in_between(tmp_path: Path) -> None:
    pipeline = pipeline_of(tmp_path, OLD, Noted())
    assert pipeline.process_message == pipeline.dispatcher.start_message
    disabled = pipeline_of(tmp_path, OLD + SHADOW.replace("MORE", "enabled: false"), Noted())
    assert disabled.process_message == disabled.dispatcher.start_message


def test_compiled_routers_have_no_shadows(tmp_path: Path) -> None:
    (tmp_path / "routes.yaml").write_text(HEAD + OLD + SHADOW.replace(", MORE", ""))
    (router,) = compile_routes(tmp_path)[STREAM]
    assert [handler.__name__ for entries in router.handlers.values() for handler, _ in entries] == ["old"]
