"""Names of parked messages: sorted as bytes, those of a route are together, in the order of the stream."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamroute.adapters.entries.parked_names import parked_name, queue_name, route_of_queue

ROUTES = st.text(st.sampled_from("ab|%}{C7é"), max_size=6)
IDS = st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))


@given(ROUTES, ROUTES, IDS, IDS)
def test_names_sort_by_route_then_by_id(
    one: str, other: str, first: tuple[int, int], last: tuple[int, int]
) -> None:
    names = [
        parked_name(route, f"{a}-{b}", "retry").encode() for route, (a, b) in ((one, first), (other, last))
    ]
    if one == other:
        assert (names[0] < names[1]) == (first < last)
    for route, name in zip((one, other), names, strict=True):
        queue = queue_name(route).encode()
        assert queue + b"|" <= name < queue + b"}"
        for foreign, other_name in zip((one, other), names, strict=True):
            assert (queue + b"|" <= other_name < queue + b"}") == (foreign == route)


@given(ROUTES)
def test_a_route_is_found_again(route: str) -> None:
    assert route_of_queue(queue_name(route)) == route


@given(st.text(max_size=60), st.text(max_size=5))
def test_the_name_of_the_retry_follows_a_position_of_fixed_length(entry_id: str, retry: str) -> None:
    name = parked_name("a", entry_id, retry).encode("utf-8", "surrogatepass")
    assert name[len(b"a|") + 41 + 1 :] == retry.encode("utf-8", "surrogatepass")
