"""Writes exported dead letters to the streams of a configuration."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from streamroute.adapters.dead_letters.imported_letters import ImportedLetters
from streamroute.ops.dead_letters.transfer.lines import ExportedLetter, ImportLineError, read_line

if TYPE_CHECKING:
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.ops.dead_letters.letter_box import LetterBox, LetterOwner
    from streamroute.ops.dead_letters.query import DeadLetterQuery

_MAX_PROBLEMS: Final = 20


@dataclass(slots=True)
class ImportResult:
    """How many letters were written, how many were there before, and what was wrong with the other lines.

    ``problems`` are the first of them, each with its place in the file; ``damaged`` is their number.
    """

    imported: int = 0
    present: int = 0
    damaged: int = 0
    problems: list[str] = field(default_factory=list)
    streams: Counter[str] = field(default_factory=Counter)

    def refuse(self, place: str, error: ImportLineError) -> None:
        """Count a line that is not imported."""
        self.damaged += 1
        if len(self.problems) < _MAX_PROBLEMS:
            self.problems.append(f"{place}: {error}")


class LetterImporter:
    """Imports lines, in order; the same letter is imported once as long as it is there.

    ``redacted`` also imports letters without their hidden values. With ``dry_run``, nothing is written.
    """

    def __init__(
        self, redis: RedisConnection, query: DeadLetterQuery, *, redacted: bool, dry_run: bool
    ) -> None:
        self.result = ImportResult()
        self._redis = redis
        self._boxes = query.boxes
        self._redacted = redacted
        self._dry_run = dry_run

    async def add(self, line: bytes, place: str) -> None:
        """Import a line; ``place`` names it in problems. A blank line is skipped.

        Raises RedisUnavailableError if Redis cannot be reached, SetupError if it refuses.
        """
        if not line.strip():
            return
        try:
            letter = read_line(line, redacted=self._redacted)
            box, owner = self._target(letter)
        except ImportLineError as error:
            self.result.refuse(place, error)
            return
        letters = ImportedLetters(self._redis, box.letters.key, owner.keys)
        record = letter.record and owner.current(letter.record)
        write = letters.is_absent if self._dry_run else letters.write
        if await write(letter.id, letter.fields, record):
            self.result.imported += 1
            self.result.streams[owner.config.name] += 1
        else:
            self.result.present += 1

    def _target(self, letter: ExportedLetter) -> tuple[LetterBox, LetterOwner]:
        """Return where the letter belongs; raises ImportLineError if the configuration has no such stream."""
        for box in self._boxes:
            for owner in box.owners:
                if _belongs(letter, box, owner):
                    return box, owner
        if letter.record is None:
            where = f'the stream "{letter.stream}" with the dead letters "{letter.dead_letter}"'
        else:
            where = f'the stream "{letter.record.stream}" with the group "{letter.record.group}"'
        raise ImportLineError(f"the configuration does not have {where}")


def _belongs(letter: ExportedLetter, box: LetterBox, owner: LetterOwner) -> bool:
    if letter.record is not None:
        return owner.owns(letter.record)
    return (owner.config.name, box.letters.key) == (letter.stream, letter.dead_letter)
