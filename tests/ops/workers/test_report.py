"""A worker's report as a line: by names, so that two versions understand each other."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamroute.core.observer import Result
from streamroute.incidents import Incident
from streamroute.message import Message
from streamroute.ops.metrics.counters import Counters
from streamroute.ops.metrics.process_stats import ProcessStats
from streamroute.ops.workers.report import WorkerReport

STATS = ProcessStats(
    0.5,
    {"s": 1},
    {"s": 32},
    stopped_canaries={"s": {"new": 1}},
    generation="abc",
    old_generations={"def": 2},
    running_routes={"s": {"a": 3}},
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(
    [
        *("routes", "unlisted", "events", "types", "messages", "stream", "route", "count", "lag"),
        *("shadows", "counts", "stopped_canaries", "generation", "old_generations"),
        *("recorded", "times", "handler", "entry", "failures", "result", "class", "running_routes"),
    ]
)
NEARLY = st.recursive(
    JSON, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=12
)


def counted() -> Counters:
    counters = Counters({"s": ("r",)})
    counters.observe(Message({}, stream="s"), "r", Result.SUCCEEDED)
    counters.observe(Message({"type": "a\nb \ud800"}, stream="s"), None, Result.UNKNOWN)
    counters.observe(Message({}, stream="s"), "shade", Result.SHADOW_MATCHED)
    counters.count_event("s", Incident.CLAIMED, 3)
    return counters


NO_SHADOWS = {"matched": 0, "not_matched": 0, "filter_error": 0, "transform_error": 0}


@pytest.mark.parametrize("ready", [True, False])
@pytest.mark.parametrize("ended", [True, False])
def test_a_line_holds_all_of_a_report(ready: bool, ended: bool) -> None:
    line = WorkerReport(ready=ready, ended=ended, counts=counted(), stats=STATS).to_line()
    assert (line[-1:], line.count(b"\n")) == (b"\n", 1)
    found = WorkerReport.from_line(line)
    assert (found.ready, found.ended, found.stats) == (ready, ended, STATS)
    assert found.counts is not None
    assert found.counts.as_dict() == counted().as_dict()


def test_a_report_has_names_and_no_positions() -> None:
    output = json.loads(WorkerReport(ready=True, counts=counted(), stats=STATS).to_line())
    assert output["counts"]["routes"] == [
        {"stream": "s", "route": "r", "counts": {"matched": 1, "succeeded": 1}}
    ]
    assert {"stream": "s", "event": "claimed", "count": 3} in output["counts"]["events"]
    assert {"stream": "s", "route": "shade", "counts": {**NO_SHADOWS, "matched": 1}} in output["counts"][
        "shadows"
    ]
    assert output["stats"] == {
        "lag": 0.5,
        "running": {"s": 1},
        "concurrency": {"s": 32},
        "stuck": {},
        "stopped_canaries": {"s": {"new": 1}},
        "generation": "abc",
        "old_generations": {"def": 2},
        "running_routes": {"s": {"a": 3}},
    }


def test_a_report_without_counts_is_marked() -> None:
    assert WorkerReport.from_line(WorkerReport(stats=STATS).to_line()).counts is None


def test_a_report_of_another_version_is_understood() -> None:
    """It lacks names, and has others."""
    row = {"stream": "s", "route": "r", "counts": {"matched": 2, "quarantined": 1}}
    output = {
        "ready": True,
        "version": "9",
        "counts": {"routes": [row], "by_tenant": []},
        "stats": {"load": 1},
    }
    found = WorkerReport.from_line(json.dumps(output).encode())
    assert found.counts is not None
    assert found.counts.backlog["s", "r"]["matched"] == 2
    assert (found.ready, found.ended, found.stats) == (True, False, ProcessStats(0.0, {}, {}))


@given(JSON | st.fixed_dictionaries({}, optional={"counts": NEARLY, "stats": NEARLY, "ready": JSON}))
def test_a_line_is_a_report_or_a_value_error(output: Any) -> None:
    report = None
    with suppress(ValueError):
        report = WorkerReport.from_line(json.dumps(output).encode())
    assert report is None or WorkerReport.from_line(report.to_line()) == report


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"\xff",
        b"NaN",
        b"[" * 100_000,
        b'{"counts": {"routes": [[]]}}',
        b'{"counts": {"events": [{"stream": [], "event": "", "count": 1}]}}',
        b'{"counts": {"unlisted": {"messages": Infinity}}}',
        b'{"stats": {"lag": "much"}}',
    ],
)
def test_an_invalid_report_is_a_value_error(line: bytes) -> None:
    with pytest.raises(ValueError):
        WorkerReport.from_line(line)
