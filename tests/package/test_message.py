"""A message's copies: what one route changes is seen by no other."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from messages import message_of
from streamroute.delivery import Delivery
from streamroute.message import Message, copy_for_route, first_deliveries, unshared_copy

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
)


def containers(value: Any) -> list[Any]:
    """Every dict and list in a value."""
    if isinstance(value, dict):
        return [value, *(found for item in value.values() for found in containers(item))]
    if isinstance(value, list):
        return [value, *(found for item in value for found in containers(item))]
    return []


@given(VALUES)
def test_a_copy_is_equal_and_shares_no_dict_and_no_list(value: Any) -> None:
    copied = unshared_copy(value)
    assert copied == value
    assert repr(copied) == repr(value)  # the order of keys, and the types of numbers
    assert not {id(one) for one in containers(copied)} & {id(one) for one in containers(value)}


def test_a_copy_may_be_of_any_depth() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert unshared_copy(deep) is not deep


class Uncopied:
    """Something of a user's codec that cannot be copied."""

    def __deepcopy__(self, _memo: object) -> Any:
        raise KeyboardInterrupt


def test_a_copy_shares_only_values_that_cannot_be_copied() -> None:
    fixed, payload = Uncopied(), {"set": {1, 2}, "tuple": ([1],)}
    copied = unshared_copy({**payload, "fixed": fixed})
    assert copied["fixed"] is fixed
    copied["set"].add(3)
    copied["tuple"][0].append(2)
    assert payload == {"set": {1, 2}, "tuple": ([1],)}


def test_a_message_of_a_read_is_one_of_the_constructors() -> None:
    coordinator, raw = object(), [b"type", b"t"]
    message = first_deliveries("s", "g", 7, coordinator, None)({"type": "t"}, "1-0", raw)
    facts = {"lease_confirmed_at": 7, "coordinator": coordinator, "outcomes": []}
    built = message_of({"type": "t"}, id="1-0", stream="s", group="g", **facts)
    assert (message, message.raw) == (built, raw)
    assert message.fields == {b"type": b"t"}
    for name in set(Message.__slots__) - {"raw", "delivery"}:
        assert getattr(message, name) == getattr(built, name), name
    for name in Delivery.__slots__:
        assert getattr(message.delivery, name) == getattr(built.delivery, name), name
    assert (message.delivery.generation, message.replay, copy_for_route(message)) == ("", None, message)


def test_the_copy_of_a_message_is_the_same_delivery() -> None:
    """Its outcomes and dedupe locks are those of the message, which is settled once."""
    message = message_of(
        {"type": "t", "guest": {"tier": "gold"}},
        id="1-0",
        stream="s",
        group="g",
        deliveries=2,
        attempt=3,
        routes=frozenset({"r"}),
        fields={b"type": b"t"},
        outcomes=[],
        accepted=True,
        unknown_since=7,
    )
    copied = copy_for_route(message)
    assert isinstance(copied, Message)
    assert copied == message
    for name in Message.__slots__:
        assert getattr(copied, name) == getattr(message, name), name
    copied["guest"]["tier"] = "changed"
    assert message["guest"]["tier"] == "gold"
    assert copied.delivery is message.delivery


def test_the_copy_of_a_plain_payload_is_a_plain_dict() -> None:
    payload = {"a": [1]}
    copied = copy_for_route(payload)
    assert type(copied) is dict
    copied["a"].append(2)
    assert payload == {"a": [1]}


def test_the_copy_of_what_contains_itself_contains_itself() -> None:
    knot: dict[str, Any] = {}
    knot["a"], knot["b"] = knot, [knot, (knot,)]
    copied = unshared_copy(knot)
    assert copied is not knot
    assert copied["a"] is copied["b"][0] is copied["b"][1][0] is copied


def test_a_value_referenced_twice_is_copied_once() -> None:
    """As a list, this would have 2**200 leaves."""
    shared: Any = [1]
    for _ in range(200):
        shared = [shared, shared]
    copied, seen = unshared_copy({"type": "t", "shared": shared})["shared"], shared
    for _ in range(200):
        assert copied is not seen
        assert copied[0] is copied[1]
        copied, seen = copied[0], seen[0]
    assert copied == [1]


def test_a_failed_copy_leaves_nothing_behind() -> None:
    """The list is half of a copy when the copy of what holds it fails."""
    fixed = Uncopied()
    inner = ["a", fixed]
    copied = unshared_copy([inner, ({"inner": inner}, fixed)])
    assert copied[0] == inner
    assert copied[0] is not inner
    assert copied[0][1] is fixed


def test_a_message_built_by_hand_is_pending_in_its_stream() -> None:
    plain = Message({}, id="1-0", stream="s")
    collecting = Message({}, id="1-0", stream="s", delivery=Delivery(outcomes=[]))
    retry = Message({}, id="1-0", stream="s", delivery=Delivery("2-0", "s:retry"))
    for message in (plain, collecting):
        assert (message.delivery.entry_id, message.delivery.pending_key) == ("1-0", "s")
        assert not message.is_stored_retry
    assert (retry.delivery.entry_id, retry.delivery.pending_key) == ("2-0", "s:retry")
    assert retry.is_stored_retry
