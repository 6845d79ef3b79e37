"""An index over the filters' values finds the same routes as running all filters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from misbehaving import Text, Unspeakable
from streamroute.core.dispatch.route_table import RouteTable
from streamroute.core.dispatch.routes import Route


async def handler(payload: dict[str, Any], container: Any) -> None:
    """Do nothing."""


def wants(**wanted: str | float) -> Callable[[dict[str, Any]], bool]:
    """Return a filter for these values by name (``a__b`` is b in a), which declares them."""
    paths = {tuple(name.split("__")): value for name, value in wanted.items()}

    def accepts(payload: dict[str, Any]) -> bool:
        return all(_is(value, _at(path, payload)) for path, value in paths.items())

    vars(accepts)["equalities"] = tuple(paths.items())
    return accepts


def _at(path: tuple[str, ...], value: Any) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _is(wanted: object, value: object) -> bool:
    return not isinstance(value, bool) and wanted == value


def table(*filters: Callable[[dict[str, Any]], bool] | None) -> RouteTable:
    """Return a table of routes named 0, 1, 2 ... with these filters."""
    return RouteTable([Route(str(n), handler, accepts) for n, accepts in enumerate(filters)])


def keys(found: RouteTable, payload: dict[str, Any]) -> list[str]:
    """Return the names of the candidates."""
    return [route.key for route in found.candidates(payload)]


def test_the_index_finds_the_route_of_one_of_many_tenants() -> None:
    """Its cost does not grow with their number: no other route is tested."""
    tenants = table(*(wants(tenant=f"t{n}") for n in range(1000)))
    assert keys(tenants, {"tenant": "t123"}) == ["123"]
    assert keys(tenants, {"tenant": "nobody"}) == keys(tenants, {}) == keys(tenants, {"tenant": None}) == []


def test_routes_that_no_index_covers_keep_their_place_in_the_order() -> None:
    """Handlers run in the order of registration, however they were found."""
    mixed = table(None, *(wants(tenant=f"t{n}") for n in range(20)), None)
    assert keys(mixed, {"tenant": "t7"}) == ["0", "8", "21"]


def test_the_comparison_that_tells_most_routes_apart_is_looked_up() -> None:
    """A first comparison shared by all routes distinguishes nothing."""
    tenants = table(*(wants(kind="a", tenant=n) for n in range(50)))
    assert keys(tenants, {"kind": "a", "tenant": 7}) == ["7"]
    assert keys(tenants, {"kind": "a", "tenant": 7.0}) == ["7"]
    assert keys(tenants, {"kind": "a", "tenant": True}) == []


class _Odd:
    """An object of a user's codec in a payload; it equals everything."""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0


@pytest.mark.parametrize("payload", [{"a": _Odd()}, {"a": {"b": _Odd()}}, {"a": [_Odd()]}])
def test_values_outside_json_are_left_to_the_filters(payload: dict[str, Any]) -> None:
    """An index only skips what certainly differs."""
    one, two = table(*(wants(a=f"{n}") for n in range(9))), table(*(wants(a__b=f"{n}") for n in range(9)))
    for found in (one, two):
        requests = {route.key for route in found.candidates(payload)}
        assert requests >= {route.key for route in found.routes if route.accepts and route.accepts(payload)}


@pytest.mark.parametrize("make", [Unspeakable, lambda: {"b": Unspeakable()}, lambda: Text("x")])
def test_values_that_raise_are_left_to_the_filters(make: Any) -> None:
    """Each filter fails on its own."""
    for found in (
        table(*(wants(a=f"{n}") for n in range(9))),
        table(*(wants(a__b=f"{n}") for n in range(9))),
    ):
        assert len(keys(found, {"a": make()})) in (0, 9)


class _Refusing:
    """A filter whose attributes all raise."""

    def __getattr__(self, name: str) -> Any:
        raise KeyboardInterrupt

    def __call__(self, payload: dict[str, Any]) -> bool:
        return True


@pytest.mark.parametrize("stated", [None, 7, "ab", [1], [("a",)], [(("a",), [])]])
def test_a_filter_outside_the_index_is_evaluated_each_time(stated: Any) -> None:
    """They belong to other libraries."""
    odd: Any = wants(a="1")
    vars(odd)["equalities"] = stated
    assert "0" in keys(table(odd, _Refusing(), *(wants(a=f"{n}") for n in range(9))), {"a": "1"})


def test_few_routes_are_tried_one_by_one() -> None:
    """Then every observer is called for each filter that rejects."""
    assert table(*(wants(a=f"{n}") for n in range(8))).is_plain


VALUES: st.SearchStrategy[Any] = st.sampled_from(["x", "y", "z", 0, 1, 2.0, True, False, None, [], {}])
NAMES = st.sampled_from(["a", "b", "a__b"])
WANTED = st.dictionaries(NAMES, st.sampled_from(["x", "y", 0, 1, 2]), max_size=3)
NESTED = VALUES | st.fixed_dictionaries({"b": VALUES})
PAYLOADS = st.fixed_dictionaries({}, optional={"a": NESTED, "b": VALUES})


@given(st.lists(WANTED, max_size=40), PAYLOADS)
def test_an_index_finds_every_route_whose_filter_is_true(
    filters: list[dict[str, str | int]], payload: dict[str, Any]
) -> None:
    """For all filters and payloads: no matching route is skipped, and the order is kept."""
    found = table(*(wants(**wanted) for wanted in filters))
    candidates = [int(key) for key in keys(found, payload)] if not found.is_plain else range(len(filters))
    matching = [n for n, route in enumerate(found.routes) if route.accepts and route.accepts(payload)]
    assert [n for n in candidates if n in matching] == matching
    assert list(candidates) == sorted(set(candidates))


def test_routes_of_two_indexes_are_found_in_the_order_of_registration() -> None:
    both = table(*(wants(**{name: f"{n}"}) for n in range(9) for name in ("a", "b")))
    assert keys(both, {"a": "3", "b": "3"}) == ["6", "7"]
    assert keys(both, {"a": "4", "b": "3"}) == ["7", "8"]
    assert keys(both, {"b": "3"}) == ["7"]


class _Counted(dict[str, Any]):
    """A payload that counts its lookups."""

    requests = 0

    def get(self, key: str, default: Any = None) -> Any:
        self.requests += 1
        return super().get(key, default)


@pytest.mark.parametrize(("paths", "looks"), [(1, 1), (7, 7), (8, 8), (9, 8)])
def test_a_message_is_looked_at_eight_times_at_most(paths: int, looks: int) -> None:
    """Routes outside the index are tested one by one."""
    many = table(*(wants(**{f"p{path}": f"{n}"}) for path in range(paths) for n in range(9)))
    payload = _Counted({f"p{path}": "no" for path in range(paths)})
    assert len(keys(many, payload)) == 9 * (paths - looks)
    assert payload.requests == looks


@pytest.mark.parametrize(("routes", "is_plain"), [(8, True), (9, False)])
def test_an_index_is_worth_it_from_nine_routes_on(routes: int, is_plain: bool) -> None:
    assert table(*(wants(a=f"{n}") for n in range(routes)), None).is_plain is is_plain


def test_nine_routes_that_have_no_path_in_common_are_tried_one_by_one() -> None:
    assert table(*(wants(**{f"p{n}": "x"}) for n in range(9))).is_plain
    assert table(*[None] * 9).is_plain
    assert not table().is_plain
    assert table().candidates({"a": "x"}) == []


def test_among_equally_selective_paths_the_most_used_one_is_indexed() -> None:
    """The others are tested each time, so they should be few."""
    found = table(
        *(wants(b=f"{n % 9}") for n in range(9)),
        *(wants(a=f"{n % 9}") for n in range(18)),
        *(wants(b=f"{n % 9}", a=f"{n % 9}") for n in range(9)),
    )
    payload = _Counted({"a": "0"})
    assert keys(found, payload) == ["9", "18", "27"]


@pytest.mark.parametrize("name", ["a", 7, None])
def test_a_comparison_of_something_else_than_a_path_is_not_believed(name: Any) -> None:
    """A user's filter that uses the attribute for something else is called each time."""

    def accepts(payload: dict[str, Any]) -> bool:
        return True

    vars(accepts)["equalities"] = ((name, "x"), (("a",), True), (("a",), None))
    assert "0" in keys(table(accepts, *(wants(a=f"{n}") for n in range(9))), {"a": "1"})


def test_the_first_of_two_values_for_one_path_is_indexed() -> None:
    """If the payload has another value there, the filter is false, whatever the second value is."""
    odd = wants(a="x")
    vars(odd)["equalities"] = ((("a",), "x"), (("a",), "y"))
    found = table(odd, *(wants(a=f"{n}") for n in range(9)))
    assert (keys(found, {"a": "x"}), keys(found, {"a": "y"})) == (["0"], [])


def test_paths_through_json_scalars_find_nothing_and_other_objects_may_match() -> None:
    """A path through a string finds nothing; a user's codec may return any object."""
    nested = table(*(wants(a__b=f"{n}") for n in range(9)))
    for value in ("text", 7, 7.5, True, None, [], [{"b": "1"}]):
        assert keys(nested, {"a": value}) == []
    assert keys(nested, {"a": _Odd()}) == [str(n) for n in range(9)]
