"""The indexes of failures of the consumer groups that share one stream of dead letters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from streamroute.adapters.dead_letters.letter_group import LetterGroup
from streamroute.adapters.entries.settlement import MAX_FAILURE_GROUPS
from streamroute.adapters.redis.errors import translate_errors
from streamroute.adapters.redis.raw_client import raw_client
from streamroute.adapters.redis.replies import text
from streamroute.adapters.redis.scripts import Argument, script

if TYPE_CHECKING:
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.keys import GroupKeys


@dataclass(frozen=True, slots=True)
class IndexReading:
    """What the indexes hold: the groups of each, by its key, and how many letters the stream has.

    ``problems`` are the reasons why an index, or a group of it, cannot be read.
    """

    letters: int
    groups: Mapping[str, Sequence[LetterGroup]]
    problems: Sequence[str] = field(default=())

    @property
    def is_true(self) -> bool:
        """Whether the groups count as many letters as there are."""
        counted = sum(group.count for groups in self.groups.values() for group in groups)
        return not self.problems and counted == self.letters


class FailureIndex:
    """The indexes of ``groups``, whose letters are in the stream ``dead``.

    The methods raise RedisUnavailableError if Redis cannot be reached, SetupError if it refuses.
    """

    def __init__(self, redis: RedisConnection, dead: str, groups: Sequence[GroupKeys]) -> None:
        self._redis = redis
        self._dead = dead
        self._keys = [keys.failures for keys in groups]
        self._client = raw_client(redis.client, dead)

    async def read(self) -> IndexReading:
        """Return the groups and the number of letters, at one moment."""
        with translate_errors(self._redis, f"reading the groups of the dead letters in {self._dead}"):
            arguments: list[Argument] = [MAX_FAILURE_GROUPS, *self._keys]
            letters, *answers = await script("dead_letters/read_index").run(
                self._client, [self._dead], arguments
            )
        groups: dict[str, list[LetterGroup]] = {}
        problems: list[str] = []
        for key, answer in zip(self._keys, answers, strict=True):
            if isinstance(answer, bytes):
                problems.append(f"{key}: {text(answer)}")
                continue
            groups[key], damaged = _groups(answer)
            if damaged:
                problems.append(f"{key}: {damaged} of its values are damaged")
        return IndexReading(int(letters), groups, problems)

    async def replace(self, letters: int, last_id: str, counted: Mapping[str, Mapping[str, bytes]]) -> bool:
        """Replace the indexes by what was counted, packed by signature, for each key.

        What was resolved stays so. Returns False, and changes nothing, if the stream does not have exactly
        ``letters`` letters, or has received one after ``last_id``.
        """
        arguments: list[Argument] = [letters, last_id]
        for key in self._keys:
            packed = counted.get(key, {})
            arguments += [key, len(packed), *(part for pair in packed.items() for part in pair)]
        with translate_errors(self._redis, f"counting the dead letters in {self._dead}"):
            return bool(await script("dead_letters/rebuild_index").run(self._client, [self._dead], arguments))


async def mark_group(
    redis: RedisConnection, keys: GroupKeys, signature: str, *, resolved: bool, who: str, reason: str
) -> bool:
    """Mark a group of dead letters as resolved or open; returns False if there is no such group.

    Raises RedisUnavailableError if Redis cannot be reached, SetupError if it refuses.
    """
    with translate_errors(redis, f"marking the failure {signature} of {keys.stream}"):
        client = raw_client(redis.client, keys.failures)
        state = "resolve" if resolved else "reopen"
        arguments: list[Argument] = [signature, state, who, reason]
        return bool(await script("dead_letters/resolve").run(client, [keys.failures], arguments))


def _groups(answer: Any) -> tuple[list[LetterGroup], int]:
    """Return the groups in a reply, and how many of its values are damaged."""
    pairs = iter(answer)
    found = [LetterGroup.unpack(text(name), value) for name, value in zip(pairs, pairs, strict=True)]
    groups = [group for group in found if group is not None]
    return groups, len(found) - len(groups)
