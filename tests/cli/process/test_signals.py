"""Which signals count as one request, and which ones as a second."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator

import pytest

from streamroute.cli.process.hangups import Hangups
from streamroute.cli.process.signals import _HandlerGuard, stop_on_signals


@pytest.fixture(autouse=True)
def sighup_is_not_ignored() -> Iterator[None]:
    """The tests may run under ``nohup``, which every process inherits."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


class Left(BaseException):
    """Raised instead of ending the process."""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Return a function that sets the signal handlers' clock; an exit raises Left."""
    now = [100.0]

    def leave(code: int) -> None:
        raise Left(code)

    def set_to(seconds: float) -> None:
        now[0] = 100.0 + seconds

    monkeypatch.setattr("streamroute.cli.process.signals.time.monotonic", lambda: now[0])
    monkeypatch.setattr("streamroute.cli.process.signals.os._exit", leave)
    monkeypatch.setattr("streamroute.cli.process.signals.log_at_once", lambda *_: None)
    return set_to


async def _signalled(clock: Callable[[float], None], *moments: float, second_exits: bool = True) -> list[str]:
    """Return the calls made if SIGTERM arrives at these seconds."""
    called: list[str] = []
    with stop_on_signals(
        lambda: called.append("stop"),
        on_first=lambda: called.append("first"),
        on_second=lambda: called.append("second"),
        second_exits=second_exits,
    ):
        for moment in moments:
            clock(moment)
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.sleep(0)
        await asyncio.sleep(0)
    return called


async def test_signals_within_half_a_second_are_one(clock: Callable[[float], None]) -> None:
    assert await _signalled(clock, 0.0, 0.01, 0.2, 0.49) == ["first", "stop"]


async def test_a_signal_after_half_a_second_counts_as_the_second(clock: Callable[[float], None]) -> None:
    """Counted from the first one, so that a wrapper that signals repeatedly does end the process."""
    with pytest.raises(Left, match=str(128 + signal.SIGTERM)):
        await _signalled(clock, 0.0, 0.3, 0.6)


async def test_a_worker_under_a_supervisor_takes_each_for_the_first(clock: Callable[[float], None]) -> None:
    assert await _signalled(clock, 0.0, 5.0, 60.0, second_exits=False) == ["first", "stop"]


@pytest.mark.parametrize("theirs", [signal.SIG_IGN, signal.SIG_DFL, lambda *_: None])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_handler_that_user_code_has_replaced_is_put_back(
    number: signal.Signals,
    theirs: signal.Handlers | Callable[..., None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    stopped, before = asyncio.Event(), signal.getsignal(number)
    with stop_on_signals(stopped.set, check_interval=0.01):
        ours = signal.signal(number, theirs)
        async with asyncio.timeout(60):
            while signal.getsignal(number) is not ours:  # noqa: ASYNC110 - nobody tells of it
                await asyncio.sleep(0.01)
            os.kill(os.getpid(), number)
            await stopped.wait()
    assert f"replaced the handler of {number.name}" in caplog.text
    assert signal.getsignal(number) is before


async def test_a_handler_that_is_replaced_for_a_moment_is_left_alone() -> None:
    """For example around a section that must not be interrupted."""
    loop, before = asyncio.get_running_loop(), signal.getsignal(signal.SIGTERM)
    keeping = _HandlerGuard(loop, lambda *_: None, [signal.SIGTERM], 1.0)
    signal.signal(signal.SIGTERM, keeping._handler)
    try:
        for _ in range(3):
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            keeping._check()
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
            signal.signal(signal.SIGTERM, keeping._handler)
            keeping._check()
    finally:
        keeping.end()
        signal.signal(signal.SIGTERM, before)


class Terminal:
    """A terminal that a test opens and closes."""

    def __init__(self, *, is_open: bool) -> None:
        self.is_open = is_open

    def __call__(self) -> bool:
        return self.is_open


async def _hung_up(terminal: Terminal, *, close: bool, times: int = 1, reloads: bool = True) -> list[str]:
    """Return the calls made if SIGHUP arrives several times, after the terminal has closed or not."""
    called: list[str] = []
    hangups = Hangups(terminal)
    hangups.on_request = (lambda: called.append("reload")) if reloads else None
    with stop_on_signals(lambda: called.append("stop"), hangups=hangups):
        terminal.is_open = terminal.is_open and not close
        for _ in range(times):
            os.kill(os.getpid(), signal.SIGHUP)
            await asyncio.sleep(0)
        await asyncio.sleep(0)
    return called


async def test_sighup_asks_for_a_reload_without_a_terminal() -> None:
    """As systemd sends it to a service."""
    assert await _hung_up(Terminal(is_open=False), close=False, times=2) == ["reload", "reload"]


async def test_sighup_asks_for_a_reload_while_the_terminal_is_open() -> None:
    assert await _hung_up(Terminal(is_open=True), close=False) == ["reload"]


async def test_a_closed_terminal_stops_the_process_once() -> None:
    """The shell and the system both send the signal."""
    assert await _hung_up(Terminal(is_open=True), close=True, times=3) == ["stop"]


async def test_a_run_that_does_not_reload_stops_on_sighup() -> None:
    assert await _hung_up(Terminal(is_open=False), close=False, times=3, reloads=False) == ["stop"]


async def test_sighup_from_before_the_event_loop_is_served_when_it_runs() -> None:
    called: list[str] = []
    hangups = Hangups(Terminal(is_open=False))
    hangups.on_request = lambda: called.append("reload")
    with hangups.kept():
        os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGHUP)
    with stop_on_signals(lambda: None, hangups=hangups):
        await asyncio.sleep(0)
    assert called == ["reload"]


async def test_sighup_during_the_drain_is_passed_on_and_ends_nothing(clock: Callable[[float], None]) -> None:
    called: list[str] = []
    hangups = Hangups(Terminal(is_open=False))
    hangups.on_request = lambda: called.append("reload")
    with stop_on_signals(lambda: called.append("stop"), hangups=hangups):
        os.kill(os.getpid(), signal.SIGTERM)
        clock(9.0)
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.sleep(0)
    assert called == ["stop", "reload"]


async def test_sighup_that_is_ignored_stays_ignored() -> None:
    """As nohup starts a process."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert await _hung_up(Terminal(is_open=True), close=True) == []
        with Hangups().kept():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


async def test_a_shell_that_signals_before_its_terminal_closes_stops_the_process() -> None:
    """As bash does at the end of a login, with its option huponexit."""
    stopped, terminal = asyncio.Event(), Terminal(is_open=True)
    hangups = Hangups(terminal)
    hangups.on_request = lambda: None
    with stop_on_signals(stopped.set, hangups=hangups):
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.sleep(0)
        terminal.is_open = False
        async with asyncio.timeout(60):
            await stopped.wait()
    assert stopped.is_set()
