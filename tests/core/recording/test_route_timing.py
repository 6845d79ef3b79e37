"""The timing of a route counts every run, though it measures only a sample of a burst."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamroute.core.recording.histogram import LIMITS
from streamroute.core.recording.route_timing import RouteTiming, Run
from streamroute.message import Message

BURST = 1_000


def message(age: float = 0.0) -> Message:
    """Return a message whose entry was added ``age`` seconds ago."""
    return Message({}, id=f"{int((time.time() - age) * 1000)}-0", stream="s")


def begin(timing: RouteTiming) -> Run | None:
    """Start a run as the dispatcher does."""
    if timing.left:
        timing.left -= 1
        return None
    return timing.start()


def end(timing: RouteTiming, run: Run | None, *, succeeds: bool, payload: object = None) -> None:
    """End a run as the dispatcher does."""
    if not succeeds:
        timing.failed(run)
    elif run is not None:
        run.succeeded(message() if payload is None else payload)


def timing_of(joined: list[RouteTiming] | None = None) -> RouteTiming:
    """Return a timing that joins this list in each period."""
    return RouteTiming((joined if joined is not None else []).append)


def test_a_run_is_measured_from_its_start() -> None:
    timing = timing_of()
    started = time.monotonic() - 2.0
    Run(timing, started, 1).succeeded(message())
    assert timing.handler.counts[LIMITS.index(2.5)] == 1
    assert timing.handler.seconds == pytest.approx(2.0, abs=0.4)


def test_an_entry_is_measured_from_its_id() -> None:
    timing = timing_of()
    end(timing, begin(timing), succeeds=True, payload=message(age=20.0))
    assert timing.entry.counts[LIMITS.index(30.0)] == 1


@pytest.mark.parametrize("entry_id", ["", "x-1", "-1", "9" * 20, "१२-0", None])
def test_an_id_without_a_time_is_left_out(entry_id: str | None) -> None:
    """A scheduler's message has an id of its own; a plain dict has none."""
    timing = timing_of()
    payload = {} if entry_id is None else Message({}, id=entry_id, stream="s")
    end(timing, begin(timing), succeeds=True, payload=payload)
    assert (timing.handler.count, timing.entry.count) == (1, 0)


def test_a_failed_run_is_in_the_times_of_the_handler_alone() -> None:
    timing = timing_of()
    end(timing, begin(timing), succeeds=False)
    assert (timing.handler.count, timing.entry.count) == (1, 0)


def test_few_runs_of_a_burst_are_measured() -> None:
    timing = timing_of()
    measured = sum(begin(timing) is not None for _ in range(BURST))
    assert 200 <= measured <= 250


def test_the_first_runs_of_each_period_are_measured() -> None:
    joined: list[RouteTiming] = []
    timing = timing_of(joined)
    for _ in range(3):
        for _ in range(BURST):
            end(timing, begin(timing), succeeds=True)
        timing.end_period()
        assert begin(timing) is not None
        timing.end_period()
    assert joined == [timing] * 6


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 30)), max_size=600), st.sets(st.integers(0, 600)))
def test_every_run_is_counted_once(runs: list[tuple[bool, int]], period_ends: set[int]) -> None:
    """Whatever fails, however many run at once, and whenever a period ends."""
    timing = timing_of()
    running: list[tuple[Run | None, bool]] = []
    for number, (succeeds, concurrent) in enumerate(runs):
        running.append((begin(timing), succeeds))
        while len(running) > concurrent:
            run, outcome = running.pop(0)
            end(timing, run, succeeds=outcome)
        if number in period_ends:
            timing.end_period()
    for run, outcome in running:
        end(timing, run, succeeds=outcome)
    timing.end_period()
    successes = sum(succeeds for succeeds, _ in runs)
    assert timing.handler.count == len(runs)
    end(timing, timing.start(), succeeds=True)  # runs that failed unmeasured are made up for by the next one
    assert timing.entry.count == successes + 1


@given(st.lists(st.booleans(), min_size=1, max_size=600))
def test_no_count_ever_decreases(outcomes: list[bool]) -> None:
    """A scraper takes a lower count for a restart."""
    timing = timing_of()
    before = timing.handler.counts + timing.entry.counts
    for number, succeeds in enumerate(outcomes):
        end(timing, begin(timing), succeeds=succeeds)
        if number % 250 == 249:
            timing.end_period()
        now = timing.handler.counts + timing.entry.counts
        assert all(later >= earlier for later, earlier in zip(now, before, strict=True))
        before = now
