"""Stopping: a canary whose messages fail too often is switched off, once, and loudly."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from messages import message_of
from streamroute.compiler.trials.canaries import Canary
from streamroute.compiler.trials.stopping import CanaryWatch, watch_canaries
from streamroute.config.document import CanaryConfig, StopAt
from streamroute.core.observer import Result, ignore_result
from streamroute.core.tracing import finished
from streamroute.incidents import LOG_ONLY, Incident, Incidents
from trial_pipelines import Noted, pipeline_of, reject, retry, routes_of

OK, RETRIED, DEAD = Result.SUCCEEDED, Result.RETRIED, Result.DEAD


def watched(
    dead: float | None = None, retry: float | None = None, of: int = 200, incidents: Incidents = LOG_ONLY
) -> tuple[Canary, CanaryWatch]:
    stop_at = StopAt(dead, retry, of)
    canary = Canary("new", "old", CanaryConfig(5, "id", stop_at))
    return canary, CanaryWatch(canary, stop_at, "bot_events", incidents)


def stops_after(watch: tuple[Canary, CanaryWatch], *results: tuple[Result, int]) -> int | None:
    """Return the number of results after which the canary is stopped."""
    canary, counter = watch
    for number, (result, attempt) in enumerate(results, 1):
        counter.record(result, attempt)
        if canary.is_stopped:
            return number
    return None


def test_more_dead_letters_than_the_share_of_the_recent_messages_stop_it() -> None:
    assert stops_after(watched(dead=1), *[(DEAD, 1)] * 3) == 3
    assert stops_after(watched(dead=1), *[(DEAD, 1)] * 2, *[(OK, 1)] * 500) is None
    assert stops_after(watched(dead=0), (OK, 1), (DEAD, 1)) == 2
    assert stops_after(watched(dead=0.5, of=10), (DEAD, 1)) == 1


def test_a_limit_is_exact_for_any_fraction() -> None:
    """57 of 10,000 are 0.57%, which is not more, although the product of the floats is a little less."""
    assert stops_after(watched(dead=0.57, of=10_000), *[(DEAD, 1)] * 100) == 58


def test_only_recent_messages_count() -> None:
    spread = ([(DEAD, 1)] + [(OK, 1)] * 99) * 5
    assert stops_after(watched(dead=1), *spread) is None
    assert stops_after(watched(dead=1, of=300), *spread, *[(DEAD, 1)] * 9) == 502


def test_retries_count_once_a_message_and_dead_letters_at_any_attempt() -> None:
    many_attempts = [(RETRIED, attempt) for attempt in range(1, 20)]
    assert stops_after(watched(retry=1), *many_attempts) is None
    assert stops_after(watched(retry=1), *[(RETRIED, 1)] * 3) == 3
    assert stops_after(watched(dead=1), *[(DEAD, 5)] * 3) == 3
    assert stops_after(watched(retry=1), *[(Result.FAILED, 1)] * 3) == 3
    assert stops_after(watched(dead=1), *[(RETRIED, 1)] * 100) is None
    assert stops_after(watched(retry=1), *[(DEAD, 1)] * 100) is None


@pytest.mark.parametrize("result", [Result.POSTPONED, Result.SKIPPED, Result.FILTERED, Result.LOST])
def test_other_results_do_not_count(result: Result) -> None:
    assert stops_after(watched(dead=0, retry=0), *[(result, 1)] * 300, (DEAD, 1)) == 301


def test_a_stop_is_reported_once_with_its_numbers(caplog: pytest.LogCaptureFixture) -> None:
    reported: list[Any] = []
    incidents = Incidents(lambda *event: reported.append(event))
    with caplog.at_level(logging.ERROR):
        assert stops_after(watched(1, 5, 200, incidents), (OK, 1), *[(DEAD, 3)] * 9) == 4
    assert reported == [("bot_events", Incident.CANARY_STOPPED, 1)]
    (line,) = caplog.messages
    assert line == (
        "canary new is switched off until the next generation of the configuration: 3 of its last 4 messages "
        "on bot_events were dead-lettered (stop_at: {dead: 1%, of: 200}); old takes them all"
    )


def test_the_observer_of_the_app_is_called_first() -> None:
    seen: list[Any] = []
    canary, _ = watched(dead=0)
    observe = watch_canaries(
        lambda *event: seen.append((event[1:], canary.is_stopped)), [canary], "s", LOG_ONLY
    )
    for route, result in (("old", DEAD), (None, DEAD), ("new", OK), ("new", DEAD), ("new", OK)):
        observe(message_of({}), route, result)
    assert [event for event, _ in seen][-1] == ("new", OK)
    assert [is_stopped for _, is_stopped in seen] == [False] * 4 + [True]


def test_without_stop_at_the_observer_stays_as_it_is() -> None:
    canary = Canary("new", "old", CanaryConfig(5, "id", None))
    assert watch_canaries(ignore_result, [canary], "s", LOG_ONLY) is ignore_result


STOPPING = "key: guest.id, stop_at: {dead: 10%, retry: 10%, of: 20}"


@pytest.mark.parametrize(("then", "what"), [(reject, "dead-lettered"), (retry, "retried")])
async def test_the_other_route_takes_all_messages_after_the_stop(
    tmp_path: Path, then: Any, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    noted = Noted(lambda route, payload: then(route, payload) if route == "new" else None)
    routes = routes_of(100).replace("key: guest.id", STOPPING)
    pipeline = pipeline_of(tmp_path, routes, noted)
    for guest in range(10):
        await finished(
            pipeline.process_message(
                message_of({"type": "t", "n": guest, "guest": {"id": guest}}, outcomes=[])
            )
        )
    assert [route for route, _, _ in noted.ran] == ["new"] * 3 + ["old"] * 7
    assert sum(f"messages on bot_events were {what}" in line for line in caplog.messages) == 1
