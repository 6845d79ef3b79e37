"""An alarm interrupts blocking code, and leaves the timers of others as they were."""

from __future__ import annotations

import signal
import threading
import time

import pytest

from streamroute.system.alarm import alarm


def interrupt() -> None:
    raise TimeoutError("too long")


def test_blocking_code_is_interrupted() -> None:
    with pytest.raises(TimeoutError, match=r"^too long$"), alarm(0.01, interrupt):
        time.sleep(60)


def test_code_that_continues_is_interrupted_again() -> None:
    count = 0
    with alarm(0.01, interrupt, repeat=0.01):
        while count < 3:
            try:
                time.sleep(60)
            except TimeoutError:
                count += 1
    assert count == 3


def test_nothing_is_called_after_the_block() -> None:
    calls: list[float] = []
    with alarm(0.001, lambda: calls.append(1), repeat=0.001):
        pass
    before = len(calls)
    threading.Event().wait(0.02)
    assert len(calls) == before


def test_a_timer_of_the_caller_continues() -> None:
    before = signal.getsignal(signal.SIGALRM)
    running = signal.setitimer(signal.ITIMER_REAL, 100.0, 7.0)
    try:
        with alarm(50.0, interrupt):
            assert signal.getitimer(signal.ITIMER_REAL)[0] <= 50.0
        remaining, again = signal.getitimer(signal.ITIMER_REAL)
        assert 50.0 < remaining <= 100.0
        assert again == 7.0
        assert signal.getsignal(signal.SIGALRM) is before
    finally:
        signal.setitimer(signal.ITIMER_REAL, *running)


def test_another_thread_is_not_interrupted() -> None:
    ended: list[bool] = []

    def sleep() -> None:
        with alarm(0.001, interrupt):
            time.sleep(0.02)
        ended.append(True)

    thread = threading.Thread(target=sleep)
    thread.start()
    thread.join()
    assert ended == [True]
