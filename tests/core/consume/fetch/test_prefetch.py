"""The read size depends on the handlers' start rate, the free workers and the entries' size."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamroute.core.consume.fetch.prefetch import PrefetchWindow, over_byte_budget
from streamroute.message import Message, first_deliveries


class Clock:
    """A clock set by the test."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def entries(count: int, size: int = 100) -> list[tuple[str, dict[str, object]]]:
    """Return this many entries of about ``size`` bytes each."""
    return [(f"{n}-0", Message({}, fields={b"data": b"x" * size})) for n in range(count)]


def test_reads_double_while_the_handlers_wait_for_entries() -> None:
    """A backlog is soon read in large steps, but not at once."""
    window, sizes = PrefetchWindow(500, 0.1, Clock()), []
    for _ in range(8):
        sizes.append(min(window.most, window.room(queued=0, free=32, started=0)))
        window.record_read(entries(sizes[-1]))
    assert sizes == [4, 8, 16, 32, 64, 128, 256, 500]


def test_slow_handlers_have_little_waiting_behind_them() -> None:
    """Entries that would wait here for minutes are left to other workers."""
    clock = Clock()
    window = PrefetchWindow(500, 0.1, clock)
    window.record_read(entries(32))
    clock.now = 10.0
    assert window.room(queued=0, free=0, started=32) == 1


def test_fast_handlers_have_two_reads_waiting_behind_them() -> None:
    """One is handled while the next one arrives."""
    clock = Clock()
    window = PrefetchWindow(500, 0.1, clock)
    started = 0
    for _ in range(20):
        clock.now += 0.01
        started += 500
        window.record_read(entries(500))
        room = window.room(queued=500, free=0, started=started)
    assert room == 1000


def test_large_entries_are_read_a_few_at_a_time() -> None:
    """Five hundred entries of a megabyte would be half a gigabyte."""
    window = PrefetchWindow(500, 0.1, Clock())
    for _ in range(6):
        window.record_read(entries(window.most, 1_000_000))
    assert window.most == 16
    for _ in range(30):
        window.record_read(entries(window.most))
    assert window.most == 500


def test_large_entries_behind_a_small_one_are_seen() -> None:
    """Eight entries of a read are measured, spread over all of it."""
    window = PrefetchWindow(500, 0.1, Clock())
    for _ in range(8):
        window.record_read([*entries(1), *entries(63, 500_000)])
    assert 30 < window.most < 45


def test_the_rate_follows_what_handlers_start_and_forgets_slowly() -> None:
    clock = Clock()
    window = PrefetchWindow(1000, 1.0, clock)
    window.record_read(entries(500))
    clock.now = 1.0
    assert window.room(queued=1, free=0, started=100) == 64  # of 100: the first moment has limited weight
    clock.now = 2.0
    assert window.room(queued=1, free=0, started=200) == 87
    clock.now = 3.0
    assert window.room(queued=1, free=0, started=200) == 32


def test_entries_of_unknown_size_are_no_reason_to_read_less() -> None:
    window = PrefetchWindow(500, 0.1, Clock())
    for _ in range(8):
        window.record_read([("1-0", {"type": "booked"})] * window.most)
    assert window.most == 500


@settings(deadline=None)  # a busy machine stalls for longer than the default
@given(
    st.integers(1, 1000),
    st.lists(
        st.tuples(st.floats(0, 10), st.integers(0, 500), st.integers(0, 64), st.integers(0, 5000)),
        max_size=30,
    ),
)
def test_the_capacity_is_at_least_one_entry_and_at_most_two_reads(
    most: int, steps: list[tuple[float, int, int, int]]
) -> None:
    """In every state the reader makes progress, and the queue is bounded."""
    clock = Clock()
    window = PrefetchWindow(most, 0.1, clock)
    started = 0
    for passed, queued, free, more in steps:
        clock.now += passed
        started += more
        assert 1 <= window.room(queued=queued, free=free, started=started) <= 2 * most
        assert 1 <= window.most <= most
        window.record_read(entries(min(most, queued)))


MEGABYTE = 1024 * 1024


def sized(*sizes: int) -> list[tuple[str, dict[str, object]]]:
    """Return entries of exactly these sizes in bytes."""
    return [(f"{n}-0", Message({}, fields={b"": b"x" * size})) for n, size in enumerate(sizes)]


@pytest.mark.parametrize(
    ("size", "most"),
    [(16, 1), (8, 2), (4, 4), (2, 8), (1, 16), (32, 1)],
)
def test_a_read_brings_sixteen_megabytes_at_most_and_one_entry_at_least(size: int, most: int) -> None:
    window = PrefetchWindow(500, 0.1, Clock())
    window.record_read(sized(*[0] * 250))
    window.record_sizes(sized(size * MEGABYTE))
    assert window.most == most


def test_after_a_large_entry_reads_double_again() -> None:
    """The estimated size of a read at most halves each time."""
    window, seen = PrefetchWindow(500, 0.1, Clock()), []
    window.record_read(sized(*[0] * 250))
    window.record_sizes(sized(16 * MEGABYTE))
    for _ in range(5):
        seen.append(window.most)
        window.record_sizes(sized(1))
    assert seen == [1, 2, 4, 8, 16]


def test_claims_do_not_change_the_prefetch() -> None:
    window = PrefetchWindow(500, 0.1, Clock())
    window.record_sizes(entries(100))
    window.record_sizes([])
    assert window.most == 4
    window.record_read(entries(3))
    assert window.most == 6
    window.record_read([])
    assert window.most == 4


def test_entries_that_the_server_sent_are_measured_as_they_came() -> None:
    """Alternating names and values: the fields are not decoded yet."""
    message = first_deliveries("s", "g", 0, None, None)({}, "1-0", [b"data", b"x" * (4 * MEGABYTE - 4)])
    window = PrefetchWindow(500, 0.1, Clock())
    window.record_read(sized(*[0] * 250))
    window.record_sizes([("1-0", message)])
    assert window.most == 4
    assert message.fields == {b"data": b"x" * (4 * MEGABYTE - 4)}
    window.record_sizes([("1-0", message)])
    assert window.most == 4


@pytest.mark.parametrize(
    ("sizes", "heavy"),
    [
        ([8 * MEGABYTE], False),
        ([8 * MEGABYTE, 1], True),
        ([4 * MEGABYTE, 4 * MEGABYTE], False),
        ([4 * MEGABYTE, 4 * MEGABYTE, 1], True),
        ([], False),
    ],
)
def test_a_claim_of_more_than_half_of_what_one_should_bring_is_heavy(sizes: list[int], heavy: bool) -> None:
    assert over_byte_budget(sized(*sizes)) is heavy


def test_entries_of_unknown_size_are_not_heavy() -> None:
    assert not over_byte_budget([("1-0", {})] * 1000, budget=20)


@pytest.mark.parametrize(
    ("queued", "free", "last", "room"),
    [
        (0, 3, 0, 3),  # as many as there are workers
        (0, 3, 10, 20),  # they wait for entries: twice as many as before
        (5, 3, 10, 3),  # something is queued for them
        (0, 0, 10, 1),  # none waits
        (0, 60, 10, 40),  # two reads at most
        (0, 0, 0, 1),
    ],
)
def test_room_is_for_what_free_workers_take_at_once(queued: int, free: int, last: int, room: int) -> None:
    window = PrefetchWindow(500, 0.1, Clock())
    window.record_read(entries(last))
    assert window.room(queued=queued, free=free, started=0) == room


def test_room_is_for_what_handlers_start_in_a_moment() -> None:
    clock = Clock()
    window = PrefetchWindow(500, 0.5, clock)
    window.record_read(entries(250))
    clock.now = 1e-6
    assert window.room(queued=9, free=0, started=100) == 100  # a millionth of a second is long enough
    clock.now = 10.0
    assert window.room(queued=9, free=7, started=199) == 12  # ten a second, and the free workers
    assert window.room(queued=9, free=0, started=9999) == 5  # no time has passed


@pytest.mark.parametrize(
    ("megabytes", "most"),
    [([0, 16], 2), ([0] * 7 + [16], 8), ([0, 16] * 4, 2), ([16, 0] * 8, 1), ([0, 16] * 8, 32)],
)
def test_up_to_eight_entries_of_a_read_are_measured(megabytes: list[int], most: int) -> None:
    window = PrefetchWindow(500, 0.1, Clock())
    window.record_read(sized(*(size * MEGABYTE for size in megabytes)))
    assert window.most == most


def test_skipped_entries_count_for_the_size_of_the_next_read() -> None:
    """Otherwise a stream of which most is skipped would be read a few entries at a time."""
    window, sizes = PrefetchWindow(500, 0.1, Clock()), []
    for _ in range(8):
        sizes.append(window.size(window.room(queued=0, free=32, started=0)))
        window.record_skipped(sizes[-1] - 1, sizes[-1], 100.0)
        window.record_read(entries(1))
    assert sizes == [4, 8, 16, 32, 64, 128, 256, 500]
    assert window.room(queued=0, free=32, started=0) == 32
    window.record_read(entries(3))
    assert window.most == 6


def test_slow_handlers_have_little_waiting_behind_them_if_most_entries_are_skipped() -> None:
    """What is skipped says nothing about how soon handlers start those that are not."""
    clock = Clock()
    window, started, queued = PrefetchWindow(500, 0.1, clock), 0, 0
    for turn in range(1000):
        clock.now += 0.001
        if queued and not turn % 100:  # ten workers start one message a second each
            started, queued = started + 1, queued - 1
        room = window.room(queued=queued, free=0, started=started)
        if queued < room // 2 + 1:
            size = window.size(room - queued)
            handled = (size + 19) // 20
            if handled < size:
                window.record_skipped(size - handled, size, 100.0)
            window.record_read(entries(handled))
            queued += handled
            assert queued <= 3
    assert started > 5


def test_after_a_read_without_skipped_entries_the_next_has_no_more_than_the_queue_has_room_for() -> None:
    window = PrefetchWindow(500, 0.1, Clock())
    for _ in range(20):
        window.record_skipped(500, 500, 100.0)
    assert window.room(queued=0, free=1, started=0) == 1
    assert window.size(1) == 500
    window.record_read(entries(500))
    assert window.size(1) == 1


def test_large_skipped_entries_are_read_a_few_at_a_time() -> None:
    window = PrefetchWindow(500, 0.1, Clock())
    window.record_skipped(500, 500, 1_000_000.0)
    assert window.most == 16
