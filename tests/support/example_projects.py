"""Examples that are run in the test's own process."""

from __future__ import annotations

import importlib
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx
import pytest

from repository import EXAMPLES


@contextmanager
def importable_example(name: str, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make the modules of an example importable, and its configuration use this server; yield its folder."""
    folder = EXAMPLES / name
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("REDIS_URL", redis_url)
    yield folder
    for module in set(sys.modules) - before:
        if str(getattr(sys.modules[module], "__file__", None) or "").startswith(str(folder)):
            del sys.modules[module]


@asynccontextmanager
async def asgi_client(module: str) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of ``app`` in an example's module, whose lifespan has begun."""
    app = importlib.import_module(module).app
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://example") as client,
    ):
        yield client
