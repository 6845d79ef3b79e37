"""Visitors of a board, as a process of its own: ``python tests/benchmarks/visitors.py HOST:PORT --live 5``.

It prints a line when all are there, and counts what was answered until its standard input ends.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

PAGES: Final = ("/", "/routes", "/failures", "/retries", "/metrics", "/healthz", "/config", "/audit")
_NICENESS: Final = 10  # as the board's: visitors are on other machines
_LOST: Final = (OSError, EOFError, ValueError, asyncio.IncompleteReadError)


class Visitors:
    """The connections to one board, and the number of answers by status."""

    def __init__(self, host: str, port: int) -> None:
        self._address = host, port
        self._head = f"Host: {host}\r\nAccept: text/html\r\n"
        self.answers: Counter[str] = Counter()

    async def live(self, page: str) -> None:
        """Keep a page open, and come again when it ends."""
        while True:
            with suppress(*_LOST):
                reader, writer = await asyncio.open_connection(*self._address)
                writer.write(f"GET /live{page} HTTP/1.1\r\n{self._head}\r\n".encode())
                while line := await reader.readline():
                    self.answers["events"] += line.startswith(b"event:")
                writer.close()
            await asyncio.sleep(1)

    async def hammer(self, first: int) -> None:
        """Ask for one page after the other, without pause."""
        turn = first
        while True:
            with suppress(*_LOST):
                reader, writer = await asyncio.open_connection(*self._address)
                try:
                    while True:
                        self.answers[await self._get(reader, writer, PAGES[turn % len(PAGES)])] += 1
                        turn += 1
                finally:
                    writer.close()
            self.answers["closed"] += 1

    async def _get(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, page: str) -> str:
        writer.write(f"GET {page} HTTP/1.1\r\n{self._head}\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        lengths = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
        await reader.readexactly(int(lengths[0].partition(b":")[2]))
        return head.split(b" ", 2)[1].decode()

    async def slow(self) -> None:
        """Send a byte of a request each second, and connect again when the board closes the connection."""
        while True:
            with suppress(*_LOST):
                reader, writer = await asyncio.open_connection(*self._address)
                writer.write(b"GET / HTTP/1.1\r\n")
                while not reader.at_eof():
                    writer.write(b"x")
                    await writer.drain()
                    await asyncio.sleep(1)
                writer.close()
            self.answers["slow ones closed"] += 1
            await asyncio.sleep(1)


@contextmanager
def visiting(address: str, *options: str) -> Iterator[None]:
    """Visit a board inside the block."""
    words = [sys.executable, str(Path(__file__).resolve()), address, *options]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield
        finally:
            process.kill()


async def main(options: argparse.Namespace) -> None:
    """Visit until standard input ends."""
    host, _, port = options.address.rpartition(":")
    visitors = Visitors(host, int(port))
    tasks = [asyncio.create_task(visitors.live(PAGES[number % 4])) for number in range(options.live)]
    tasks += [asyncio.create_task(visitors.hammer(number)) for number in range(options.hammer)]
    tasks += [asyncio.create_task(visitors.slow()) for _ in range(options.slow)]
    await asyncio.sleep(1)  # until the connections are open
    sys.stdout.write("here\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    sys.stdout.write(json.dumps(visitors.answers) + "\n")
    sys.stdout.flush()
    for task in tasks:
        task.cancel()


def parsed() -> Any:
    """Return the arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("--live", type=int, default=0)
    parser.add_argument("--hammer", type=int, default=0)
    parser.add_argument("--slow", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    os.nice(_NICENESS)
    asyncio.run(main(parsed()))
