"""An embedded server that has ended is restarted, and each event is logged once."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from streamroute.adapters.embedded import watchdog as revival
from streamroute.adapters.embedded.watchdog import Watchdog
from streamroute.errors import EmbeddedServerError


def test_a_failure_is_logged_once_and_the_pause_grows(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    waits: list[float] = []
    dead = EmbeddedServerError("no memory")
    looks: list[bool | Exception] = [False, True, dead, OSError("no disk"), False, dead, True]
    over = threading.Event()

    class Waits(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout or 0)
            if not looks:
                over.set()
                return super().wait()
            return super().wait(0)

    def restart() -> bool:
        result = looks.pop(0)
        if isinstance(result, Exception):
            raise result
        return result

    monkeypatch.setattr(revival, "threading", SimpleNamespace(Event=Waits, Thread=threading.Thread))
    caplog.set_level(logging.WARNING)
    watched = Watchdog(Path("/data"), restart)
    assert over.wait(20)
    watched.end()
    assert not [thread for thread in threading.enumerate() if thread.name == "streamroute embedded server"]
    assert waits == [0.25, 0.25, 0.25, 5.0, 5.0, 0.25, 5.0, 0.25]
    assert caplog.messages == [
        "the embedded server on /data had ended; it was restarted",
        "the embedded server on /data has ended: no memory",
        "the embedded server on /data has ended: no memory",
        "the embedded server on /data had ended; it was restarted",
    ]


def test_the_watchdog_does_not_keep_the_process_alive() -> None:
    watched = Watchdog(Path("/data"), lambda: False)
    [thread] = [thread for thread in threading.enumerate() if thread.name == "streamroute embedded server"]
    assert thread.daemon
    watched.end()
