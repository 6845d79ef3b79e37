"""Events that a program publishes by the command belong to its trace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from streamroute.adapters.codecs.builtin import codec_named
from streamroute.adapters.entries.field_lists import flatten_fields
from streamroute.ops.publish.caller_trace import in_trace_of_caller

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
OTHER = f"00-{'1' * 32}-{'2' * 16}-01"
ENV = {"TRACEPARENT": PARENT, "TRACESTATE": "v=1"}


class Encoding:
    """A target that encodes by a codec."""

    def __init__(self, codec: str = "json") -> None:
        self.codec = codec_named(codec)

    def encode(self, payload: Mapping[str, Any]) -> list[bytes]:
        return flatten_fields(self.codec.encode(payload))

    async def publish(self, entries: Sequence[list[bytes]]) -> list[str]:
        return [entry[0].decode() for entry in entries]


async def test_its_context_is_written_into_each_entry() -> None:
    target = in_trace_of_caller(Encoding(), ENV)
    entry = target.encode({"type": "t", "n": 1})
    own = [b"traceparent", PARENT.encode(), b"tracestate", b"v=1"]
    assert entry == [b"type", b"t", b"data", b'{"n":1}', *own]
    assert await target.publish([entry]) == ["type"]


@pytest.mark.parametrize("codec", ["json", "fields", "cloudevents"])
def test_an_event_keeps_a_context_of_its_own(codec: str) -> None:
    event = {"type": "t", "source": "/shop", "id": "1", "traceparent": OTHER}
    plain = Encoding(codec)
    assert in_trace_of_caller(plain, ENV).encode(event) == plain.encode(event)


@pytest.mark.parametrize("env", [{}, {"TRACESTATE": "v=1"}, {"TRACEPARENT": "x\r\n"}])
def test_without_a_valid_context_nothing_is_added(env: dict[str, str]) -> None:
    target = Encoding()
    assert in_trace_of_caller(target, env) is target
