"""Exceptions as text of bounded length, whatever the exception object does: a line or a traceback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Final

from streamroute.errors import SetupError
from streamroute.text.limits import ERROR, LONG, NAME
from streamroute.text.safe_text import one_line, redact_logins, redacted_str, safe_str, type_name
from streamroute.text.truncation import clip, clip_middle

if TYPE_CHECKING:
    import traceback

_LONGEST_LINE: Final = 500  # characters of a frame, which includes a line of source
_MAX_FRAMES: Final = 20  # at each end of a stack
_MAX_LINKS: Final = 5  # exceptions at each end of a chain of causes
_MAX_CAUSES: Final = 20_000  # causes to follow in a chain
_MAX_MEMBERS: Final = 5  # of an exception group
_MAX_EXCEPTIONS: Final = 50  # in one traceback
_MAX_NOTES: Final = 10

# Python's own descriptors: a class may override the attributes.
_CAUSE: Final = vars(BaseException)["__cause__"].__get__
_CONTEXT: Final = vars(BaseException)["__context__"].__get__
_HIDES_CONTEXT: Final = vars(BaseException)["__suppress_context__"].__get__
_TRACEBACK: Final = vars(BaseException)["__traceback__"].__get__
_MEMBERS: Final = vars(BaseExceptionGroup)["exceptions"].__get__
_ATTRIBUTES: Final = vars(BaseException)["__dict__"].__get__
_MODULE: Final = vars(type)["__module__"].__get__

_DIRECT: Final = "\nThe above exception was the direct cause of the following exception:\n\n"
_DURING: Final = "\nDuring handling of the above exception, another exception occurred:\n\n"


def error_text(error: BaseException, limit: int = ERROR) -> str:
    """Return e.g. ``ValueError: no luck``, or the name only if there is no text."""
    name = type_name(error)
    text = redacted_str(error, limit)
    return clip(f"{name}: {text}", limit) if text else name


def error_line(error: BaseException, limit: int = ERROR) -> str:
    """Return ``error_text`` on one line; for a SetupError only its text, which contains a remedy."""
    if issubclass(type(error), SetupError):
        return safe_str(error, limit)
    text = " ".join(redacted_str(error, limit).split())
    return clip(one_line(f"{type_name(error)}: {text}" if text else type_name(error)), limit)


def cause_of(error: BaseException) -> BaseException | None:
    """Return the exception's ``__cause__``, set by ``raise ... from``."""
    cause: BaseException | None = _CAUSE(error)
    return cause


def traceback_text(error: BaseException, limit: int = LONG, *, text: Callable[[str], str] = str) -> str:
    """Return the traceback as Python prints it, with causes and group members, at most ``limit`` characters.

    The middle or the end of long stacks, chains of causes, groups and texts is replaced by a note. ``text``
    converts the texts of exceptions and their notes, for example ``one_line``.
    """
    try:
        return clip_middle("".join(_Traceback(text).chain(error)), limit)
    except BaseException as failure:  # noqa: BLE001 - the error's own text is better than none
        return clip(f"(no traceback: {type_name(failure)})\n{error_text(error)}\n", limit)


class _Traceback:
    """Writes one traceback; ``_left`` is the number of exceptions that may still be written."""

    def __init__(self, text: Callable[[str], str]) -> None:
        self._left = _MAX_EXCEPTIONS
        self._text = text

    def chain(self, error: BaseException) -> Iterator[str]:
        """Yield the text of an exception, preceded by its causes."""
        links = _links(error)[::-1]
        left_out = range(_MAX_LINKS, len(links) - _MAX_LINKS)
        for index, (link, relation) in enumerate(links):
            if index not in left_out:
                yield from self._one(link)
                yield relation
            elif index == _MAX_LINKS:
                yield f"... {len(left_out):,} exceptions left out ...\n\n"

    def _one(self, error: BaseException) -> Iterator[str]:
        self._left -= 1
        stack: TracebackType | None = _TRACEBACK(error)
        if stack is not None:
            yield "Traceback (most recent call last):\n"
            yield from _frames(stack)
        yield f"{self._text(_module(error) + error_text(error))}\n"
        for note in _notes(error):
            yield f"{self._text(note)}\n"
        if issubclass(type(error), BaseExceptionGroup):
            yield from self._members(_MEMBERS(error))

    def _members(self, members: tuple[BaseException, ...]) -> Iterator[str]:
        import textwrap

        for number, member in enumerate(members[:_MAX_MEMBERS], 1):
            if self._left <= 0:
                break
            yield f"  +---------------- {number} of {len(members):,} ----------------\n"
            yield textwrap.indent("".join(self.chain(member)), "  | ")
        if len(members) > _MAX_MEMBERS:
            yield f"  +---------------- and {len(members) - _MAX_MEMBERS:,} more ----------------\n"


def _links(error: BaseException) -> list[tuple[BaseException, str]]:
    """Return an exception and its causes, the latest first, each with the text that leads to the next."""
    links = [(error, "")]
    seen = {id(error)}
    while len(links) < _MAX_CAUSES:
        origin, relation = _origin(links[-1][0])
        if origin is None or id(origin) in seen:
            break
        seen.add(id(origin))
        links.append((origin, relation))
    return links


def _origin(error: BaseException) -> tuple[BaseException | None, str]:
    cause = _CAUSE(error)
    if cause is not None:
        return cause, _DIRECT
    return (None, "") if _HIDES_CONTEXT(error) else (_CONTEXT(error), _DURING)


def _module(error: BaseException) -> str:
    """Return the module prefix of an exception's class; empty for built-in classes."""
    module = _MODULE(type(error))
    return "" if type(module) is not str or module in ("builtins", "__main__") else f"{clip(module, NAME)}."


def _notes(error: BaseException) -> Iterator[str]:
    notes = dict.get(_ATTRIBUTES(error), "__notes__")
    if type(notes) is list:
        for note in notes[:_MAX_NOTES]:
            yield redacted_str(note)


def _frames(stack: TracebackType) -> Iterator[str]:
    import traceback

    depth = sum(1 for _ in traceback.walk_tb(stack))
    if depth <= 2 * _MAX_FRAMES:
        yield from _shown(traceback.extract_tb(stack))
        return
    yield from _shown(traceback.extract_tb(stack, limit=_MAX_FRAMES))
    yield f"  ... {depth - 2 * _MAX_FRAMES:,} frames left out ...\n"
    yield from _shown(traceback.extract_tb(stack, limit=-_MAX_FRAMES))


def _shown(frames: traceback.StackSummary) -> Iterator[str]:
    for frame in frames.format():
        text = redact_logins(frame)
        yield text if len(text) <= _LONGEST_LINE else f"{clip(text, _LONGEST_LINE)}\n"
