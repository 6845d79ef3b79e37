"""The program's own observer of outcomes: an error of it concerns no message."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from streamroute.errors import SetupError
from streamroute.logs.exception_text import error_line

if TYPE_CHECKING:
    from streamroute.core.observer import Observer, Result

log = logging.getLogger(__name__)


def observed_by(counters: Observer, program: Observer | None) -> Observer:
    """Return an observer that calls that of the counters, and then that of the program.

    Raises SetupError if that of the program cannot be called, or would have to be awaited.
    """
    if program is None:
        return counters
    given: object = program
    if not callable(given) or inspect.iscoroutinefunction(given):
        raise SetupError("an observer is a plain function: it is called in the event loop, and not awaited")
    has_failed = False

    def observe(payload: Mapping[str, Any], route: str | None, result: Result) -> None:
        counters(payload, route, result)
        try:
            program(payload, route, result)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - the outcome of the message is as it is; logged
            nonlocal has_failed
            if not has_failed:
                log.error("the observer failed; further failures are not logged: %s", error_line(error))
            has_failed = True

    return observe
