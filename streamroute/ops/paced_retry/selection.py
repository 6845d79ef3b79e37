"""What a paced retry retries: dead letters of one stream, and when it stops."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

from streamroute.errors import StreamrouteError
from streamroute.ops.dead_letters.filter import DeadLetterFilter

if TYPE_CHECKING:
    from streamroute.adapters.jobs.job import Job
    from streamroute.ops.dead_letters.filter import LetterCondition

KIND: Final = "retry"
"""The kind of its jobs."""


class BuildCondition(Protocol):
    """Compiles an expression over payloads; with ``redacted`` it sees no hidden values.

    Raises StreamrouteError for an invalid expression.
    """

    def __call__(self, expression: str, /, *, redacted: bool) -> LetterCondition: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterSelection:
    """The letters to retry, the route to run them in (None: the one that failed), and limits.

    ``stop_after``: how many of the retried messages may fail again (None: any number). ``watch``: whether the
    job goes on until the retried messages have ended.
    """

    criteria: DeadLetterFilter
    to: str | None = None
    stop_after: int | None = None
    watch: bool = False

    @property
    def text(self) -> str:
        """The selection in a few words, for the audit log."""
        parts = [f"{name} {_words(value)}" for name, value in self._conditions().items()]
        where = self.criteria.where
        parts += [] if where is None else [f"where {where.expression}"]
        parts += [] if self.to is None else [f"to {self.to}"]
        return ", ".join(parts) or "all"

    def pack(self) -> dict[str, Any]:
        """Return the selection as a job keeps it."""
        where = self.criteria.where
        return {
            "criteria": self._conditions(),
            "where": None if where is None else where.expression,
            "to": self.to,
            "stop_after": self.stop_after,
            "watch": self.watch,
            **({"redacted": True} if where is not None and where.is_redacted else {}),
        }

    @classmethod
    def of(cls, job: Job, build: BuildCondition) -> LetterSelection:
        """Return the selection of a job; raises StreamrouteError if it is damaged.

        Its expression sees what it saw when the job was created.
        """
        facts = job.selection
        criteria, where = facts.get("criteria"), facts.get("where")
        to, stop_after = facts.get("to"), facts.get("stop_after")
        is_whole = (
            isinstance(criteria, Mapping)
            and all(_is_value(name, value) for name, value in criteria.items())
            and isinstance(where, str | None)
            and isinstance(to, str | None)
            and (stop_after is None or type(stop_after) is int)
        )
        if not is_whole:
            raise StreamrouteError(f"the selection of the job {job.id} is damaged")
        chosen = DeadLetterFilter(**facts["criteria"])
        if where is not None:
            chosen = replace(chosen, where=build(where, redacted=facts.get("redacted") is True))
        return cls(criteria=chosen, to=to, stop_after=stop_after, watch=facts.get("watch") is True)

    def _conditions(self) -> dict[str, Any]:
        """Return the conditions that are JSON values, and are set."""
        values = {name: getattr(self.criteria, name) for name in _DEFAULTS}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in values.items()
            if value not in (None, "", (), [])
        }

    def at(self, seconds: float) -> DeadLetterFilter:
        """Return the filter as it is ``seconds`` after the start of the job.

        Ages are counted from the start. Letters that were written later are left out: a message that fails
        again would be retried without an end.
        """
        criteria = self.criteria
        newer = None if criteria.newer is None else criteria.newer + seconds
        return replace(criteria, older=(criteria.older or 0.0) + seconds, newer=newer)


_DEFAULTS: Final[Mapping[str, Any]] = {
    each.name: each.default for each in fields(DeadLetterFilter) if each.name != "where"
}


def _words(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _is_value(name: str, value: Any) -> bool:
    """Whether a stored condition is one of the filter's, of the kind of its default."""
    default = _DEFAULTS.get(name, ...)
    if default == ():
        return isinstance(value, list) and all(isinstance(part, str) for part in value)
    if default is None:
        return type(value) in (int, float, str)
    return isinstance(default, str) and isinstance(value, str)
