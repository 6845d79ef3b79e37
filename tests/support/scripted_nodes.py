"""Servers that answer each command as a test tells them to."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TypeAlias

Reply: TypeAlias = "str | bytes | int | Sequence[Reply] | Mapping[str, str] | None"
"""A text is a line as it is; a mapping is one in RESP3, and a flat list in RESP2."""
HANDSHAKE = {"HELLO", "CLIENT", "AUTH", "SELECT", "READONLY"}


class Node:
    """One node: what it was sent, and what it says; ``+OK`` where nothing else is asked of it.

    While it ``hangs_up``, it ends a connection as soon as it is made; while it ``is_silent``, it takes
    commands and answers none.
    """

    def __init__(self) -> None:
        self.port = 0
        self.sent: list[str] = []
        self.asked = 0
        self.connections = 0  # that were ever made
        self.connected = 0  # that there are
        self.hangs_up = self.is_silent = False
        self.slots: Reply = []
        self.replies: dict[str, list[Reply]] = {}
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Be gone."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def says(self, name: str, *replies: Reply) -> None:
        """Answer a command so, one time after the other, and the last time for ever."""
        self.replies[name] = list(replies)

    def taken(self) -> list[str]:
        """What it was sent since the last look."""
        taken, self.sent = self.sent, []
        return taken

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        is_resp3 = False
        self.connections += 1
        if self.hangs_up:
            writer.close()
            return
        self.connected += 1
        try:
            while head := await reader.readline():
                words = [await _bulk(reader) for _ in range(int(head[1:]))]
                if self._server is None:
                    break
                is_resp3 = is_resp3 or words[:2] == ["HELLO", "3"]
                reply = self._reply(words)
                if not self.is_silent:
                    writer.write(_encoded(reply, is_resp3))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.connected -= 1
            writer.close()

    def _reply(self, words: list[str]) -> Reply:
        name = words[0].upper()
        if name in HANDSHAKE:
            return "+OK"
        if name == "CLUSTER":
            self.asked += 1
            return self.slots
        self.sent.append(" ".join(words))
        replies = self.replies.get(name, ["+OK"])
        return replies.pop(0) if len(replies) > 1 else replies[0]


async def _bulk(reader: asyncio.StreamReader) -> str:
    size = int((await reader.readline())[1:])
    return (await reader.readexactly(size + 2))[:-2].decode()


def _encoded(reply: Reply, is_resp3: bool) -> bytes:
    if reply is None:
        return b"*-1\r\n"
    if isinstance(reply, int):
        return b":%d\r\n" % reply
    if isinstance(reply, str):
        return f"{reply}\r\n".encode()
    if isinstance(reply, bytes):
        return b"$%d\r\n%s\r\n" % (len(reply), reply)
    if isinstance(reply, Mapping):
        head = b"%%%d\r\n" % len(reply) if is_resp3 else b"*%d\r\n" % (2 * len(reply))
        parts: Sequence[Reply] = [text.encode() for pair in reply.items() for text in pair]
    else:
        head, parts = b"*%d\r\n" % len(reply), reply
    return head + b"".join(_encoded(part, is_resp3) for part in parts)
