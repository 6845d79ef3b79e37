"""Routes: the names of a handler's retries, and the handlers that a router returns."""

from __future__ import annotations

import functools
from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from misbehaving import Unspeakable
from streamroute.core.dispatch.retry_envelope import RetryEnvelope
from streamroute.core.dispatch.routes import HandlerParts, Route, route_key, set_parts, unique_routes
from streamroute.core.router import RedisRouter
from streamroute.values import RetryPolicy


async def handler(payload: Any, container: Any) -> None: ...


def named(name: str | None = None, formerly: Any = None) -> Any:
    """Return a new handler with these attributes."""

    async def made(payload: Any, container: Any) -> None: ...

    if name is not None:
        vars(made)["route_key"] = name
    if formerly is not None:
        vars(made)["formerly"] = formerly
    return made


class Callable:
    """A handler that is an object."""

    async def __call__(self, payload: Any, container: Any) -> None: ...


def test_handlers_with_equal_names_get_distinct_keys() -> None:
    """For handlers made by one factory, a retry must not run those that succeeded."""
    routes = unique_routes([(named(name), None) for name in ("a", "a", "b", "a")])
    assert [route.key for route in routes] == ["a", "a#2", "b", "a#3"]


def test_a_route_has_its_handler_and_its_filter() -> None:
    def accepts(payload: dict[str, Any]) -> bool:
        return True

    own = named("a", ("b",))
    [route] = unique_routes([(own, accepts)])
    assert route == Route("a", own, accepts, frozenset(["b"]))


@pytest.mark.parametrize(
    ("made", "key"),
    [
        (handler, f"{__name__}.handler"),
        (Callable(), f"{__name__}.Callable"),
        (named("own"), "own"),
        (named(""), f"{__name__}.named.<locals>.made"),
    ],
)
def test_a_route_is_named_by_its_handler_or_where_that_is_defined(made: Any, key: str) -> None:
    assert route_key(made) == key


def test_a_compiled_handler_is_run_in_parts() -> None:
    whole, run, policy = named("own"), named("own"), RetryPolicy()
    set_parts(whole, HandlerParts(run, policy))
    [route] = unique_routes([(whole, None)])
    assert (route.key, route.handler, route.policy) == ("own", run, policy)


def test_a_wrapper_around_a_compiled_handler_runs_with_its_policy() -> None:
    whole, policy = named("own"), RetryPolicy()
    set_parts(whole, HandlerParts(named("own"), policy))

    @functools.wraps(whole)
    async def wrapper(payload: Any, container: Any) -> None: ...

    [route] = unique_routes([(wrapper, None)])
    assert (route.key, route.handler, route.policy) == ("own", wrapper, policy)


def test_an_attribute_makes_no_policy() -> None:
    copied = named("own")
    vars(copied).update(policy=RetryPolicy(), parts=HandlerParts(handler, RetryPolicy()))
    for made in (named("own"), copied, handler, Callable(), Refusing()):
        [route] = unique_routes([(made, None)])
        assert route.handler is made
        assert route.policy is None


@pytest.mark.parametrize(
    ("stated", "formerly"),
    [
        (("a", "b"), {"a", "b"}),
        ((), set()),
        (["a"], set()),
        ("ab", set()),
        (("a", 7), set()),
        ((Unspeakable(),), set()),
    ],
)
def test_only_a_tuple_of_texts_counts_as_former_names(stated: Any, formerly: set[str]) -> None:
    [route] = unique_routes([(named("now", stated), None)])
    assert route.formerly == formerly


class Refusing:
    """A handler whose attributes all raise."""

    def __getattr__(self, name: str) -> Any:
        raise KeyboardInterrupt

    async def __call__(self, payload: Any, container: Any) -> None: ...


def test_a_handler_that_answers_to_no_name_has_no_former_one() -> None:
    [route] = unique_routes([(Refusing(), None)])
    assert (route.key, route.formerly) == (f"{__name__}.Refusing", frozenset())


@pytest.mark.parametrize(
    ("names", "is_named"),
    [(["now"], True), (["old"], True), (["other"], False), ([], False), (["x", "older"], True)],
)
def test_a_route_is_found_by_its_name_and_former_names(names: list[str], is_named: bool) -> None:
    route = Route("now", handler, None, frozenset(["old", "older"]))
    assert route.is_named_in(frozenset(names)) is is_named


@pytest.mark.parametrize(
    ("value", "name"),
    [(Route("a", handler, None), "key"), (RetryEnvelope("1-0", "g", frozenset(["a"]), 2), "attempt")],
)
def test_the_retry_format_does_not_change(value: object, name: str) -> None:
    with pytest.raises(FrozenInstanceError):
        setattr(value, name, "other")


def test_a_router_notifies_watchers_of_later_registrations() -> None:
    router, reported = RedisRouter(), list[str]()
    router.message("before")(handler)
    router.watch(reported.append)
    router.watch(reported.append)
    assert router.message("after")(handler) is handler
    assert reported == ["after", "after"]
    assert router.handlers == {"before": [(handler, None)], "after": [(handler, None)]}
