"""What is done to dead letters: they run again, or are deleted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamroute.adapters.entries.records import DeadRecord
    from streamroute.adapters.stream.dead_letters import DeadLetters, StoredLetter
    from streamroute.ops.dead_letters.query import Office, Page


@dataclass(slots=True)
class Deed:
    """What was done: how many letters it was done to, and why not to others."""

    done: int = 0
    refused: Counter[str] = field(default_factory=Counter)


async def retry_page(office: Office, page: Page, deed: Deed, *, dry_run: bool = False) -> None:
    """Let the letters of a page run again, where the configuration lets them."""
    willing: dict[DeadLetters, list[tuple[StoredLetter, DeadRecord]]] = {}
    for letter in page.letters:
        why_not = office.refusal(letter)
        if why_not is not None:
            deed.refused[why_not] += 1
        elif letter.current is not None:
            willing.setdefault(letter.box, []).append((letter.stored, letter.current))
    for box, letters in willing.items():
        deed.done += len(letters) if dry_run else await box.revive(letters)


async def drop_page(page: Page, deed: Deed, *, dry_run: bool = False) -> None:
    """Delete the letters of a page."""
    for box, letters in _by_box(page).items():
        deed.done += len(letters) if dry_run else await box.drop(letters)


def _by_box(page: Page) -> Mapping[DeadLetters, list[StoredLetter]]:
    boxes: dict[DeadLetters, list[StoredLetter]] = {}
    for letter in page.letters:
        boxes.setdefault(letter.box, []).append(letter.stored)
    return boxes
