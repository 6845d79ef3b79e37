"""The program's own observer of outcomes: an error of it concerns no message."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from streamroute.logs.exception_text import error_line

if TYPE_CHECKING:
    from streamroute.core.observer import Observer, Result

log = logging.getLogger(__name__)


def observed_by(counters: Observer, program: Observer | None) -> Observer:
    """Return an observer that calls that of the counters, and then that of the program."""
    if program is None:
        return counters
    has_failed = False

    def observe(payload: Mapping[str, Any], route: str | None, result: Result) -> None:
        counters(payload, route, result)
        try:
            program(payload, route, result)
        except Exception as error:  # noqa: BLE001 - the outcome of the message is as it is; logged
            nonlocal has_failed
            if not has_failed:
                log.error("the observer failed; further failures are not logged: %s", error_line(error))
            has_failed = True

    return observe
