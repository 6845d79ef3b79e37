"""The size of reads follows what the handlers start, what slots are free, and how large entries are."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from streamroute.core.pace import Pace
from streamroute.message import Message


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def entries(count: int, size: int = 100) -> list[tuple[str, dict[str, object]]]:
    """As many entries of about that many bytes."""
    return [(f"{n}-0", Message({}, fields={b"data": b"x" * size})) for n in range(count)]


def test_reads_double_while_the_handlers_wait_for_entries() -> None:
    """A backlog is read in large steps soon, and not at once."""
    pace, sizes = Pace(500, 0.1, Clock()), []
    for _ in range(8):
        sizes.append(min(pace.most, pace.room(queued=0, free=32, started=0)))
        pace.read(entries(sizes[-1]))
    assert sizes == [4, 8, 16, 32, 64, 128, 256, 500]


def test_slow_handlers_have_little_waiting_behind_them() -> None:
    """What would wait for minutes here is left to other workers."""
    clock = Clock()
    pace = Pace(500, 0.1, clock)
    pace.read(entries(32))
    clock.now = 10.0
    assert pace.room(queued=0, free=0, started=32) == 1


def test_fast_handlers_have_two_reads_waiting_behind_them() -> None:
    """One is handled while the next is on its way."""
    clock = Clock()
    pace = Pace(500, 0.1, clock)
    started = 0
    for _ in range(20):
        clock.now += 0.01
        started += 500
        pace.read(entries(500))
        room = pace.room(queued=500, free=0, started=started)
    assert room == 1000


def test_large_entries_are_read_a_few_at_a_time() -> None:
    """Five hundred entries of a megabyte would be half a gigabyte."""
    pace = Pace(500, 0.1, Clock())
    for _ in range(6):
        pace.read(entries(pace.most, 1_000_000))
    assert pace.most == 16
    for _ in range(30):
        pace.read(entries(pace.most))
    assert pace.most == 500


def test_large_entries_behind_a_small_one_are_seen() -> None:
    """Eight of a read are measured, spread over all of it."""
    pace = Pace(500, 0.1, Clock())
    for _ in range(8):
        pace.read([*entries(1), *entries(63, 500_000)])
    assert 30 < pace.most < 45


def test_the_rate_follows_what_handlers_start_and_forgets_slowly() -> None:
    clock = Clock()
    pace = Pace(1000, 1.0, clock)
    pace.read(entries(500))
    clock.now = 1.0
    assert pace.room(queued=1, free=0, started=100) == 64  # of a hundred, what the first moment weighs
    clock.now = 2.0
    assert pace.room(queued=1, free=0, started=200) == 87
    clock.now = 3.0
    assert pace.room(queued=1, free=0, started=200) == 32


def test_entries_of_unknown_size_are_no_reason_to_read_less() -> None:
    pace = Pace(500, 0.1, Clock())
    for _ in range(8):
        pace.read([("1-0", {"type": "booked"})] * pace.most)
    assert pace.most == 500


@settings(deadline=None)  # a busy machine stops for longer than that
@given(
    st.integers(1, 1000),
    st.lists(
        st.tuples(st.floats(0, 10), st.integers(0, 500), st.integers(0, 64), st.integers(0, 5000)),
        max_size=30,
    ),
)
def test_there_is_always_room_for_one_and_never_for_more_than_two_reads(
    most: int, steps: list[tuple[float, int, int, int]]
) -> None:
    """Whatever happened, the reader goes on, and what waits is bounded."""
    clock = Clock()
    pace = Pace(most, 0.1, clock)
    started = 0
    for passed, queued, free, more in steps:
        clock.now += passed
        started += more
        assert 1 <= pace.room(queued=queued, free=free, started=started) <= 2 * most
        assert 1 <= pace.most <= most
        pace.read(entries(min(most, queued)))
