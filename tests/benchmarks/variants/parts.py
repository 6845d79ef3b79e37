"""A part of what a message costs, alone and without a server: ``--part``, in turns of 500 messages."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from common import GROUP, STREAM, Clock, loads, run

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from measuring import PAYLOAD

_TURN: Final = 500  # messages, as many as one read has
_FIRST: Final = 1_700_000_000_000

Rows = list[tuple[bytes, list[bytes]]]
Turn = Callable[[Rows], Awaitable[None] | None]


def rows() -> Rows:
    """Return new entries as a reply has them."""
    data = json.dumps(PAYLOAD).encode()
    return [(b"%d-0" % (_FIRST + at), [b"type", b"bench.event", b"data", data]) for at in range(_TURN)]


def parsed_reply() -> Turn:
    """Parse the bytes of a reply."""
    import hiredis

    written = b"".join(
        b"*2\r\n$%d\r\n%b\r\n*%d\r\n" % (len(entry_id), entry_id, len(parts))
        + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)
        for entry_id, parts in rows()
    )
    reply = b"*1\r\n*2\r\n$5\r\nbench\r\n*%d\r\n%b" % (_TURN, written)

    def turn(_rows: Rows) -> None:
        reader = hiredis.Reader()
        reader.feed(reply)
        reader.gets()

    return turn


def decoded(fast: bool) -> Turn:
    """Decode the JSON of each entry, and nothing else."""
    decode = loads(fast)

    def turn(entries: Rows) -> None:
        for _, parts in entries:
            decode(parts[3])

    return turn


def read() -> Turn:
    """Make the messages of entries, decoding included."""
    from streamroute.adapters.codecs.builtin import JsonCodec
    from streamroute.adapters.entries.entry_reader import EntryReader
    from streamroute.keys import GroupKeys

    reader = EntryReader(JsonCodec(), GroupKeys.of(STREAM, GROUP, None), GROUP)

    def turn(entries: Rows) -> None:
        reader.read_new(entries, read_at=_FIRST)

    return turn


def dispatched() -> Turn:
    """Read each message, filter, handle, count and time it."""
    import dispatching

    from streamroute.adapters.codecs.builtin import JsonCodec
    from streamroute.adapters.entries.entry_reader import EntryReader
    from streamroute.keys import GroupKeys

    *_, process = dispatching.rows().values()
    reader = EntryReader(JsonCodec(), GroupKeys.of(STREAM, GROUP, None), GROUP)

    async def turn(entries: Rows) -> None:
        for _, message in reader.read_new(entries, read_at=_FIRST):
            rest: Awaitable[None] | None = process(message)  # type: ignore[arg-type]  # each is a Message
            if rest is not None:
                await rest

    return turn


async def main(options: argparse.Namespace, clock: Clock) -> None:
    """Run the part for all messages."""
    parts: dict[str, Callable[[], Turn]] = {
        "parsed reply": parsed_reply,
        "decoded": lambda: decoded(options.fast),
        "read": read,
        "dispatched": dispatched,
    }
    turn, entries = parts[options.part](), rows()
    clock.start()
    for _ in range(options.messages // _TURN):
        rest = turn(entries)
        if rest is not None:
            await rest
        await asyncio.sleep(0)  # the period of the histograms may end
    clock.stop()


run(main)
