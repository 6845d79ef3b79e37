"""An entry to publish, with what must be true of it: published once, or after a delay."""

from __future__ import annotations

import secrets
from typing import Final, NamedTuple

from streamroute.adapters.entries.field_packing import pack_fields
from streamroute.adapters.entries.settlement import delay_ms

Argument = str | bytes | int

_FRAME: Final = 8  # bytes around an argument on the wire, about


class OutgoingEntry(NamedTuple):
    """Fields of an entry, names and values in turn; ``delay`` is in seconds.

    Entries of a stream with the same ``id`` are published once.
    """

    fields: list[bytes]
    id: str | None = None
    delay: float | None = None

    @property
    def is_plain(self) -> bool:
        """Whether XADD alone publishes it."""
        return self.id is None and self.delay is None

    @property
    def size(self) -> int:
        """About how many bytes of a command it takes.

        The frames bound the number of arguments, too: before Redis 7 a command has at most 2**20.
        """
        return sum(map(len, self.fields)) + _FRAME * len(self.fields)

    def arguments(self, key_index: int) -> list[Argument]:
        """Return what the script ``publish/publish`` needs; ``key_index`` is 0 without an id."""
        if self.delay is None:
            return [key_index, -1, "", len(self.fields), *self.fields]
        packed = pack_fields(dict(zip(self.fields[::2], self.fields[1::2], strict=True)))
        return [key_index, delay_ms(self.delay), f"event-{secrets.token_hex(16)}", 1, packed]
