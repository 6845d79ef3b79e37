"""Events that a program publishes by the command belong to its trace."""

from __future__ import annotations

import pytest

from streamroute.ops.publish.caller_trace import caller_trace

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_the_context_of_the_environment_is_the_callers() -> None:
    assert caller_trace({"TRACEPARENT": PARENT, "TRACESTATE": "v=1"}) == (PARENT, "v=1")


@pytest.mark.parametrize("env", [{}, {"TRACESTATE": "v=1"}, {"TRACEPARENT": "x\r\n"}])
def test_without_a_valid_context_there_is_none(env: dict[str, str]) -> None:
    assert caller_trace(env) is None
