"""What processes recorded can be sent as JSON, and added up."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import pytest

from streamroute.core.recording.histogram import LIMITS
from streamroute.core.recording.route_timing import Run
from streamroute.message import Message
from streamroute.ops.metrics.recorded import Recorded
from streamroute.values import DeadLetter


def recorded() -> Recorded:
    """Return one run of a route, and a failure of another."""
    result = Recorded()
    result.recorder("s").timings["a"] = timing = result.recorder("s").timing("a")
    message = Message({}, id=f"{int(time.time() * 1000)}-0", stream="s")
    Run(timing, time.monotonic(), 1).succeeded(message)
    result.recorder("s").failed(DeadLetter("b", "", error_class="KeyError"))
    return result


def counts(of: Recorded) -> dict[tuple[str, str], tuple[int, int]]:
    """Return the counts of the histograms."""
    return {key: (times.handler.count, times.entry.count) for key, times in of.times().items()}


def test_a_report_reads_back() -> None:
    again = Recorded.from_dict(json.loads(json.dumps(recorded().as_dict())))
    assert counts(again) == {("s", "a"): (1, 1)}
    assert again.failures() == {("s", "b", "dead", "KeyError"): 1}
    assert Recorded.from_dict({}).times() == {}


def test_the_sum_has_the_runs_of_all() -> None:
    total = recorded()
    total.add(recorded())
    total.add(Recorded.from_dict(recorded().as_dict()))
    assert counts(total) == {("s", "a"): (3, 3)}
    assert total.failures() == {("s", "b", "dead", "KeyError"): 3}


def test_times_are_copies() -> None:
    one = recorded()
    one.times()["s", "a"].handler.record(1.0)
    total = Recorded()
    total.add(one)
    total.times()["s", "a"].handler.record(1.0)
    assert counts(one) == counts(total) == {("s", "a"): (1, 1)}


def test_times_by_the_limits_of_another_release_are_left_out() -> None:
    data = recorded().as_dict() | {"limits": [1.0, 2.0]}
    again = Recorded.from_dict(data)
    assert again.times() == {}
    assert again.failures() == {("s", "b", "dead", "KeyError"): 1}


@pytest.mark.parametrize(
    "data",
    [
        {"limits": LIMITS, "times": [1]},
        {"limits": LIMITS, "times": [{"stream": "s", "route": "a", "handler": [], "entry": [2]}]},
        {"limits": LIMITS, "times": [{"stream": "s"}]},
        {"limits": 1},
        {"failures": ["x"]},
    ],
)
def test_other_values_are_refused(data: Mapping[str, Any]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        Recorded.from_dict(data)
