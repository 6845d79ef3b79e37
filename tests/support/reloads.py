"""A configuration that changes while an app runs it: files, handlers that can be held, a container."""

from __future__ import annotations

import asyncio
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from streamroute.adapters.redis.connection import open_redis
from streamroute.app import App, open_app
from streamroute.compiler.pipeline import CheckResult, check_path
from streamroute.compiler.resolve.importer import isolated_imports

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

HANDLERS = '''
"""Handlers that note what they did, and wait while their gate is closed."""

import asyncio
from contextlib import asynccontextmanager

ran, opened, closed, gates = [], [], [], {}


async def note(payload, container, *, by, gate=""):
    ran.append(("start", by, payload["n"], container["of"]))
    if gate:
        await gates.setdefault(gate, asyncio.Event()).wait()
    ran.append(("end", by, payload["n"], container["of"]))


@asynccontextmanager
async def build():
    of = len(opened) + 1
    task = asyncio.current_task()
    opened.append(of)
    yield {"of": of}
    assert asyncio.current_task() is task
    closed.append(of)
'''


@dataclass
class Reloadable:
    """The folder of a configuration, and the app that runs it."""

    folder: Path
    url: str
    apps: list[App] = field(default_factory=list)

    @property
    def handlers(self) -> Any:
        """The module of the handlers."""
        return sys.modules["held"]

    def write(self, text: str) -> None:
        """Write a configuration."""
        (self.folder / "routes.yaml").write_text(f"version: 1\nredis: {{url: '{self.url}'}}\n{text}")

    def checked(self, text: str) -> CheckResult:
        """Write a configuration and check it: it has no errors."""
        self.write(text)
        result = check_path(self.folder)
        assert not [finding for finding in result.findings if finding.severity.name == "ERROR"]
        return result

    @asynccontextmanager
    async def running(self, text: str, **settings: Any) -> AsyncIterator[App]:
        """Run this configuration inside the block."""
        result = self.checked(text)
        assert result.document is not None
        assert result.compiled is not None
        async with (
            open_redis(self.url, folder=self.folder) as redis,
            open_app(redis, result.document, result.compiled, **settings) as app,
        ):
            self.apps.append(app)
            await app.start()
            yield app

    async def prepare(self, text: str) -> Any:
        """Prepare this configuration beside the running one."""
        result = self.checked(text)
        assert result.document is not None
        assert result.compiled is not None
        return await self.apps[-1].prepare(result.document, result.compiled)

    async def reload(self, text: str) -> str:
        """Run this configuration instead of the current one; return its generation."""
        app = self.apps[-1]
        app.commit(await self.prepare(text))
        return app.generation

    async def publish(self, *numbers: int, stream: str = "events", **data: Any) -> None:
        """Publish a message of each number."""
        target = self.apps[-1].publisher(stream)
        await target.publish([target.encode({"type": "t", "n": n, **data}) for n in numbers])

    def ended(self) -> dict[int, tuple[str, int]]:
        """Return which route and which container has handled each number."""
        return {n: (by, of) for what, by, n, of in self.handlers.ran if what == "end"}

    def has_ended(self, number: int) -> bool:
        """Return whether a handler has ended on this number."""
        return number in self.ended()

    def has_started(self, number: int) -> bool:
        """Return whether a handler has started on this number."""
        return any(what == "start" and n == number for what, _, n, _ in self.handlers.ran)

    def open_gate(self, name: str) -> None:
        """Let the handlers behind a gate end."""
        self.handlers.gates.setdefault(name, asyncio.Event()).set()


def reloadable(folder: Path, url: str) -> Iterator[Reloadable]:
    """Yield a folder with the handlers; a fixture."""
    (folder / "held.py").write_text(HANDLERS)
    with isolated_imports(folder):
        yield Reloadable(folder, url)
