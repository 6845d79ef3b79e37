"""Counts the letters of a stream of dead letters by group of failures, for each configured stream."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from streamroute.adapters.dead_letters.failure_index import IndexReading
from streamroute.adapters.dead_letters.group_tally import GroupTally
from streamroute.adapters.dead_letters.letter_group import LetterGroup

if TYPE_CHECKING:
    from streamroute.adapters.dead_letters.letters import StoredDeadLetter
    from streamroute.ops.dead_letters.letter_box import LetterBox


class LetterCount:
    """The count of a box, page by page; ``position`` is the id of the last letter."""

    def __init__(self, box: LetterBox) -> None:
        self.seen = 0
        self.position = "0-0"
        self._box = box
        self._tallies = {owner.keys.failures: GroupTally() for owner in box.owners}

    def add(self, page: Sequence[StoredDeadLetter]) -> None:
        """Count the letters of the next page."""
        for letter in page:
            owners = self._box.owners_of(letter)
            key = (owners or self._box.owners)[0].keys.failures
            if owners:
                self._tallies[key].add(letter)
            else:
                self._tallies[key].add_foreign(letter)
        self.seen += len(page)
        self.position = page[-1].id

    def packed(self) -> dict[str, dict[str, bytes]]:
        """Return the groups as an index stores them: by its key and by signature."""
        return {key: tally.packed() for key, tally in self._tallies.items()}

    def reading(self) -> IndexReading:
        """Return the groups as if they had been read from an index."""
        groups = {
            key: [group for pair in packed.items() if (group := LetterGroup.unpack(*pair)) is not None]
            for key, packed in self.packed().items()
        }
        return IndexReading(self.seen, groups)
