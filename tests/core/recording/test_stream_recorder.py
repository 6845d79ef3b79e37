"""The recorder of a stream keeps one timing a route, and counts failures by class in bounded memory."""

from __future__ import annotations

import asyncio

from streamroute.core.recording.stream_recorder import OTHER_CLASSES, StreamRecorder
from streamroute.values import DeadLetter, RetryLater


def test_only_routes_that_ran_have_a_timing_to_read() -> None:
    async def run() -> StreamRecorder:
        recorder = StreamRecorder()
        assert recorder.timing("a") is recorder.timing("a")
        recorder.timing("b")
        recorder.timing("a").start()
        return recorder

    assert list(asyncio.run(run()).timings) == ["a"]


def test_the_runs_of_a_burst_are_all_counted_once_the_period_has_ended() -> None:
    async def run() -> int:
        recorder = StreamRecorder()
        timing = recorder.timing("a")
        for _ in range(210):
            if timing.left:
                timing.left -= 1
            else:
                timing.start().succeeded({})
        assert timing.handler.count < 210
        recorder.end_period()
        return timing.handler.count

    assert asyncio.run(run()) == 210


def test_failures_are_counted_by_class() -> None:
    recorder = StreamRecorder()
    recorder.failed(RetryLater("a", 1.0, 2, "", error_class="KeyError"))
    recorder.failed(RetryLater("a", 1.0, 2, "", error_class="KeyError"))
    recorder.failed(DeadLetter("a", "", error_class="KeyError"))
    assert recorder.failures == {("a", "retried", "KeyError"): 2, ("a", "dead", "KeyError"): 1}


def test_what_no_exception_caused_is_not_counted() -> None:
    recorder = StreamRecorder()
    recorder.failed(RetryLater("a", 1.0, 2, "", postponed=True))
    recorder.failed(DeadLetter(None, "it is no JSON"))
    assert recorder.failures == {}


def test_further_classes_are_counted_together() -> None:
    recorder = StreamRecorder()
    for number in range(1_000):
        recorder.failed(DeadLetter("a", "", error_class=f"Error{number}"))
    recorder.failed(DeadLetter("b", "", error_class="Error999"))
    assert len(recorder.failures) == 102
    assert recorder.failures["a", "dead", OTHER_CLASSES] == 900
    assert recorder.failures["b", "dead", "Error999"] == 1
