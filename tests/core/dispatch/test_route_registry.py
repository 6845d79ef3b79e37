"""The registry finds routes by type and by name, including routes registered later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from streamroute.core.dispatch.route_registry import RouteRegistry
from streamroute.core.router import RedisRouter
from streamroute.values import KnownRoutes


async def thank(payload: dict[str, Any], container: Any) -> None: ...


async def bill(payload: dict[str, Any], container: Any) -> None: ...


vars(thank)["route_key"], vars(thank)["formerly"] = "thank", ("greet",)
vars(bill)["route_key"] = "bill"


class Unwatched:
    """A third-party router that changes its handlers without notice."""

    def __init__(self) -> None:
        self.handlers: Mapping[str, list[tuple[Any, None]]] = {"booked": [(thank, None)]}


def keys_of(registry: RouteRegistry, kind: str) -> list[str]:
    return [route.key for route in registry.table_of(kind).routes]


def test_later_registrations_count() -> None:
    registry, router = RouteRegistry(), RedisRouter()
    registry.include(router)
    assert keys_of(registry, "booked") == []
    assert registry.tables == {}, "types without routes take no memory"
    for handler, keys in ((thank, ["thank"]), (bill, ["thank", "bill"])):
        router.message("booked")(handler)
        assert "booked" not in registry.tables
        assert keys_of(registry, "booked") == keys
        assert registry.tables["booked"] is registry.table_of("booked")


def test_a_router_that_cannot_be_watched_is_counted_each_time() -> None:
    registry, router = RouteRegistry(), Unwatched()
    registry.include(cast("RedisRouter", router))
    assert keys_of(registry, "booked") == ["thank"]
    assert [route.key for route in registry.named(["bill", "greet"])] == ["thank"]
    router.handlers = cast("dict[str, Any]", router.handlers)
    router.handlers["booked"].append((bill, None))
    assert registry.tables == {}
    assert keys_of(registry, "booked") == ["thank", "bill"]
    assert [route.key for route in registry.named(["bill", "greet"])] == ["bill", "thank"]


def test_a_route_is_found_once_by_its_name_and_its_former_ones() -> None:
    registry, router = RouteRegistry(), RedisRouter()
    router.message("booked")(thank)
    router.message("paid")(bill)
    registry.include(router)
    assert [route.key for route in registry.named(["greet", "thank", "unknown"])] == ["thank"]
    assert registry.known() == KnownRoutes(
        frozenset({"thank", "greet", "bill"}), frozenset({"booked", "paid"})
    )
