"""A test app: what it runs, when it is settled, how its time passes, and what it tells of failures."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import itertools
import sys
from typing import TYPE_CHECKING, Any
from unittest.mock import AsyncMock, Mock

import pytest

from memory_projects import ROUTES, write_project
from streamroute.errors import ConfigError, EncodeError, PayloadError, SetupError
from streamroute.testing import NotSettledError, TestApp

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def ran() -> list[Any]:
    """Return what the handlers of the project noted."""
    found: list[Any] = sys.modules["memory_handlers"].RAN
    return found


async def test_a_message_runs_the_routes_that_match(routes: Path) -> None:
    async with TestApp(routes) as t:
        await t.publish("events", "t", {"n": 3})
        await t.publish("events", "t", {"n": 1})
        assert t.runs() == []  # nothing runs before the test waits
        await t.settled()
        (message,) = t.handled("ok")
        assert message.payload == {"type": "t", "n": 3}
        assert (message.stream, message.type, message.attempt, message.deliveries) == ("events", "t", 1, 1)
        assert [unmatched["n"] for unmatched in t.unmatched] == [1]
        assert (t.dead_letters, t.retries, t.running) == ([], [], [])


async def test_a_folder_and_the_only_stream_need_no_name(routes: Path) -> None:
    async with TestApp(routes.parent) as t:
        await t.publish(None, "plain", {"n": 1})
        await t.settled()
        assert len(t.handled("plain")) == 1


async def test_with_arguments_and_the_container_are_passed(routes: Path) -> None:
    async with TestApp(routes) as t:
        await t.publish("events", "told", {"n": 1})
        await t.settled()
        assert ran() == [("hello", 1, "container")]


async def test_another_container_replaces_that_of_the_file_and_is_not_closed(routes: Path) -> None:
    class Resource(contextlib.AbstractContextManager[str]):
        def __exit__(self, *_: object) -> None:
            raise AssertionError("a container of the test was closed")

    container = Resource()
    async with TestApp(routes, container=container) as t:
        await t.publish("events", "told", {"n": 1})
        await t.settled()
        assert ran() == [("hello", 1, container)]
        assert sys.modules["memory_handlers"].OPENED == []


async def test_a_transformed_payload_is_recorded_beside_the_message(routes: Path) -> None:
    async with TestApp(routes) as t:
        await t.publish("events", "small", {"n": 4, "secret": 1})
        await t.settled()
        (message,) = t.handled("small")
        assert message.message == {"type": "small", "n": 4, "secret": 1}
        assert message.payload["total"] == 4
        assert "secret" not in message.payload


async def test_retries_run_when_their_time_has_come_and_not_before(routes: Path) -> None:
    async with TestApp(routes) as t:
        await t.publish("events", "fail", {"n": 1})
        await t.settled()
        (retry,) = t.retries
        assert (retry.routes, retry.attempt, retry.due_in) == (("fail",), 2, 10)
        assert "no such guest" in retry.error
        await t.advance(9.999)
        assert len(t.runs("fail")) == 1
        await t.advance(0.001)
        assert [run.attempt for run in t.runs("fail")] == [1, 2]
        await t.advance("20s")
        (letter,) = t.dead_letters
        assert (letter.route, letter.attempt, letter.type) == ("fail", 3, "fail")
        assert letter.payload == {"type": "fail", "n": 1}
        assert t.retries == []


async def test_a_long_advance_runs_each_retry_at_its_own_time(routes: Path) -> None:
    async with TestApp(routes) as t:
        began = t.now
        await t.publish("events", "fail", {"n": 1})
        await t.advance("365d")
        assert [run.started.timestamp() - began for run in t.runs("fail")] == [0, 10, 30]
        assert t.now - began == 365 * 86_400


async def test_a_retry_at_a_delay_of_the_handler(routes: Path) -> None:
    async with TestApp(routes) as t:
        await t.publish("events", "later")
        await t.settled()
        assert [retry.due_in for retry in t.retries] == [90]
        await t.advance(90)
        assert len(t.handled("later")) == 1


async def test_a_rejected_message_is_dead_at_once(routes: Path) -> None:
    async with TestApp(routes) as t:
        await t.publish("events", "reject")
        await t.settled()
        assert [letter.reason for letter in t.dead_letters] == ["not for us"]


async def test_a_delayed_event_is_added_in_time(routes: Path) -> None:
    async with TestApp(routes) as t:
        await t.publish("events", "plain", {"n": 1}, delay="1h")
        await t.advance(3599)
        t.assert_not_handled("plain")
        await t.advance(1)
        assert len(t.handled("plain")) == 1


async def test_a_delay_needs_a_consumer_as_in_a_publisher(routes: Path) -> None:
    write_project(routes.parent, ROUTES.replace("streams:\n", "streams:\n  audit: {group: tests}\n"))
    async with TestApp(routes) as t:
        with pytest.raises(EncodeError, match="no route consumes audit"):
            await t.publish("audit", "plain", {"n": 1}, delay="1h")


async def test_a_trace_context_is_published(routes: Path) -> None:
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    async with TestApp(routes) as t:
        await t.publish("events", "plain", {"n": 1}, traceparent=parent, tracestate="v=1")
        (entry,) = t.entries("events")
    assert (entry[b"traceparent"], entry[b"tracestate"]) == (parent.encode(), b"v=1")


async def test_an_id_is_published_once_a_day(routes: Path) -> None:
    async with TestApp(routes) as t:
        first = await t.publish("events", "plain", {"n": 1}, id="order-7")
        assert await t.publish("events", "plain", {"n": 1}, id="order-7") == first
        await t.advance("25h")
        await t.publish("events", "plain", {"n": 1}, id="order-7")
        await t.settled()
        assert len(t.handled("plain")) == 2


async def test_a_handler_that_sleeps_waits_for_the_clock_of_the_test(routes: Path) -> None:
    async with TestApp(routes) as t:
        await t.publish("events", "sleep", {"seconds": 600})
        await t.settled()
        assert [run.route for run in t.running] == ["sleep"]
        await t.advance(600)
        t.assert_handled("sleep", times=1)
        assert t.handled("sleep")[0].deliveries == 1  # its lease of a minute was renewed


async def test_a_handler_that_hangs_runs_into_its_timeout(routes: Path) -> None:
    async with TestApp(routes) as t:
        await t.publish("events", "hang")
        await t.advance(30)
        (run,) = t.runs("hang")
        assert (run.result, str(run.error)) == ("failed", "the handler did not end within 30s")
        assert len(t.retries) == 1


async def test_settled_has_a_bound_and_names_what_runs(routes: Path) -> None:
    async with TestApp(routes) as t:
        await t.publish("events", "hang")
        with pytest.raises(
            NotSettledError, match=r"a handler still runs:\n  hang \(attempt 1 of .*hang at .*py:"
        ):
            await t.settled(within=0.01)


async def test_a_handler_that_waits_for_the_test_goes_on_when_it_may(routes: Path) -> None:
    gate = asyncio.Event()

    async def wait(_payload: dict[str, Any]) -> None:
        await gate.wait()

    async with TestApp(routes, handlers={"ok": wait}) as t:
        await t.publish("events", "t", {"n": 3})
        await t.advance(0)
        assert len(t.running) == 1
        asyncio.get_running_loop().call_later(0.01, gate.set)  # real time, as outside of handlers
        await t.settled()
        t.assert_handled("ok", times=1)


async def test_a_thread_is_waited_for(routes: Path) -> None:
    async with TestApp(routes) as t:
        await t.publish("events", "block")
        gate = sys.modules["memory_handlers"].GATE
        asyncio.get_running_loop().call_later(0.05, gate.set)
        await t.settled()
        assert len(t.handled("block")) == 1


async def test_a_hanging_thread_does_not_keep_the_app_open(routes: Path) -> None:
    async with TestApp(routes) as t:
        await t.publish("events", "block")
        with pytest.raises(NotSettledError, match="block"):
            await t.settled(within=0.01)
        gate = sys.modules["memory_handlers"].GATE
        asyncio.get_running_loop().call_later(0.1, gate.set)


async def test_replaced_handlers_run_instead(routes: Path) -> None:
    fake, mock, plain = AsyncMock(), Mock(return_value=7), []
    handlers: dict[str, Callable[..., Any]] = {
        "ok": fake,
        "plain": mock,
        "told": lambda payload, word: plain.append((payload["n"], word)),
    }
    async with TestApp(routes, handlers=handlers) as t:
        await t.publish("events", "t", {"n": 3})
        await t.publish("events", "plain", {"n": 4})
        await t.publish("events", "told", {"n": 5})
        await t.settled()
        assert ran() == []
        assert fake.await_args is not None
        assert fake.await_args.args[0] == {"type": "t", "n": 3}
        assert [run.returned for run in t.handled("plain")] == [7]
        assert plain == [(5, "hello")]


async def test_a_replacement_for_no_route_is_refused(routes: Path) -> None:
    with pytest.raises(SetupError, match='there is no route "plan"; did you mean "plain"'):
        await TestApp(routes, handlers={"plan": AsyncMock()}).__aenter__()
    with pytest.raises(SetupError, match=r"cannot be replaced: .*does not accept the payload"):
        await TestApp(routes, handlers={"plain": lambda: None}).__aenter__()


async def test_errors_of_handlers_are_raised_on_request(routes: Path) -> None:
    async with TestApp(routes, raise_errors=True) as t:
        await t.publish("events", "fail", {"n": 1})
        with pytest.raises(ValueError, match="no such guest"):
            await t.settled()
        await t.settled()  # each error once
        await t.publish("events", "reject")
        await t.settled()  # an outcome that the handler chose is no error
        with pytest.raises(ValueError, match="no such guest"):
            await t.advance(10)


async def test_a_failed_assertion_explains_each_route(routes: Path) -> None:
    async with TestApp(routes) as t:
        await t.publish("events", "t", {"n": 1})
        await t.publish("events", "fail", {"n": 1})
        await t.settled()
        with pytest.raises(AssertionError) as failure:
            t.assert_handled("ok", times=1)
        text = str(failure.value)
        assert text.startswith("ok should have succeeded once, and did not at all\n")
        assert "fail failed for fail" in text
        assert "await t.advance(10)" in text
        assert "n > `2`" in text
        assert text.index("ok does not match") < text.index("fail matches")  # its own events first
        with pytest.raises(AssertionError, match="fail should not have run, and did once"):
            t.assert_not_handled("fail")


async def test_an_unknown_route_is_a_mistake_of_the_test(routes: Path) -> None:
    async with TestApp(routes) as t:
        with pytest.raises(SetupError, match='there is no route "plane"; did you mean "plain"'):
            t.handled("plane")
        with pytest.raises(SetupError, match='declares no stream "event"; did you mean "events"'):
            await t.publish("event", "t")
        with pytest.raises(EncodeError):
            await t.publish("events", "t", {"type": "other"})
        with pytest.raises(PayloadError, match='is not known; did you mean "plain"'):
            await t.publish("events", "plane", validate=True)


async def test_a_delay_on_a_stream_that_no_route_consumes_is_refused(routes: Path) -> None:
    path = write_project(routes.parent, ROUTES.replace("streams:", "streams:\n  copies: {}"))
    async with TestApp(path) as t:
        await t.publish("copies", "t")
        with pytest.raises(EncodeError, match="no route consumes copies"):
            await t.publish("copies", "t", delay=5)


async def test_an_entry_without_fields_is_refused_as_by_a_server(routes: Path) -> None:
    async with TestApp(routes) as t:
        with pytest.raises(SetupError, match="an entry has at least one field"):
            await t.publish_raw("events", {})


async def test_an_entry_that_cannot_be_decoded_is_dead(routes: Path) -> None:
    async with TestApp(routes) as t:
        await t.publish_raw("events", {"data": "{"})
        await t.settled()
        (letter,) = t.dead_letters
        assert (letter.route, letter.payload) == (None, None)
        with pytest.raises(AssertionError, match="dead-lettered as a whole"):
            t.assert_handled("ok")


async def test_a_wrong_configuration_is_refused_with_its_findings(routes: Path) -> None:
    path = write_project(routes.parent, ROUTES.replace("handlers.plain", "handlers.plane"))
    with pytest.raises(ConfigError, match='did you mean "plain"') as failure:
        await TestApp(path).__aenter__()
    assert failure.value.findings


async def test_a_test_needs_no_address_of_redis(routes: Path) -> None:
    text = ROUTES.replace("version: 1\n", 'version: 1\nredis: {url: "${NO_SUCH_ADDRESS}"}\n')
    write_project(routes.parent, text)
    async with TestApp(routes) as t:
        assert t.runs() == []
    write_project(routes.parent, text.replace("group: tests", 'group: "${NO_SUCH_GROUP}"'))
    with pytest.raises(ConfigError, match=r"1 error.*\n.*NO_SUCH_GROUP"):
        await TestApp(routes).__aenter__()
    async with TestApp(routes, env={"NO_SUCH_GROUP": "tests"}) as t:
        assert t.runs() == []


async def test_two_apps_in_one_loop_have_their_own_time(routes: Path) -> None:
    async with TestApp(routes) as one, TestApp(routes) as two:
        for app in (one, two):
            await app.publish("events", "hang")
        await one.advance(30)
        assert [len(app.retries) for app in (one, two)] == [1, 0]
        assert [len(app.running) for app in (one, two)] == [0, 1]
        await two.advance(30)
        assert [len(app.retries) for app in (one, two)] == [1, 1]


async def test_apps_one_after_the_other(routes: Path) -> None:
    loop = asyncio.get_running_loop()
    before = dict(vars(loop))
    for _ in range(2):
        async with TestApp(routes) as t:
            await t.publish("events", "hang")
            await t.advance(30)
            assert len(t.retries) == 1
    assert {name: value for name, value in vars(loop).items() if callable(value)} == {
        name: value for name, value in before.items() if callable(value)
    }


async def test_an_app_is_entered_once(routes: Path) -> None:
    async with TestApp(routes) as t:
        with pytest.raises(SetupError, match="open already"):
            await t.__aenter__()


async def test_a_cancelled_test_closes_the_app(routes: Path) -> None:
    started = asyncio.Event()

    async def body() -> None:
        async with TestApp(routes) as t:
            await t.publish("events", "hang")
            started.set()
            await t.settled(within=60)

    task = asyncio.create_task(body())
    await started.wait()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(asyncio.all_tasks()) == 1


async def test_a_handler_that_never_waits_ends_with_the_app(routes: Path) -> None:
    async def spin(_payload: dict[str, Any]) -> None:
        for _ in itertools.count():
            await asyncio.sleep(0)

    async with TestApp(routes, handlers={"ok": spin}) as t:
        await t.publish("events", "t", {"n": 3})
        with pytest.raises(NotSettledError, match="spin at"):
            await t.settled(within=0.01)
    assert [run.result for run in t.runs()] == ["cancelled"]
    assert len(asyncio.all_tasks()) == 1


async def test_an_entry_is_delivered_again_when_the_lease_of_its_worker_has_ended(routes: Path) -> None:
    async with TestApp(routes) as t:
        await t.publish("events", "plain", {"n": 1})
        await t.settled()
        await t.redeliver(t.handled("plain")[0])
        await t.advance("50s")
        assert len(t.handled("plain")) == 1
        await t.advance("15s")
        assert [run.deliveries for run in t.handled("plain")] == [1, 2]
        assert t.handled("plain")[0].id == t.handled("plain")[1].id
        await t.publish("events", "later")
        await t.advance(90)
        with pytest.raises(SetupError, match="first attempt"):
            await t.redeliver(t.runs("later")[1])


async def test_a_handler_may_publish(routes: Path) -> None:
    apps: list[TestApp] = []

    async def publish(payload: dict[str, Any]) -> None:
        await apps[0].publish("events", "plain", {"n": payload["n"] + 1})

    async with TestApp(routes, handlers={"ok": publish}) as t:
        apps.append(t)
        await t.publish("events", "t", {"n": 3})
        await t.settled()
        assert [run.payload["n"] for run in t.handled("plain")] == [4]


def test_the_public_names_are_there() -> None:
    testing = importlib.import_module("streamroute.testing")
    assert {name for name in testing.__all__ if getattr(testing, name)} == set(testing.__all__)
    assert set(dir(testing)) == set(testing.__all__)
    with pytest.raises(AttributeError, match="nothing"):
        _ = testing.nothing
