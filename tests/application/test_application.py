"""An application: what a program can ask of a configuration that it runs."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading
import weakref
from typing import TYPE_CHECKING, Any

import prometheus_client
import pytest

import streamroute
from consuming import eventually, within_patience
from reloads import Reloadable, reloadable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from redis.asyncio import Redis

    from streamroute.core.observer import Result

ROUTES = """
container: held.build
streams: {events: {group: tests, grace: 5s, retry: {max_attempts: 1}}}
routes:
  - {name: a, stream: events, type: t, handler: held.note, with: {by: a}}
  - {name: gated, stream: events, type: g, handler: held.note, with: {by: gated, gate: one}}
"""
B = ROUTES.replace("by: a}", "by: b}")
BAD = ROUTES.replace("held.note", "held.nothing")


@pytest.fixture
def config(tmp_path: Path, redis_url: str) -> Iterator[Reloadable]:
    """A folder with the configuration above."""
    for made in reloadable(tmp_path, redis_url):
        made.write(ROUTES)
        yield made


async def pending(client: Redis) -> int:
    """Return how many entries are pending."""
    summary: Any = await client.xpending("events", "tests")
    return int(summary["pending"])


async def test_run_ends_at_stop_and_drains(config: Reloadable, redis_client: Redis) -> None:
    async with streamroute.open(config.folder) as app:
        running = asyncio.create_task(app.run())
        await app.publish("events", "g", {"n": 1})
        await eventually(lambda: config.has_started(1))
        stopping = asyncio.create_task(app.stop())
        await eventually(lambda: not app.is_running)
        config.open_gate("one")
        await within_patience(asyncio.gather(running, stopping))
        await app.publish("events", "t", {"n": 2})
        assert config.ended() == {1: ("gated", 1)}
        assert await pending(redis_client) == 0
        with pytest.raises(streamroute.SetupError, match="open the configuration again"):
            await app.run()


async def test_a_cancelled_run_drains_first(config: Reloadable, redis_client: Redis) -> None:
    async with streamroute.open(config.folder) as app:
        running = asyncio.create_task(app.run())
        await app.publish("events", "g", {"n": 1})
        await eventually(lambda: config.has_started(1))
        running.cancel()
        await eventually(lambda: not app.is_running)
        config.open_gate("one")
        with pytest.raises(asyncio.CancelledError):
            await within_patience(running)
        assert config.has_ended(1)
    assert await pending(redis_client) == 0


async def test_a_program_that_is_cancelled_leaves_the_block_drained(
    config: Reloadable, redis_client: Redis
) -> None:
    async def program() -> None:
        async with streamroute.open(config.folder) as app:
            await app.start()
            await app.publish("events", "g", {"n": 1})
            await asyncio.Event().wait()

    task = asyncio.create_task(program())
    await eventually(lambda: "held" in __import__("sys").modules and config.has_started(1))
    task.cancel()
    config.open_gate("one")
    with pytest.raises(asyncio.CancelledError):
        await within_patience(task)
    assert (config.has_ended(1), config.handlers.closed) == (True, [1])
    assert await pending(redis_client) == 0


async def test_sigterm_stops_a_run_that_listens_and_the_old_handler_returns(config: Reloadable) -> None:
    before = signal.getsignal(signal.SIGTERM)
    async with streamroute.open(config.folder) as app:
        running = asyncio.create_task(app.run(signals=True))
        await eventually(lambda: app.is_running)
        os.kill(os.getpid(), signal.SIGTERM)
        await within_patience(running)
    assert signal.getsignal(signal.SIGTERM) is before


async def test_signals_are_left_alone_otherwise(config: Reloadable) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    async with streamroute.open(config.folder) as app:
        await app.start()
        assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before


async def test_drain_waits_for_what_is_in_the_streams(config: Reloadable) -> None:
    async with streamroute.open(config.folder) as app:
        for n in range(50):
            await app.publish("events", "t", {"n": n})
        await app.start()
        await within_patience(app.drain())
        assert len(config.ended()) == 50


async def test_a_drain_ends_when_the_application_stops(config: Reloadable) -> None:
    async with streamroute.open(config.folder) as app:
        with pytest.raises(streamroute.SetupError, match="does not run"):
            await app.drain()
        await app.start()
        await app.publish("events", "g", {"n": 1})
        draining = asyncio.create_task(app.drain())
        await eventually(lambda: config.has_started(1))
        stopping = asyncio.create_task(app.stop())
        with pytest.raises(streamroute.SetupError, match="stopped before the drain was complete"):
            await within_patience(draining)
        config.open_gate("one")
        await within_patience(stopping)


async def test_a_reload_replaces_the_configuration(config: Reloadable) -> None:
    async with streamroute.open(config.folder) as app:
        await app.start()
        await app.publish("events", "g", {"n": 1})
        await eventually(lambda: config.has_started(1))
        before = app.generation
        config.write(B)
        result = await app.reload()
        assert (result.outcome, result.before, result.generation) == ("applied", before, app.generation)
        await app.publish("events", "t", {"n": 2})
        await eventually(lambda: config.has_ended(2))
        config.open_gate("one")
        await eventually(lambda: config.handlers.closed == [1])
    assert config.ended() == {1: ("gated", 1), 2: ("b", 2)}


async def test_a_configuration_with_errors_replaces_nothing(config: Reloadable) -> None:
    async with streamroute.open(config.folder) as app:
        await app.start()
        before = app.generation
        config.write(BAD)
        result = await app.reload()
        assert (result.outcome, result.is_ok, app.generation) == ("refused", False, before)
        assert 'has no attribute "nothing"' in result.findings
        assert result.message.endswith("2 errors")
        assert app.health().ok
        await app.publish("events", "t", {"n": 1})
        await eventually(lambda: config.has_ended(1))


async def test_a_reload_of_another_path_is_that_of_later_ones(config: Reloadable) -> None:
    other = config.folder / "other.yaml"
    other.write_text((config.folder / "routes.yaml").read_text().replace("by: a}", "by: other}"))
    async with streamroute.open(config.folder) as app:
        await app.start()
        assert not (await app.reload(config.folder / "absent.yaml")).is_ok
        assert (await app.reload()).outcome == "unchanged"
        assert (await app.reload(other)).outcome == "applied"
        assert (await app.reload()).outcome == "unchanged"
        await app.publish("events", "t", {"n": 1})
        await eventually(lambda: config.has_ended(1))
    assert config.ended() == {1: ("other", 2)}


async def test_a_reload_keeps_the_container_of_the_program(config: Reloadable) -> None:
    async with streamroute.open(config.folder, container={"of": 7}) as app:
        await app.start()
        config.write(B)
        assert (await app.reload()).outcome == "applied"
        await app.publish("events", "t", {"n": 1})
        await eventually(lambda: config.has_ended(1))
    assert (config.ended(), config.handlers.opened) == ({1: ("b", 7)}, [])


async def test_a_changed_file_is_followed_if_asked(config: Reloadable) -> None:
    async with streamroute.open(config.folder, reload=True) as app:
        await app.start()
        before = app.generation
        config.write(B)
        await eventually(lambda: app.generation != before)
        config.write(BAD)
        await app.publish("events", "t", {"n": 1})
        await eventually(lambda: config.has_ended(1))
    assert config.ended() == {1: ("b", 2)}


async def test_only_what_runs_is_reloaded(config: Reloadable) -> None:
    async with streamroute.open(config.folder) as app:
        with pytest.raises(streamroute.SetupError, match="only one that runs"):
            await app.reload()
        await app.start()
        await app.stop()
        with pytest.raises(streamroute.SetupError, match="only one that runs"):
            await app.reload()


async def test_health_says_whether_it_runs(config: Reloadable) -> None:
    async with streamroute.open(config.folder) as app:
        assert app.health().problems == ("the application does not run",)
        await app.start()
        assert (app.health().ok, app.health().problems) == (True, ())
    assert not app.health().ok


async def test_a_stuck_handler_ends_the_run(config: Reloadable) -> None:
    async with streamroute.open(config.folder) as app:
        running = asyncio.create_task(app.run())
        await eventually(lambda: app.is_running)
        app._stuck.add("events")
        with pytest.raises(streamroute.StuckHandlerError, match="a handler of events is stuck"):
            await within_patience(running)
        assert not app.health().ok


@pytest.mark.processes  # a handler counts as stuck after ten seconds
async def test_a_handler_that_ignores_its_cancellation_ends_the_run_if_configured(config: Reloadable) -> None:
    config.write(
        """
streams: {events: {group: tests, grace: 10ms, on_stuck: exit}}
routes:
  - {name: a, stream: events, type: t, handler: stuck.stubborn, timeout: 10ms, retry: {max_attempts: 1}}
"""
    )
    (config.folder / "stuck.py").write_text(
        "import asyncio\n\nrelease = asyncio.Event()\n\n"
        "async def stubborn(payload):\n"
        "    while not release.is_set():\n"
        "        try:\n            await release.wait()\n"
        "        except asyncio.CancelledError:\n            pass\n"
    )
    async with streamroute.open(config.folder) as app:
        running = asyncio.create_task(app.run())
        await eventually(lambda: app.is_running)
        await app.publish("events", "t", {"n": 1})
        with pytest.raises(streamroute.StuckHandlerError, match="a handler of events is stuck"):
            await within_patience(running)
        assert app.health().problems == ("stopped, since a handler of events is stuck (on_stuck: exit)",)
        import stuck  # type: ignore[import-not-found]  # written above

        stuck.release.set()


async def test_an_observer_is_called_and_may_fail(
    config: Reloadable, redis_client: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    seen = []

    def observe(payload: Mapping[str, Any], route: str | None, result: Result) -> None:
        seen.append((payload["n"], route, str(result)))
        raise SystemExit("of the program")

    async with streamroute.open(config.folder, observer=observe) as app:
        await app.start()
        for n in (1, 2):
            await app.publish("events", "t", {"n": n})
        await app.drain()
    assert seen == [(1, "a", "succeeded"), (2, "a", "succeeded")]
    assert caplog.text.count("the observer failed") == 1
    assert await redis_client.xlen("{events}:tests:dead") == 0


async def test_the_metrics_of_an_application(config: Reloadable) -> None:
    registry = prometheus_client.CollectorRegistry()
    async with streamroute.open(config.folder) as app:
        registry.register(app.metrics_collector())
        await app.start()
        await app.publish("events", "t", {"n": 1})
        await app.drain()
        labels = {"stream": "events", "route": "a", "result": "succeeded"}
        assert registry.get_sample_value("streamroute_messages_total", labels) == 1
        await eventually(
            lambda: registry.get_sample_value("streamroute_entries_pending", {"stream": "events"}) == 0
        )
    assert registry.get_sample_value("streamroute_messages_total", labels) == 1


async def test_a_handler_may_stop_the_application_and_cannot_wait_for_itself(
    config: Reloadable, redis_client: Redis
) -> None:
    (config.folder / "stopping.py").write_text(
        "errors = []\n\nasync def stop(payload, container):\n"
        "    try:\n        await container['app'].drain()\n"
        "    except Exception as error:\n        errors.append(str(error))\n"
        "    await container['app'].stop()\n"
    )
    config.write(ROUTES.replace("held.note, with: {by: a}", "stopping.stop"))
    container: dict[str, Any] = {}
    async with streamroute.open(config.folder, container=container) as app:
        container["app"] = app
        await app.publish("events", "t", {"n": 1})
        await within_patience(app.run())
    import stopping  # type: ignore[import-not-found]  # written above

    assert stopping.errors == ["a handler cannot wait for the drain, which waits for the handler"]
    assert await pending(redis_client) == 0


async def test_reloads_of_different_paths_take_turns(config: Reloadable) -> None:
    names = ("b", "bad", "c")
    text = (config.folder / "routes.yaml").read_text()
    for name in names:
        other = text.replace("by: a}", f"by: {name}}}")
        bad = other.replace("held.note", "held.nothing")
        (config.folder / f"{name}.yaml").write_text(bad if name == "bad" else other)
    async with streamroute.open(config.folder) as app:
        await app.start()
        results = await asyncio.gather(*(app.reload(config.folder / f"{name}.yaml") for name in names))
        assert [result.outcome for result in results] == ["applied", "refused", "applied"]
        await app.publish("events", "t", {"n": 1})
        await eventually(lambda: config.has_ended(1))
    assert config.ended()[1][0] == "c"


async def test_a_reload_that_nobody_waits_for_goes_on(config: Reloadable) -> None:
    async with streamroute.open(config.folder) as app:
        await app.start()
        before = app.generation
        config.write(B)
        reloading = asyncio.create_task(app.reload())
        await asyncio.sleep(0)
        reloading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reloading
        await eventually(lambda: app.generation != before)


async def test_nothing_is_published_after_the_end(config: Reloadable) -> None:
    async with streamroute.open(config.folder) as app:
        pass
    with pytest.raises(streamroute.SetupError, match="the application is closed"):
        await app.publish("events", "t", {"n": 1})


@pytest.mark.parametrize("fast", [False, True], ids=["asyncio", "uvloop"])
def test_it_runs_in_any_thread_and_loop(config: Reloadable, fast: bool) -> None:
    factory = (
        pytest.importorskip("uvloop", reason="uvloop is not installed: the extra fast").new_event_loop
        if fast
        else asyncio.new_event_loop
    )
    refusals = []

    async def program() -> None:
        async with streamroute.open(config.folder) as app:
            try:
                await app.run(signals=True)
            except streamroute.SetupError as error:
                refusals.append(str(error))
            await app.publish("events", "t", {"n": 1})
            await app.start()
            await app.drain()

    def run() -> None:
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(program())

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert config.ended() == {1: ("a", 1)}
    assert refusals == ["signals can stop an application in the main thread only"]


async def test_a_configuration_that_was_replaced_is_freed(config: Reloadable) -> None:
    async with streamroute.open(config.folder) as app:
        await app.start()
        await app.publish("events", "t", {"n": 1})
        await eventually(lambda: config.has_ended(1))
        before = weakref.ref(app._app.services["events"].pipelines.current.dispatcher)
        config.write(B)
        await app.reload()

        def is_freed() -> bool:
            gc.collect()
            return before() is None

        await eventually(is_freed)
