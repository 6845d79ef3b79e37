"""XREADGROUP: the command, its reply, and the identity of reads that may share one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

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


def read_reply(answers: Sequence[Any]) -> ReadResult:
    """Parse the answers to TIME and to a command of ``read_command``; raises the first error."""
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    time, reply = answers
    return ReadResult(milliseconds(time), dict(rows_by_stream(reply)))
