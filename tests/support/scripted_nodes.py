"""Servers that answer each command as scripted by the test."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TypeAlias

Reply: TypeAlias = "str | bytes | int | Sequence[Reply] | Mapping[str, str] | None"
"""A string is sent as a raw line; a mapping as a map in RESP3, and as a flat array in RESP2."""
HANDSHAKE = {"HELLO", "CLIENT", "AUTH", "SELECT", "READONLY"}


class Node:
    """One node, which records its commands and answers ``+OK`` unless scripted otherwise.

    While ``hangs_up`` is set it closes each connection at once; while ``is_silent`` is set it reads commands
    and answers none.
    """

    def __init__(self) -> None:
        self.port = 0
        self.sent: list[str] = []
        self.requests = 0
        self.connections = 0  # ever accepted
        self.connected = 0  # currently open
        self.hangs_up = self.is_silent = False
        self.slots: Reply = []
        self.replies: dict[str, list[Reply]] = {}
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Start listening."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening and close all connections."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def replies_with(self, name: str, *replies: Reply) -> None:
        """Script a command's replies in order; the last one repeats forever."""
        self.replies[name] = list(replies)

    def taken(self) -> list[str]:
        """Return the commands received since the last call."""
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
            self.requests += 1
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
