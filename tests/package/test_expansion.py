"""Expansion: what is far larger when it is walked through than it is, and what is merely large."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from streamroute.adapters.codecs.builtin import codec_named
from streamroute.adapters.codecs.strict_json import write_json
from streamroute.adapters.entries.entry_reader import EntryReader
from streamroute.compiler.runtime.dedupe import digest
from streamroute.compiler.runtime.ordering_key import order_key
from streamroute.errors import EncodeError
from streamroute.expansion import MAX_VALUES, ExpansionError, refuse_expanding
from streamroute.expressions.evaluate.cost_limit import TooCostlyError
from streamroute.expressions.explain.trace import trace
from streamroute.expressions.explain.trace_explanation import as_text, json_safe
from streamroute.expressions.filters import FilterError, compile_filter
from streamroute.expressions.values import compile_value
from streamroute.keys import GroupKeys
from streamroute.message import ExpandingMessage, Message, copy_for_route
from streamroute.ops.route_tests.delivery import delivered


def doubled(levels: int, inner: Any = 1) -> Any:
    """A list of ``2 ** levels`` leaves that takes no more room than its levels."""
    for _ in range(levels):
        inner = [inner, inner]
    return inner


def knot() -> dict[str, Any]:
    """What contains itself, twice."""
    value: dict[str, Any] = {}
    value["a"], value["b"] = value, (value,)
    return value


@pytest.mark.parametrize("value", [doubled(40), doubled(40, {}), {"a": doubled(40)}, (doubled(40),), knot()])
def test_endless_expansion_is_rejected_in_every_position(value: Any) -> None:
    with pytest.raises(ExpansionError, match="contains itself, or the same values so often"):
        refuse_expanding(value)
    with pytest.raises(ExpansionError):
        digest(value)
    with pytest.raises(ExpansionError):
        write_json(value)
    for codec in ("json", "typed-fields"):
        with pytest.raises(EncodeError, match="contains itself"):
            codec_named(codec).encode({"type": "t", "value": value})
    assert order_key("value")({"value": value}) is None
    assert len(as_text(value)) <= 200


def accepted_values() -> Iterator[Any]:
    """Large and shared values, one after the other: each takes much memory."""
    yield from (None, "text", [], {"a": [1, {"b": ()}]}, doubled(10))
    yield list(range(3 * MAX_VALUES))
    yield [[n] for n in range(MAX_VALUES)]
    yield [[1, 2, 3]] * (MAX_VALUES // 10)
    yield {f"{n}": [n, [n]] for n in range(MAX_VALUES)}


def test_large_and_shared_values_are_accepted() -> None:
    for value in accepted_values():
        refuse_expanding(value)
        assert digest(value)


class Knitting:
    """A codec of a user's, which makes much of a few bytes."""

    def __init__(self, levels: int) -> None:
        self._levels = levels

    def decode(self, fields: dict[bytes, bytes]) -> dict[str, Any]:
        """Two that are equal, and not the same."""
        return {"type": "t", "a": doubled(self._levels), "b": doubled(self._levels), "n": len(fields)}

    def encode(self, payload: Mapping[str, Any]) -> dict[bytes, bytes]:
        """As it wants."""
        return {b"d": b"x"}


def read(levels: int) -> Message:
    """The message of an entry of two bytes."""
    reader = EntryReader(Knitting(levels), GroupKeys.of("s", "g"), "g")
    [(_, message)] = reader.read_new([(b"1-0", [b"d", b"x"])], read_at=0)
    assert isinstance(message, Message)
    return message


def test_values_that_a_codec_expanded_are_detected() -> None:
    message = read(40)
    assert type(message) is type(copy_for_route(message)) is ExpandingMessage
    assert type(read(10)) is type(copy_for_route(read(10))) is Message


FLAT = "a" + "[]" * 40


@pytest.mark.parametrize("expression", ["a == b", "a != b && n == `1`", "to_string(a) == 'x'", FLAT])
def test_an_expression_is_stopped_although_its_entry_is_small(expression: str) -> None:
    accepts = compile_filter(expression)
    with pytest.raises(FilterError, match="it takes too many steps for this message"):
        accepts(read(40))
    assert accepts(read(3)) is accepts(dict(read(3)))


def test_a_value_is_stopped_although_its_entry_is_small() -> None:
    text = compile_value("to_string(a)")
    with pytest.raises(TooCostlyError):
        text(read(40))
    assert text(read(1)) == "[1,1]"


def test_routes_that_do_not_walk_the_payload_still_run() -> None:
    assert compile_filter("n == `1` && a[0][1]")(read(40))


def test_explain_stops_and_truncates_large_values() -> None:
    compared = trace("a == b", read(40))
    assert compared.error == "it takes too many steps for this message"
    assert trace("a == b", read(3)).truth is True
    truncated = json_safe(doubled(40))
    assert truncated.startswith("[[[[[[")
    assert len(truncated) <= 200
    assert json_safe([1]) == [1]


def test_explain_and_test_detect_expanded_values_too() -> None:
    streams = {"events": SimpleNamespace(codec="knots.Knitting")}
    document = SimpleNamespace(streams=streams)
    for levels, kind in ((40, ExpandingMessage), (3, dict)):
        codecs = {"events": Knitting(levels)}
        compiled: Any = SimpleNamespace(document=document, codecs=codecs, checks=lambda _stream: {})
        assert type(delivered(compiled, {"type": "t"}, "events")) is kind
