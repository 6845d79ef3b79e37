"""A group of dead letters as people may see it: without what the configuration hides."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from streamroute.ops.dead_letters.redacted_record import redacted_record
from streamroute.redaction.values import REDACTED

if TYPE_CHECKING:
    from streamroute.adapters.dead_letters.letter_group import LetterGroup
    from streamroute.ops.dead_letters.letter_box import LetterBox


async def shown_group(box: LetterBox, group: LetterGroup) -> LetterGroup:
    """Return the group without hidden values in its title.

    The stored title was made from a text with its values, parts of which may be replaced there. It is made
    again from the text of one of the group's letters without them. Without letters it loses its message.
    """
    if not box.redactor.is_active or not group.is_one_failure:
        return group
    for sample in group.samples:
        letter = await box.letters.find(sample)
        if letter is not None and letter.record is not None:
            return replace(group, title=redacted_record(letter.record, box.redactor).kind.title)
    place = f" in {group.frame}" if group.frame else ""
    return replace(group, title=f"{group.error_class}{place}: {REDACTED}")
