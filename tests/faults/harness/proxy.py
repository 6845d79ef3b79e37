"""A TCP proxy between one worker and the server, which can simulate network failures.

It runs in its own thread, so that a test can trigger failures from outside; each method returns once the
failure is in effect.
"""

from __future__ import annotations

import asyncio
import re
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_TIMEOUT = 20.0  # seconds
_CHUNK = 65536
_TAIL = 256  # bytes of a request that are kept, for a pattern split over two chunks


@dataclass(slots=True)
class Trap:
    """Waits for a request; drops it, or lets the server execute it and drops the reply."""

    pattern: re.Pattern[bytes]
    lose: Literal["request", "reply"]
    abort: bool
    sprung: threading.Event = field(default_factory=threading.Event)

    def catches(self, tail: bytes, data: bytes) -> bool:
        """Whether a matching request ends in this chunk; a match within the tail alone was seen before."""
        return any(match.end() > len(tail) for match in self.pattern.finditer(tail + data))


@dataclass(slots=True, eq=False)
class _Link:
    """One connection of the worker, and the proxy's connection to the server."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    is_dropping: bool = False
    tail: bytes = b""
    trap: Trap | None = None

    def abort(self) -> None:
        self.client.transport.abort()
        self.server.transport.abort()


class Proxy:
    """Forwards ``port`` of 127.0.0.1 to the server's unix socket; a context manager."""

    def __init__(self, upstream: Path) -> None:
        self.port = 0
        self._upstream = upstream
        self._links: set[_Link] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._refusing = False
        self._delay = 0.0
        self._trap: Trap | None = None
        self._loop = asyncio.new_event_loop()
        self._flow = asyncio.Event()
        self._end = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait(_TIMEOUT)
        return self

    def __exit__(self, *error: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(_TIMEOUT)

    def cut(self) -> None:
        """Start a partition that both ends notice: existing and new connections are reset."""
        self._do(lambda: self._set_refusing(True))

    def mend(self) -> None:
        """End the partition."""
        self._do(lambda: self._set_refusing(False))

    def drop_data(self) -> None:
        """Simulate half-open connections: existing ones stay open and lose every byte; later ones work."""
        self._do(self._drop_data)

    def hold(self) -> None:
        """Start a partition that neither end notices: bytes are held back."""
        self._do(self._flow.clear)

    def let_go(self) -> None:
        """Deliver everything held back, including requests of workers that have given up."""
        self._do(self._flow.set)

    def delay(self, seconds: float) -> None:
        """Delay each chunk of the server's replies by this time."""
        self._delay = seconds

    def trap(self, pattern: bytes, lose: Literal["request", "reply"], *, abort: bool = False) -> Trap:
        """Set a trap for the next matching request; its connection is then half-open or aborted."""
        trap = Trap(re.compile(pattern, re.IGNORECASE), lose, abort)
        self._trap = trap
        return trap

    def _do(self, change: Callable[[], Any]) -> None:
        async def run() -> None:
            change()

        asyncio.run_coroutine_threadsafe(run(), self._loop).result(_TIMEOUT)

    def _set_refusing(self, refusing: bool) -> None:
        self._refusing = refusing
        if refusing:
            self._abort_all()

    def _drop_data(self) -> None:
        for link in self._links:
            link.is_dropping = True

    def _abort_all(self) -> None:
        for link in self._links:
            link.abort()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        self._flow.set()
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._end.wait()
        server.close()
        self._flow.set()
        self._abort_all()
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            if self._refusing or self._end.is_set():
                writer.transport.abort()
            else:
                await self._connect(reader, writer)
        except OSError:
            writer.transport.abort()  # the server is down, and the worker must see that
        finally:
            self._tasks.discard(task)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._flow.wait()
        replies, requests = await asyncio.open_unix_connection(str(self._upstream))
        link = _Link(client=writer, server=requests)
        self._links.add(link)
        try:
            await asyncio.gather(
                self._pump(reader, requests, lambda data: self._on_request(link, data)),
                self._pump(replies, writer, lambda data: self._on_reply(link, data), is_reply=True),
            )
        finally:
            self._links.discard(link)
            link.abort()

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        passes: Callable[[bytes], bool],
        *,
        is_reply: bool = False,
    ) -> None:
        """Forward one direction until its end, which ends the other."""
        try:
            while data := await reader.read(_CHUNK):
                if is_reply and self._delay:
                    await asyncio.sleep(self._delay)
                await self._flow.wait()
                if passes(data):
                    writer.write(data)
                    await writer.drain()
            writer.close()
        except OSError:
            writer.transport.abort()

    def _on_request(self, link: _Link, data: bytes) -> bool:
        """Whether to forward the request; springs the trap."""
        trap = self._trap
        if trap is not None and not link.is_dropping and trap.catches(link.tail, data):
            self._trap = None
            if trap.lose == "request":
                return self._spring(link, trap)
            link.trap = trap
        link.tail = (link.tail + data)[-_TAIL:]
        return not link.is_dropping

    def _on_reply(self, link: _Link, data: bytes) -> bool:
        """Whether to forward the reply."""
        if link.trap is not None:
            return self._spring(link, link.trap)
        return not link.is_dropping

    def _spring(self, link: _Link, trap: Trap) -> bool:
        link.is_dropping, link.trap = True, None
        if trap.abort:
            link.abort()
        trap.sprung.set()
        return False
