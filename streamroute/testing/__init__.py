"""Test a configuration and its handlers in memory, with time under the test's control.

Public names are imported on first use: the pytest plugin costs nothing in a project that does not use it.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # True to type checkers; importing typing would be slower
if TYPE_CHECKING:
    from typing import Final

    from streamroute.testing.app import TestApp as TestApp
    from streamroute.testing.errors import NotSettledError as NotSettledError
    from streamroute.testing.recording.handled_message import HandledMessage as HandledMessage
    from streamroute.testing.waiting_messages import DeadMessage as DeadMessage
    from streamroute.testing.waiting_messages import RetryMessage as RetryMessage

_HOMES: Final = {
    "DeadMessage": "streamroute.testing.waiting_messages",
    "HandledMessage": "streamroute.testing.recording.handled_message",
    "NotSettledError": "streamroute.testing.errors",
    "RetryMessage": "streamroute.testing.waiting_messages",
    "TestApp": "streamroute.testing.app",
}

__all__ = [*_HOMES]  # noqa: PLE0604 - the table above is the list


if not TYPE_CHECKING:  # a type checker would take a module with __getattr__ to have every name

    def __getattr__(name):
        home = _HOMES.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted(__all__)
