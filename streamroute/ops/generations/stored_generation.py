"""What is known of a stored generation, and its form on disk."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from streamroute.ops.generations.changes import Changes, Outline, PartChanges


class DamagedGenerationError(ValueError):
    """Raised for a stored generation that is not as it was written: the text is the reason."""


@dataclass(frozen=True, slots=True)
class StoredGeneration:
    """A generation on disk.

    ``time`` is when it became the current one. ``before`` is the generation that it replaced, and ``changes``
    what changed then; both are None for the first one. ``root`` is the absolute path of its root file.
    """

    generation: str
    time: datetime
    before: str | None = None
    changes: Changes | None = None
    root: str = ""

    def as_dict(self, *, is_current: bool, processes: Sequence[int] = ()) -> dict[str, Any]:
        """Return the JSON form of the commands; ``processes`` run it now."""
        return {
            "generation": self.generation,
            "since": self.time.isoformat(timespec="seconds"),
            "current": is_current,
            "processes": list(processes),
            "before": self.before,
            "changes": None if self.changes is None else asdict(self.changes),
        }

    def to_json(self) -> bytes:
        """Return everything but the generation's hash."""
        changes = None if self.changes is None else asdict(self.changes)
        value = {
            "time": self.time.isoformat(),
            "before": self.before,
            "changes": changes,
            "root": self.root,
        }
        return json.dumps(value, indent=1).encode()

    @classmethod
    def from_json(cls, generation: str, text: bytes) -> StoredGeneration:
        """Return the generation that was written. Raises DamagedGenerationError for any other text."""
        try:
            value = json.loads(text)
            time, before, changes = value["time"], value["before"], value["changes"]
            moment = datetime.fromisoformat(time).astimezone(UTC)
            return cls(
                generation,
                moment,
                _text_or_none(before),
                None if changes is None else _changes(changes),
                _text(value["root"]),
            )
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
            raise DamagedGenerationError("its description is damaged") from error


def outline_to_json(outline: Outline) -> bytes:
    """Return an outline as JSON."""
    return json.dumps(asdict(outline), indent=1).encode()


def outline_from_json(text: bytes) -> Outline:
    """Return the outline that was written. Raises DamagedGenerationError for any other text."""
    try:
        value = json.loads(text)
        former_names = {name: _names(names) for name, names in value["former_names"].items()}
        parts = {part: _digests(value[part]) for part in ("routes", "streams", "messages", "settings")}
        return Outline(former_names=former_names, **parts)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise DamagedGenerationError("its outline is damaged") from error


def _changes(value: Mapping[str, Any]) -> Changes:
    return Changes(
        routes=_part(value["routes"]),
        streams=_part(value["streams"]),
        messages=_part(value["messages"]),
        settings=_names(value["settings"]),
        reordered=bool(value["reordered"]),
    )


def _part(value: Mapping[str, Any]) -> PartChanges:
    pairs = [_names(pair) for pair in value["renamed"]]
    return PartChanges(
        added=_names(value["added"]),
        removed=_names(value["removed"]),
        changed=_names(value["changed"]),
        renamed=tuple((old, new) for old, new in pairs),
    )


def _digests(value: Mapping[Any, Any]) -> dict[str, str]:
    return {_text(name): _text(digest) for name, digest in value.items()}


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError("not a list")
    return tuple(map(_text, value))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _text_or_none(value: Any) -> str | None:
    return None if value is None else _text(value)
