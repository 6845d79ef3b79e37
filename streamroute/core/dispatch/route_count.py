"""Route count: counts the outcomes of a route's new messages, mostly without calling the observer."""

from __future__ import annotations

from typing import Final

from streamroute.core.observer import NO_TALLY, Observer, ObserverSwitch, Result, tally_of
from streamroute.message import Message

_FILTERED: Final = Result.FILTERED


class RouteCount:
    """Where the outcomes of one route are counted: the observer in force, or the tally that it offers.

    ``tally`` counts what ``observer`` would count, which has offered it: a caller adds to it under the
    conditions of ``filtered``.
    """

    __slots__ = ("_key", "observer", "switch", "tally")

    def __init__(self, key: str, switch: ObserverSwitch) -> None:
        self._key = key
        self.switch = switch
        self.observer: Observer | None = None
        self.tally = NO_TALLY

    def filtered(self, message: Message) -> None:
        """Count a message that the route's filter rejected."""
        tally = self.tally
        if (
            tally.is_open
            and self.observer is self.switch.target
            and message.stream is tally.stream
            and message.attempt == 1
        ):
            tally.filtered += 1
        else:
            self.observe(message, _FILTERED)

    def observe(self, message: Message, result: Result) -> None:
        """Call the observer in force, then ask for its tally, unless it has offered none."""
        observer = self.switch.target
        observer(message, self._key, result)
        if observer is not self.observer or (self.tally is not NO_TALLY and not self.tally.is_open):
            self.tally = tally_of(observer, message.stream, self._key)
            self.observer = observer
