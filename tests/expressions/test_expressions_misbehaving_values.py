"""Values of a codec of the user's that raise: each expression on them fails as expressions do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, NoReturn

import pytest

from consuming import Handling, dispatcher_of
from messages import message_of
from misbehaving import Text
from streamroute.compiler.resolve.call_signature import HandlerCall, handler_call
from streamroute.compiler.runtime.dedupe import with_dedupe
from streamroute.compiler.runtime.ordering_key import order_key
from streamroute.compiler.runtime.route_handler import route_handler
from streamroute.errors import Reject
from streamroute.expressions.filters import FilterError, compile_filter, no_match
from streamroute.expressions.transforms import compile_transform
from streamroute.expressions.values import compile_value
from streamroute.message import Message
from streamroute.values import DeadLetter, DedupeDecision, RetryPolicy

ENDS = [
    *(ZeroDivisionError, RecursionError, StopIteration, GeneratorExit, SystemExit, KeyboardInterrupt),
    *(asyncio.CancelledError, BaseException),
]
_METHODS = (
    *("__eq__", "__ne__", "__lt__", "__gt__", "__le__", "__ge__", "__hash__", "__bool__", "__len__"),
    *(
        "__iter__",
        "__getitem__",
        "__contains__",
        "__str__",
        "__repr__",
        "__getattr__",
        "__float__",
        "__int__",
    ),
    *("__index__", "get", "keys", "values", "items", "__reduce__"),
)


def value_that_raises(error: type[BaseException], base: type = object) -> Any:
    """A value of a class that does nothing but raise."""

    def refuse(_self: object, *_arguments: object) -> NoReturn:
        raise error

    methods: dict[str, Any] = dict.fromkeys(_METHODS, refuse)
    if base is object:
        methods["__class__"] = property(refuse)
    made: Any = type("Value", (base,), methods)
    return made.__new__(made)


def values() -> Iterator[Any]:
    for error in ENDS:
        for base in (object, dict, list, str, int, float):
            yield value_that_raises(error, base)
    yield Text("no luck")


EXPRESSIONS = [
    *("v", "!v", "v == 'a'", "v != `1`", "v > `1`", "v < 'b'", "v.a.b", "v[0]", "v[?a > `1`]", "v[*].a"),
    *("v.*", "v[]", "v || w", "v && w", "{a: v}", "[v]", "type(v)", "length(v)", "contains(v, 'a')"),
    *("contains([v], 'a')", "to_string(v)", "to_number(v)", "keys(v)", "sort(v)", "sort_by(v, &a)", "max(v)"),
    *("map(&a, v)", "join('', [v])", "starts_with(v, 'a')", "not_null(v)", "v[?a == `1`] | [0].b"),
]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_a_filter_returns_a_boolean_or_raises_a_filter_error(expression: str) -> None:
    accepts = compile_filter(expression)
    for value in values():
        with suppress(FilterError):
            assert accepts({"v": value}) in (True, False)
        assert no_match(accepts, lambda _error: None)({"v": value}) in (True, False)


def changed(change: Callable[[Message], Any], value: Any) -> Any:
    """What a transform gives, or raises where it rejects the message."""
    try:
        return change(Message({"v": value}))
    except Reject as rejected:
        return rejected


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_a_transform_gives_an_object_or_rejects(expression: str) -> None:
    transform = compile_transform(f"{{made: {expression}}}")
    plain = compile_transform(expression)
    for value in values():
        for change in (transform, plain):
            assert isinstance(changed(change, value), Message | Reject)


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_order_key_is_always_hashable(expression: str) -> None:
    key_of = order_key(expression)
    for value in values():
        assert isinstance(hash(key_of({"v": value})), int)


class Storage:
    """Gives every key to whoever asks."""

    async def begin(
        self, message: Message, route: str, digest: str, ttl: float, formerly: Sequence[str] = ()
    ) -> tuple[DedupeDecision, float]:
        return DedupeDecision.RUN, 0.0


@pytest.mark.parametrize("expression", EXPRESSIONS)
async def test_a_dedupe_key_is_valid_or_rejects_the_message(expression: str) -> None:
    handler = Handling()
    route = with_dedupe(handler, compile_value(expression), 60)
    for value in values():
        with suppress(Reject):
            await route(message_of({"v": value}, coordinator=Storage()), None)
            assert handler.seen.pop()["v"] is value


def compiled(**settings: Any) -> Any:
    call = handler_call(lambda payload: None, "shop.f", {})
    assert isinstance(call, HandlerCall)
    return route_handler(call, name="first", timeout=60, retry=RetryPolicy(), **settings)


@pytest.mark.parametrize("error", ENDS)
async def test_the_failure_is_that_of_the_route_and_its_siblings_run_once(error: type[BaseException]) -> None:
    second, message = Handling("second"), message_of({"type": "booked"}, outcomes=[])
    message["v"] = value_that_raises(error)
    first = compiled(prepare=compile_transform("{a: to_string(v)}"))
    dispatcher = dispatcher_of(first, second)
    dispatcher.on_message("booked", compile_filter("v == 'a' || length(v) > `1`"))(Handling("third"))
    await dispatcher.process_message(message)
    assert len(second.seen) == 1
    assert [type(outcome) for outcome in message.delivery.outcomes or []] == [DeadLetter, DeadLetter]
    assert {outcome.route for outcome in message.delivery.outcomes or []} == {"first", "consuming.third"}


@pytest.mark.parametrize("error", ENDS)
async def test_filters_and_transforms_may_raise_anything(error: type[BaseException]) -> None:
    """StopIteration too: it is no end of a handler that has not begun."""

    def prepare(payload: dict[str, Any]) -> NoReturn:
        raise error

    message = message_of({"type": "booked"}, outcomes=[])
    await dispatcher_of(compiled(prepare=prepare)).process_message(message)
    assert [outcome.route for outcome in message.delivery.outcomes or []] == ["first"]
