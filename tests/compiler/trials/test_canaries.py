"""Canaries: exactly one of two routes runs, and retries stay on their side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from backends import Backend, MemoryBackend, RedisBackend
from consuming import STREAM, consuming, eventually
from messages import message_of
from streamroute.adapters.codecs.builtin import JsonCodec
from streamroute.compiler.api import compile_routes
from streamroute.compiler.trials.canaries import (
    Canaries,
    Canary,
    _canary_filter,
    _remaining_filter,
    canaries_in,
)
from streamroute.compiler.trials.share import Share
from streamroute.config.document import CanaryConfig
from streamroute.core.router import FilterFunc
from streamroute.core.tracing import finished
from streamroute.message import Message
from streamroute.stream_pipeline import Pipeline
from streamroute.values import DeadLetter, RetryLater
from trial_pipelines import HEAD, NEW, NOTE, OLD, Noted, pipeline_of, reject, retry, routes_of

SHARE_50 = Share("new", "guest.id", 50)
IN = next(n for n in range(100) if SHARE_50.includes({"guest": {"id": n}}))
OUT = next(n for n in range(100) if not SHARE_50.includes({"guest": {"id": n}}))
"""Guests inside and outside the share of ``new`` at 50 percent."""


def booking(guest: Any, **facts: Any) -> Message:
    """Return a message of a guest, whose number is the guest's, too."""
    return message_of({"type": "t", "n": guest, "guest": {"id": guest}}, outcomes=[], **facts)


async def routes_run(pipeline: Pipeline, message: Message) -> list[str]:
    noted: Noted = pipeline.container
    noted.ran.clear()
    await finished(pipeline.process_message(message))
    return [route for route, _, _ in noted.ran]


async def test_exactly_one_of_both_runs(tmp_path: Path) -> None:
    pipeline = pipeline_of(tmp_path, routes_of(50), Noted())
    for guest in range(200):
        side = "new" if SHARE_50.includes({"guest": {"id": guest}}) else "old"
        assert await routes_run(pipeline, booking(guest)) == [side]


@pytest.mark.parametrize("message", [{}, {"guest": None}, {"guest": {"id": None}}, {"guest": 3}])
async def test_a_message_without_the_key_goes_to_the_other_route(
    tmp_path: Path, message: dict[str, Any]
) -> None:
    pipeline = pipeline_of(tmp_path, routes_of(100), Noted())
    assert await routes_run(pipeline, message_of({"type": "t", **message}, outcomes=[])) == ["old"]


async def test_a_message_whose_key_fails_goes_to_the_other_route(tmp_path: Path) -> None:
    routes = routes_of(100).replace("guest.id", "length(guest)")
    pipeline = pipeline_of(tmp_path, routes, Noted())
    assert await routes_run(pipeline, message_of({"type": "t", "guest": 3}, outcomes=[])) == ["old"]


async def test_the_order_of_the_routes_does_not_matter(tmp_path: Path) -> None:
    pipeline = pipeline_of(tmp_path, NEW.replace("PERCENT", "50") + OLD, Noted())
    assert await routes_run(pipeline, booking(IN)) == ["new"]
    assert await routes_run(pipeline, booking(OUT)) == ["old"]


async def test_other_routes_of_the_type_run_on_both_sides(tmp_path: Path) -> None:
    audit = f"- {{name: audit, type: t, handler: '{NOTE}', with: {{as_: audit}}}}\n"
    pipeline = pipeline_of(tmp_path, routes_of(50, audit), Noted())
    assert await routes_run(pipeline, booking(IN)) == ["new", "audit"]
    assert await routes_run(pipeline, booking(OUT)) == ["old", "audit"]


def with_filters(old: str | None, new: str | None, percent: float = 50) -> str:
    """Return both routes with their filters."""
    left = OLD if old is None else OLD.replace("type: t", f'type: t, filter: "{old}"')
    right = NEW if new is None else NEW.replace("type: t", f'type: t, filter: "{new}"')
    return left + right.replace("PERCENT", str(percent))


@pytest.mark.parametrize(
    ("old", "new", "inside", "outside"),
    [
        ("`true`", "`false`", ["old"], ["old"]),
        ("`false`", "`true`", ["new"], []),
        ("`false`", "`false`", [], []),
        (None, "n >= `0`", ["new"], ["old"]),
        ("n >= `0`", None, ["new"], ["old"]),
    ],
)
async def test_the_side_of_a_message_if_the_filters_differ(
    tmp_path: Path, old: str | None, new: str | None, inside: list[str], outside: list[str]
) -> None:
    routes = with_filters(old, new).replace("`true`", "n != 'x'").replace("`false`", "n == 'x'")
    pipeline = pipeline_of(tmp_path, routes, Noted())
    assert await routes_run(pipeline, booking(IN)) == inside
    assert await routes_run(pipeline, booking(OUT)) == outside


async def test_a_filter_that_fails_is_the_failure_of_its_side_alone(tmp_path: Path) -> None:
    pipeline = pipeline_of(tmp_path, with_filters(None, "length(n) > `1`"), Noted())
    message = booking(IN)
    assert await routes_run(pipeline, message) == []
    [letter] = message.delivery.outcomes or []
    assert isinstance(letter, DeadLetter)
    assert (letter.route, letter.accepted) == ("new", False)
    assert await routes_run(pipeline, booking(OUT)) == ["old"]


async def test_a_filter_whose_failure_is_no_match_leaves_the_message_to_the_other(tmp_path: Path) -> None:
    routes = with_filters(None, "length(n) > `1`").replace(
        "type: t, filter", "on_filter_error: no_match, type: t, filter"
    )
    pipeline = pipeline_of(tmp_path, routes, Noted())
    assert await routes_run(pipeline, booking(IN)) == ["old"]


def requeued(guest: int, route: str, *, accepted: bool) -> Message:
    return booking(guest, routes=frozenset({route}), attempt=2, accepted=accepted)


@pytest.mark.parametrize("accepted", [True, False])
@pytest.mark.parametrize("percent", [0.01, 50, 100])
@pytest.mark.parametrize("is_stopped", [True, False])
async def test_a_retry_runs_on_its_side_whatever_the_share_is_now(
    tmp_path: Path, accepted: bool, percent: float, is_stopped: bool
) -> None:
    """Also a requeued letter of a route whose filter had failed, which is asked again."""
    pipeline = pipeline_of(tmp_path, with_filters("n >= `0`", "n >= `0`", percent), Noted())
    (canary,) = pipeline.canaries
    canary.is_stopped = is_stopped
    for guest in (IN, OUT):
        for route in ("old", "new"):
            assert await routes_run(pipeline, requeued(guest, route, accepted=accepted)) == [route]


async def test_a_requeued_message_without_a_route_is_decided_again(tmp_path: Path) -> None:
    pipeline = pipeline_of(tmp_path, routes_of(50), Noted())
    assert await routes_run(pipeline, booking(IN, attempt=2)) == ["new"]
    assert await routes_run(pipeline, booking(OUT, attempt=2, routes=frozenset())) == ["old"]


async def test_a_failure_names_the_canary(tmp_path: Path) -> None:
    pipeline = pipeline_of(tmp_path, routes_of(50), Noted(retry))
    message = booking(IN)
    await finished(pipeline.process_message(message))
    [outcome] = message.delivery.outcomes or []
    assert isinstance(outcome, RetryLater)
    assert outcome.route == "new"


async def test_a_stopped_canary_takes_nothing(tmp_path: Path) -> None:
    pipeline = pipeline_of(tmp_path, routes_of(100), Noted())
    assert await routes_run(pipeline, booking(IN)) == ["new"]
    (canary,) = pipeline.canaries
    canary.is_stopped = True
    assert await routes_run(pipeline, booking(IN)) == ["old"]


async def test_a_new_pipeline_starts_with_a_running_canary(tmp_path: Path) -> None:
    first = pipeline_of(tmp_path, routes_of(100), Noted())
    first.canaries[0].is_stopped = True
    second = pipeline_of(tmp_path, routes_of(100), Noted())
    assert await routes_run(second, booking(IN)) == ["new"]
    assert await routes_run(first, booking(IN)) == ["old"]


async def test_a_canary_is_found_by_the_index_of_many_routes(tmp_path: Path) -> None:
    """The index skips routes whose filter requires another value; both sides keep that promise."""
    many = "".join(
        f"- {{name: r{n}, type: t, filter: n == `{n + 1000}`, handler: '{NOTE}', with: {{as_: r{n}}}}}\n"
        for n in range(20)
    )
    routes = with_filters(f"n == `{IN}`", f"n == `{IN}`") + many
    pipeline = pipeline_of(tmp_path, routes, Noted())
    assert await routes_run(pipeline, booking(IN)) == ["new"]
    assert await routes_run(pipeline, booking(1003)) == ["r3"]
    table = pipeline.dispatcher._registry.table_of("t")
    assert {route.key for route in table.candidates(booking(IN))} == {"old", "new"}
    assert {route.key for route in table.candidates(booking(1003))} == {"r3"}


async def test_routes_without_a_canary_keep_their_own_filter(tmp_path: Path) -> None:
    audit = f"- {{name: audit, type: u, handler: '{NOTE}', with: {{as_: audit}}}}\n"
    pipeline = pipeline_of(tmp_path, routes_of(50, audit), Noted())
    assert pipeline.dispatcher._registry.table_of("u").routes[0].accepts is None
    without = pipeline_of(tmp_path, OLD, Noted())
    assert without.dispatcher._registry.table_of("t").routes[0].accepts is None
    assert without.canaries == ()
    assert without.process_message == without.dispatcher.start_message


async def test_a_disabled_canary_takes_nothing(tmp_path: Path) -> None:
    pipeline = pipeline_of(
        tmp_path, routes_of(100).replace("name: new", "name: new, enabled: false"), Noted()
    )
    assert pipeline.canaries == ()
    assert await routes_run(pipeline, booking(IN)) == ["old"]


def test_compiled_routers_decide_in_any_dispatcher(tmp_path: Path) -> None:
    (tmp_path / "routes.yaml").write_text(HEAD + routes_of(50))
    (router,) = compile_routes(tmp_path)[STREAM]
    filters = [accepts for _, accepts in router.handlers["t"]]
    for guest in range(50):
        payload = {"type": "t", "guest": {"id": guest}}
        assert [accepts is not None and accepts(payload) for accepts in filters] in (
            [True, False],
            [False, True],
        )
    assert [canary.name for canary in canaries_in(filters)] == ["new"]


answers = st.sampled_from(["yes", "no", "fails"])


@given(st.integers(0, 300), st.integers(1, 10_000), answers, answers)
def test_never_both_and_never_none_of_those_that_accept(guest: int, parts: int, new: str, old: str) -> None:
    """If both accept, exactly one runs; a message that the canary does not take is the other's as ever."""
    percent = parts / 100
    canary = Canary("new", "old", CanaryConfig(percent, "id", None), filter_that(new))
    decided = decisions(canary, filter_that(old), {"id": guest})
    includes = Share("new", "id", percent).includes({"id": guest})
    expected = (new, "no") if includes and new != "no" else ("no", old)
    assert decided == expected


def filter_that(answers: str) -> FilterFunc:
    def accepts(_payload: dict[str, Any]) -> bool:
        if answers == "fails":
            raise ValueError("no")
        return answers == "yes"

    return accepts


def decisions(canary: Canary, old: FilterFunc, payload: dict[str, Any]) -> tuple[str, str]:
    """Return what each side's filter answers, as the router builder combines them."""
    return answer(_canary_filter(canary), payload), answer(_remaining_filter(old, canary), payload)


def answer(accepts: FilterFunc, payload: dict[str, Any]) -> str:
    try:
        return "yes" if accepts(payload) else "no"
    except ValueError:
        return "fails"


async def add(backend: Backend, guest: int, **more: Any) -> None:
    fields = JsonCodec().encode({"type": "t", "n": guest, "guest": {"id": guest}, **more})
    await backend.add(**{str(name, "utf-8"): str(value, "utf-8") for name, value in fields.items()})


async def _is_done(backend: Backend) -> bool:
    return not await backend.remains()


def process_by_its_pipeline(message: Any) -> Any:
    """Process a message by the pipeline that decoded it."""
    return message.delivery.pipeline.process_message(message)


def fail_once(_route: str, payload: Any) -> None:
    if payload.attempt == 1:
        retry(_route, payload)


DEDUPED = "dedupe: {key: order, ttl: 1h}, "


class CanaryContract:
    """What a canary promises on every storage."""

    async def test_a_retry_is_run_by_its_side_after_the_share_has_changed(
        self, backend: Backend, tmp_path: Path
    ) -> None:
        """The retries of a canary at 100 percent stay there when a new generation cuts it to almost none."""
        noted = Noted(fail_once)
        slow = routes_of(100).replace("handler", "retry: {delay: 50ms}, handler")
        first, second = pipeline_of(tmp_path, slow, noted), pipeline_of(tmp_path, routes_of(0.01), noted)
        storage = backend.storage()
        storage.use(first)
        async with consuming(storage, process_by_its_pipeline):
            for guest in range(10):
                await add(backend, guest)
            await eventually(lambda: len(noted.ran) >= 10)
            storage.use(second)
            await add(backend, 99)
            await eventually(lambda: len(noted.ran) == 22)
            await eventually(lambda: _is_done(backend))
        assert [noted.routes(guest) for guest in range(10)] == [["new", "new"]] * 10
        assert noted.routes(99) == ["old", "old"]

    async def test_a_duplicate_on_the_other_side_is_a_duplicate(
        self, backend: Backend, tmp_path: Path
    ) -> None:
        """A producer sends twice, and in between the canary is switched off."""
        noted = Noted()
        pipeline = pipeline_of(tmp_path, routes_of(100).replace("handler:", f"{DEDUPED}handler:"), noted)
        storage = backend.storage()
        storage.use(pipeline)
        async with consuming(storage, pipeline.process_message):
            await add(backend, 1, order="a")
            await eventually(lambda: noted.ran)
            await eventually(lambda: _is_done(backend))
            pipeline.canaries[0].is_stopped = True
            await add(backend, 2, order="a")
            await add(backend, 3, order="b")
            await eventually(lambda: noted.routes(3))
            await eventually(lambda: _is_done(backend))
        assert [(route, n) for route, n, _ in noted.ran] == [("new", 1), ("old", 3)]

    async def test_a_dead_letter_names_the_canary(self, backend: Backend, tmp_path: Path) -> None:
        pipeline = pipeline_of(tmp_path, routes_of(100), Noted(reject))
        storage = backend.storage()
        storage.use(pipeline)
        async with consuming(storage, pipeline.process_message):
            await add(backend, 1)
            await eventually(backend.dead)
        (record,) = await backend.dead()
        assert record.route == "new"


class TestInMemory(CanaryContract):
    @pytest.fixture
    def backend(self) -> Backend:
        return MemoryBackend()


class TestRedis(CanaryContract):
    @pytest.fixture
    def backend(self, redis_client: Redis) -> Backend:
        return RedisBackend(redis_client)


def test_dedupe_keys_are_shared_only_by_both_sides_with_dedupe(tmp_path: Path) -> None:
    def names(routes: str) -> list[tuple[str, ...]]:
        document = pipeline_of(tmp_path, routes, Noted()).document
        canaries = Canaries(document.routes, lambda _route: None)
        return [canaries.dedupe_names(route) for route in document.routes]

    both = routes_of(5).replace("handler:", f"{DEDUPED}handler:")
    assert names(both.replace("name: old", "name: old, formerly: older")) == [("new",), ("old", "older")]
    audit = f"- {{name: audit, type: t, {DEDUPED}handler: '{NOTE}', with: {{as_: audit}}}}\n"
    assert names(routes_of(5, audit)) == [(), (), ()]
