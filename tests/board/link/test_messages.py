"""The messages from a router to its board."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamroute.board.link.messages import LinkError, LinkMessage, pack_message, read_message
from streamroute.board.service import FinishedReload
from streamroute.ops.reload.result import ReloadResult
from streamroute.system.file_record import FileRecord

RECORD = FileRecord("a.yaml", "/w", None, {"a.yaml": b"version: 1\n\n"}, {}, {}, {}, {})
CONFIG = RECORD
RELOAD = FinishedReload(ReloadResult("refused", "a", "a", 0.5, "refused", "line\nline"), 17)


async def received(sent: bytes) -> list[LinkMessage]:
    reader = asyncio.StreamReader()
    reader.feed_data(sent)
    reader.feed_eof()
    messages = []
    while (message := await read_message(reader)) is not None:
        messages.append(message)
    return messages


async def test_messages_arrive_as_they_were_sent() -> None:
    assert await received(pack_message(CONFIG) + pack_message(RELOAD) + pack_message(CONFIG)) == [
        CONFIG,
        RELOAD,
        CONFIG,
    ]


async def test_a_message_that_was_cut_is_the_end() -> None:
    sent = pack_message(CONFIG)
    assert await received(pack_message(RELOAD) + sent[:-1]) == [RELOAD]


@pytest.mark.parametrize(
    "sent",
    [
        b"\n",
        b"[]\n",
        b'{"kind": "config"}\n',
        b'{"kind": "config", "size": -1}\n',
        b'{"kind": "config", "size": true}\nx',
        b'{"kind": "config", "size": 99999999999}\n',
        b'{"kind": "other", "size": 0}\n',
        b'{"kind": "reload", "size": 2, "at": 1}\n{}',
        b"x" * 200_000,
    ],
)
async def test_anything_else_is_an_error(sent: bytes) -> None:
    with pytest.raises(LinkError):
        await received(sent)


@given(st.binary(max_size=300))
def test_any_bytes_are_messages_an_end_or_an_error(sent: bytes) -> None:
    async def is_read() -> bool:
        try:
            return all(isinstance(message, FileRecord | FinishedReload) for message in await received(sent))
        except LinkError:
            return True

    assert asyncio.run(is_read())
