"""Dedupe around a route's handler: keys, and what happens where nobody keeps them."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jmespath.visitor import TreeInterpreter

from consuming import GROUP, STREAM, Handling, consuming, dispatcher_of, eventually, failing
from messages import message_of
from streamroute.adapters.memory.storage import MemoryStreamStorage
from streamroute.compiler.api import compile_routes
from streamroute.compiler.resolve.call_signature import HandlerCall, handler_call
from streamroute.compiler.resolve.importer import isolated_imports
from streamroute.compiler.runtime.dedupe import digest, wait_time, with_dedupe
from streamroute.compiler.runtime.route_handler import route_handler
from streamroute.core.dispatcher import BotRedisDispatcher
from streamroute.errors import Postpone, Reject, SetupError
from streamroute.message import Message
from streamroute.values import DedupeDecision, RetryPolicy

small = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.0, 1.0, 1.5])
values = st.recursive(
    small | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text("ab", max_size=1), inner, max_size=2),
    max_leaves=4,
)
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | numbers | st.text()


class Away:
    """A coordinator whose server is away."""

    async def begin(self, *_arguments: Any) -> Any:
        raise ConnectionError("refused")


@given(values)
def test_equal_values_have_equal_digests(value: Any) -> None:
    assert digest(value) == digest(_copied(value))


@given(scalars | small, scalars | small)
def test_scalars_are_duplicates_where_jmespath_calls_them_equal(one: Any, two: Any) -> None:
    equals = TreeInterpreter.COMPARATOR_FUNC["eq"]
    assert (digest(one) == digest(two)) is equals(one, two)


def test_numbers_inside_are_equal_too() -> None:
    assert digest({"a": [1.0]}) == digest({"a": [1]})
    assert digest([True]) != digest([1])
    assert digest("1") != digest(1)
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})


async def test_a_message_without_a_dedupe_backend_is_refused() -> None:
    """In a dispatcher and with a storage of somebody else's: not run twice in silence."""
    handler = Handling("charge")
    route = with_dedupe(handler, lambda payload: payload["id"], 60)
    for payload in ({"type": "paid", "id": 7}, Message({"type": "paid", "id": 7})):
        with pytest.raises(SetupError, match=r"'consuming\.charge' has dedupe"):
            await route(payload, None)
    assert handler.seen == []


async def test_a_key_that_is_far_larger_as_a_text_than_it_is_fails_for_its_route_alone() -> None:
    """Forty levels of ``[k, k]`` are 2**40 leaves: the worker would never come to the next message."""
    handler, key = Handling("charge"), ["a"]
    for _ in range(40):
        key = [key, key]  # type: ignore[list-item]  # a list of lists, whatever is in them
    route = with_dedupe(handler, lambda payload: payload["key"], 60)
    with pytest.raises(
        Reject, match="could not evaluate the dedupe key: it contains itself, or the same values so"
    ):
        await route(Message({"type": "paid", "key": key}), None)
    assert handler.seen == []


async def test_without_a_dedupe_key_a_plain_dict_is_accepted() -> None:
    handler = Handling("charge")
    await with_dedupe(handler, lambda payload: None, 60)({"type": "paid"}, None)
    assert len(handler.seen) == 1


async def test_without_a_dedupe_answer_the_route_waits_and_spends_no_attempt() -> None:
    route = with_dedupe(Handling("charge"), lambda payload: 7, 60)
    with pytest.raises(Postpone, match="refused"):
        await route(message_of({"type": "paid"}, coordinator=Away()), None)


def test_the_wrapper_is_the_same_route() -> None:
    route: Any = with_dedupe(Handling("charge"), lambda payload: None, 60)
    assert (route.__name__, route.route_key) == ("consuming.charge", "consuming.charge")
    assert route.formerly == ()


class Busy:
    """A storage in which another message has the key."""

    async def begin(self, *_arguments: Any) -> tuple[DedupeDecision, float]:
        return DedupeDecision.WAIT, 2.0


async def test_the_dispatcher_applies_the_policy_and_a_busy_key_spends_no_attempt() -> None:
    call = handler_call(failing(), "shop.f", {})
    assert isinstance(call, HandlerCall)
    once = RetryPolicy(max_attempts=1)
    route = with_dedupe(
        route_handler(call, name="r", timeout=60, retry=once), lambda payload: payload["key"], 60
    )
    outcomes: list[Any] = []
    for key in (None, 7):
        got = message_of({"type": "booked", "key": key}, coordinator=Busy(), outcomes=[])
        await dispatcher_of(route).process_message(got)
        outcomes += got.delivery.outcomes or []
    letter, postponed = outcomes
    assert letter.reason == "failed after 1 attempt: RuntimeError: no luck"
    assert (postponed.postponed, postponed.attempt) == (True, 1)
    assert 0.8 <= postponed.delay <= 1.2


@given(st.floats(0, 1e9))
def test_the_longer_the_other_has_had_the_key_the_longer_it_waits(waited: float) -> None:
    assert 0.4 <= wait_time(waited) <= 36
    assert wait_time(waited) <= max(0.6, waited * 0.6)


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(value[key]) for key in reversed(value)}
    return [_copied(item) for item in value] if isinstance(value, list) else value


HANDLERS = """
SEEN = []

async def charge(payload):
    SEEN.append(payload["n"])
"""

ROUTES = """
version: 1
streams: {bot_events: {group: notifications}}
routes:
  - {name: charge, type: booked, handler: paying_once.charge, dedupe: {key: payment.id, ttl: 1h}}
"""


async def test_a_route_declares_it(tmp_path: Path) -> None:
    (tmp_path / "routes.yaml").write_text(ROUTES)
    (tmp_path / "paying_once.py").write_text(HANDLERS)
    with isolated_imports(tmp_path):
        [router] = compile_routes(tmp_path)["bot_events"]
        dispatcher = BotRedisDispatcher()
        dispatcher.setup(None)
        dispatcher.include_router(router)
        storage = MemoryStreamStorage(block=0.01)
        async with consuming(storage, dispatcher.process_message):
            for n, payment in enumerate([{"id": 7}, {"id": 7.0}, {"id": 8}, {}, {}]):
                storage.publish(STREAM, {"type": "booked", "n": n, "payment": payment})
            await eventually(lambda: not storage.unread(STREAM, GROUP) and not storage.pending(STREAM, GROUP))
            await eventually(lambda: not storage.scheduled(STREAM, GROUP))
        seen = import_module("paying_once").SEEN
    assert sorted(seen) == [0, 2, 3, 4]
