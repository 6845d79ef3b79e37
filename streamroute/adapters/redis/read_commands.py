"""XREADGROUP: the command, its reply, and the identity of reads that may share one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from streamroute.adapters.redis.exchange import CommandArgs
from streamroute.adapters.redis.replies import Row, milliseconds, rows_by_stream

Rows = Mapping[str, Sequence[Row]]
"""Entries by stream."""


class ReaderId(NamedTuple):
    """Identifies reads that may share a command: same group, consumer and (in a cluster) slot."""

    group: str
    consumer: str
    slot: int | None = None


class ReadResult(NamedTuple):
    """The entries read, possibly none, and Redis time (ms) before the read."""

    time: int
    rows: Rows


def read_command(
    reader: ReaderId, keys: tuple[str, ...], count: int, block: int | None = None
) -> CommandArgs:
    """Return XREADGROUP for these streams; it blocks for up to ``block`` ms (None: not at all).

    Source: https://redis.io/docs/latest/commands/xreadgroup/
    """
    wait = () if block is None else ("BLOCK", block)
    head = ("XREADGROUP", "GROUP", reader.group, reader.consumer, "COUNT", count, *wait)
    return (*head, "STREAMS", *keys, *([">"] * len(keys)))


def packed_read_command(
    reader: ReaderId, streams: Sequence[tuple[str, ...]], count: int, block: int | None = None
) -> bytes:
    """Return the bytes of ``read_command`` for the keys of several streams.

    Packing hundreds of keys for each read costs more than all else of it: each stream's are packed once.
    """
    wait = () if block is None else ("BLOCK", str(block))
    head = ("XREADGROUP", "GROUP", reader.group, reader.consumer, "COUNT", str(count), *wait, "STREAMS")
    number = sum(map(len, streams))
    words = len(head) + 2 * number
    return b"".join((b"*%d\r\n" % words, _packed(head), *map(_packed_keys, streams), _NEW * number))


def _packed(words: Iterable[str]) -> bytes:
    encoded = [word.encode() for word in words]
    return b"".join([b"$%d\r\n%b\r\n" % (len(word), word) for word in encoded])


_NEW: Final = _packed(">")
_packed_keys: Final = lru_cache(maxsize=8192)(_packed)


def read_reply(answers: Sequence[Any]) -> ReadResult:
    """Parse the answers to TIME and to a command of ``read_command``; raises the first error."""
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    time, reply = answers
    return ReadResult(milliseconds(time), dict(rows_by_stream(reply)))
