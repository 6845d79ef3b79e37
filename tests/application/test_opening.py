"""``streamroute.open``: a configuration in the user's own process, checked and connected."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any, Literal, cast

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import streamroute
from consuming import eventually
from reloads import Reloadable, reloadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from redis.asyncio import Redis

    from servers import RealServer

ROUTES = """
container: held.build
streams: {events: {group: tests, grace: 2s}}
routes:
  - {name: a, stream: events, type: t, handler: held.note, with: {by: a}}
"""


@pytest.fixture
def config(tmp_path: Path, redis_url: str) -> Iterator[Reloadable]:
    """A folder with the configuration above."""
    for made in reloadable(tmp_path, redis_url):
        made.write(ROUTES)
        yield made


async def test_a_published_event_is_handled(config: Reloadable, redis_client: Redis) -> None:
    async with streamroute.open(config.folder) as app:
        entry_id = await app.publish("events", "t", {"n": 1})
        await app.start()
        await eventually(lambda: config.has_ended(1))
    assert config.ended() == {1: ("a", 1)}
    assert await redis_client.xrange("events", entry_id, entry_id)
    assert (await _pending(redis_client), config.handlers.closed) == (0, [1])


async def test_a_container_of_the_program_is_passed_on_and_not_closed(config: Reloadable) -> None:
    class Container(dict[str, str]):
        def __enter__(self) -> None:
            raise AssertionError("entered")

        __aenter__ = __enter__

        def __exit__(self, *_error: object) -> None:
            raise AssertionError("closed")

        __aexit__ = __exit__

    async with streamroute.open(config.folder, container=Container(of="the program")) as app:
        await app.start()
        await app.publish("events", "t", {"n": 1})
        await eventually(lambda: config.has_ended(1))
    assert [of for *_, of in config.handlers.ran] == ["the program"] * 2
    assert config.handlers.opened == []


async def test_a_client_of_the_program_is_used_and_not_closed(
    config: Reloadable, redis_client: Redis
) -> None:
    config.write(ROUTES)
    path = config.folder / "routes.yaml"
    path.write_text(path.read_text().replace(config.url, "redis://127.0.0.1:1"))
    async with streamroute.open(path, client=redis_client) as app:
        await app.start()
        await app.publish("events", "t", {"n": 1})
        await eventually(lambda: config.has_ended(1))
    assert await redis_client.ping()


async def test_an_address_replaces_the_one_of_the_file(config: Reloadable) -> None:
    path = config.folder / "routes.yaml"
    path.write_text(path.read_text().replace(config.url, "redis://127.0.0.1:1"))
    async with streamroute.open(path, url=config.url) as app:
        await app.start()
        await app.publish("events", "t", {"n": 1})
        await eventually(lambda: config.has_ended(1))


async def test_findings_are_raised(config: Reloadable) -> None:
    config.write(ROUTES.replace("held.note", "held.nota"))
    with pytest.raises(streamroute.ConfigError, match="has no attribute") as raised:
        async with streamroute.open(config.folder):
            pass
    assert [finding.code for finding in raised.value.findings] == ["SR402"]


async def test_a_relative_path_stays_where_it_was(
    config: Reloadable, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.chdir(config.folder)
    async with streamroute.open() as app:
        await app.start()
        monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
        assert (await app.reload()).outcome == "unchanged"
    monkeypatch.chdir(config.folder)
    config.write(ROUTES.replace("held.note", "held.nota"))
    with pytest.raises(streamroute.ConfigError) as raised:
        async with streamroute.open("routes.yaml"):
            pass
    assert str(raised.value).startswith("routes.yaml has 1 error:\n  routes.yaml:7:54: error[SR402]: ")


async def test_a_missing_file_is_a_finding(tmp_path: Path) -> None:
    with pytest.raises(streamroute.ConfigError, match="file not found"):
        async with streamroute.open(tmp_path / "absent.yaml"):
            pass


async def test_without_enabled_routes_there_is_nothing_to_run(config: Reloadable) -> None:
    config.write(ROUTES.replace("with:", "enabled: false, with:"))
    with pytest.raises(streamroute.SetupError, match="no enabled route"):
        async with streamroute.open(config.folder):
            pass


async def test_a_server_that_does_not_answer_is_an_error(config: Reloadable) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"redis://127.0.0.1:{closed.getsockname()[1]}"
        with pytest.raises(streamroute.RedisUnavailableError):
            async with streamroute.open(config.folder, url=url):
                pass
    assert config.handlers.opened == []


async def test_a_client_that_decodes_is_refused(config: Reloadable) -> None:
    from redis.asyncio import Redis

    async with Redis.from_url(config.url, decode_responses=True) as client:
        with pytest.raises(streamroute.SetupError, match="decode_responses"):
            async with streamroute.open(config.folder, client=client):
                pass


async def test_only_an_asyncio_client_is_used(config: Reloadable) -> None:
    from redis import Redis

    with Redis.from_url(config.url) as client, pytest.raises(streamroute.SetupError) as raised:
        async with streamroute.open(config.folder, client=cast("Any", client)):
            pass
    assert str(raised.value) == "the client must be a redis.asyncio.Redis, and this is a redis.client.Redis"


async def test_a_client_and_an_address_exclude_each_other(config: Reloadable, redis_client: Redis) -> None:
    with pytest.raises(streamroute.SetupError, match="pass a client or a url, not both"):
        async with streamroute.open(config.folder, client=redis_client, url=config.url):
            pass


async def test_spans_are_made_if_asked(config: Reloadable, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(streamroute.SetupError, match="and not 'yes'"):
        async with streamroute.open(config.folder, traces=cast("Any", "yes")):
            pass
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr("opentelemetry.trace.get_tracer_provider", lambda: provider)
    modes: list[Literal["link"] | None] = [None, "link"]
    for traces in modes:
        async with streamroute.open(config.folder, traces=traces) as app:
            await app.start()
            await app.publish("events", "t", {"n": 1})
            await app.drain()
    assert [span.name for span in exporter.get_finished_spans()] == ["route a", "process events"]


async def test_a_container_that_is_not_awaited_is_refused(config: Reloadable) -> None:
    with pytest.raises(streamroute.SetupError, match="await it before"):
        async with streamroute.open(config.folder, container=asyncio.Future()):
            pass


async def test_an_observer_that_would_have_to_be_awaited_is_refused(config: Reloadable) -> None:
    async def observe(*_outcome: object) -> None:
        raise AssertionError

    for observer in (observe, "a name"):
        with pytest.raises(streamroute.SetupError, match="an observer is a plain function"):
            async with streamroute.open(config.folder, observer=cast("Any", observer)):
                pass


@pytest.mark.parametrize("url", ["", "nonsense", "http://127.0.0.1", "redis://127.0.0.1:port", "redis://\n"])
async def test_an_address_that_is_none_is_an_error(config: Reloadable, url: str) -> None:
    with pytest.raises(streamroute.SetupError) as raised:
        async with streamroute.open(config.folder, url=url):
            pass
    assert "\n" not in str(raised.value)


async def test_a_container_that_cannot_be_opened_is_an_error(config: Reloadable, redis_client: Redis) -> None:
    (config.folder / "broken.py").write_text("def build():\n    raise SystemExit(3)\n")
    config.write(ROUTES.replace("held.build", "broken.build"))
    with pytest.raises(streamroute.SetupError, match=r"container broken\.build failed: SystemExit"):
        async with streamroute.open(config.folder, client=redis_client):
            pass
    assert await redis_client.ping()


async def test_the_embedded_server_may_be_refused(config: Reloadable) -> None:
    (config.folder / "routes.yaml").write_text(f"version: 1\n{ROUTES}")
    with pytest.raises(streamroute.RedisUnavailableError, match="embedded server is refused"):
        async with streamroute.open(config.folder, embedded=False):
            pass


async def test_the_embedded_server_starts_and_ends(config: Reloadable) -> None:
    (config.folder / "routes.yaml").write_text(f"version: 1\n{ROUTES}")
    async with streamroute.open(config.folder) as app:
        await app.publish("events", "t", {"n": 1})
        await app.start()
        await eventually(lambda: config.has_ended(1))


async def test_two_applications_share_a_client(config: Reloadable, redis_client: Redis) -> None:
    async with streamroute.open(config.folder, client=redis_client) as first:
        await first.start()
        async with streamroute.open(config.folder, client=redis_client) as second:
            await second.start()
            await second.publish("events", "t", {"n": 1})
            await second.drain()
        await first.publish("events", "t", {"n": 2})
        await first.drain()
        assert first.health().ok
    assert sorted(config.ended()) == [1, 2]
    assert await _pending(redis_client) == 0


async def test_an_error_of_the_program_stops_the_application(config: Reloadable) -> None:
    apps = []

    async def program() -> None:
        async with streamroute.open(config.folder) as app:
            apps.append(app)
            await app.start()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await program()
    assert not apps[0].is_running
    assert config.handlers.closed == [1]


async def test_two_applications_share_a_process(config: Reloadable, redis_client: Redis) -> None:
    """The first one to end leaves the other its threads."""
    blocking = "import time\n\ndef sync(payload):\n    ran.append(payload['n'])\n\nran = []\n"
    (config.folder / "threads.py").write_text(blocking)
    config.write(ROUTES.replace("held.note, with: {by: a}", "threads.sync"))
    async with streamroute.open(config.folder) as first:
        await first.start()
        async with streamroute.open(config.folder) as second:
            await second.start()
            for n in range(20):
                await second.publish("events", "t", {"n": n})
            await second.drain()
        await first.publish("events", "t", {"n": 20})
        await first.drain()
        assert await asyncio.to_thread(int, "7") == 7
    import threads  # type: ignore[import-not-found]  # written above

    assert sorted(threads.ran) == [*range(21)]
    assert await _pending(redis_client) == 0


async def _pending(client: Redis) -> int:
    summary: Any = await client.xpending("events", "tests")
    return int(summary["pending"])


async def test_an_application_outlives_its_server(
    config: Reloadable, start_server: Callable[..., RealServer]
) -> None:
    server = start_server(append_only=True)
    async with streamroute.open(config.folder, url=server.url) as app:
        await app.start()
        await app.publish("events", "t", {"n": 1})
        await eventually(lambda: config.has_ended(1))
        server.kill()
        with pytest.raises(streamroute.RedisUnavailableError):
            await app.publish("events", "t", {"n": 2})
        server.start()
        await app.publish("events", "t", {"n": 3})
        await eventually(lambda: config.has_ended(3))
        assert app.is_running


async def test_with_a_client_of_the_program_the_files_address_may_be_unset(
    config: Reloadable, redis_client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REDIS_URL", raising=False)
    text = "version: 1\nredis: {url: '${REDIS_URL}'}\n" + ROUTES
    (config.folder / "routes.yaml").write_text(text)
    async with streamroute.open(config.folder, client=redis_client) as app:
        await app.start()
        (config.folder / "routes.yaml").write_text(text.replace("by: a", "by: b"))
        assert (await app.reload()).is_ok
        await app.publish("events", "t", {"n": 1})
        await eventually(lambda: config.has_ended(1))
    assert config.ended() == {1: ("b", 2)}
