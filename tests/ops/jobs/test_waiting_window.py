"""The window follows the rate at which messages are processed, within its bounds."""

from __future__ import annotations

from streamroute.ops.jobs.waiting_window import WaitingWindow


def run(per_second: float, steps: int, every: int = 20) -> WaitingWindow:
    """Fill the window each 20 ms, while workers process so many messages a second."""
    window, waiting, backlog = WaitingWindow(), 0, 0.0
    for at in range(1, steps + 1):
        backlog += per_second * every / 1000
        done = min(waiting, int(backlog))
        backlog -= done
        waiting -= done
        added = max(0, window.size - waiting)
        waiting += added
        window.note(at * every, waiting, added)
    return window


def test_it_starts_small_and_stays_small_without_workers() -> None:
    assert WaitingWindow().size == 4
    assert run(0, 100).size == 4


def test_it_holds_what_is_processed_in_a_tenth_of_a_second() -> None:
    assert 15 <= run(200, 200).size <= 25


def test_it_is_bounded_for_fast_workers() -> None:
    assert run(50_000, 100).size == 200


def test_its_room_is_what_is_left_and_at_least_one() -> None:
    window = WaitingWindow()
    window.note(1, 3, 3)
    assert window.room == 1
    window.note(2, 9, 0)
    assert window.room == 1
