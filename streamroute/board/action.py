"""BoardAction: something that an operator does; it is asked about first, and written to the audit log."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamroute.board.service import BoardService

Fields = Mapping[str, str]
"""The fields of the form that asked for the action."""


@dataclass(frozen=True, slots=True)
class Question:
    """What an action would do, as a question that says how many things it is about.

    ``count`` is that number (None: it is not about a number of things). ``notes`` are further lines.
    """

    text: str
    count: int | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ActionOutcome:
    """What an action did, in one sentence; ``is_ok``: it did what was asked."""

    text: str
    is_ok: bool = True


@dataclass(frozen=True, slots=True)
class BoardAction:
    """An action, at ``/act/NAME``.

    ``ask`` returns the question, ``do`` acts in the name of a person; both raise InvalidInputError for fields
    that are no use, and PageNotFoundError for things that are gone. ``back`` returns the page to show next,
    below that of the service. ``verb`` is the text of the button. ``takes_reason``: a reason may be given.
    """

    name: str
    verb: str
    ask: Callable[[BoardService, Fields], Awaitable[Question]]
    do: Callable[[BoardService, Fields, str], Awaitable[ActionOutcome]]
    back: Callable[[Fields], str]
    is_dangerous: bool = False
    takes_reason: bool = False
