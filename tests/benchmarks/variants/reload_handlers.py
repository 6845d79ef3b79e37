"""The handlers of a service that reloads: they record latencies, generations, and what the process holds."""

from __future__ import annotations

import asyncio
import functools
import gc
import json
import linecache
import logging
import os
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).parent
COUNTED: Final = (
    "Candidate",
    "Compiled",
    "ContainerTask",
    "Document",
    "Generation",
    "Pipeline",
    "RedisRouter",
    "RedisStreamProcessor",
    "SourceFile",
)
"""Classes of which one object or few belong to each generation."""

TICK: Final = 0.005  # seconds

latencies: list[int] = []
pauses: list[float] = []
"""Processor time of this process from one tick of the event loop to the next, in seconds."""
generations = [-1]
"""The latest one that has handled a message."""
containers: list[object] = []
"""Those that are open."""


@asynccontextmanager
async def container() -> AsyncIterator[object]:
    """Yield a container that is part of a cycle, as those of users may be."""
    opened: list[object] = []
    opened.append(opened)
    containers.append(opened)
    ticking = asyncio.create_task(tick())
    yield opened
    ticking.cancel()
    containers[:] = [each for each in containers if each is not opened]


async def tick() -> None:
    """Record how late the event loop is, as far as this process is the reason."""
    while True:
        before = time.process_time()
        await asyncio.sleep(TICK)
        pauses.append(max(0.0, time.process_time() - before - TICK))


async def note(payload: Mapping[str, Any], *, generation: int) -> None:
    """Record how long a message took to get here, and when a generation handles its first one."""
    now = time.monotonic_ns()
    latencies.append(now - payload["sent"])
    if generation > generations[0]:
        generations[0] = generation
        write("latest", {"generation": generation, "time": now})


async def other(payload: Mapping[str, Any]) -> None:
    """Do nothing: the handler of all other routes."""


async def report(payload: Mapping[str, Any]) -> None:
    """Write the latencies since the last report, and on request what the process holds."""
    held = holdings() if payload["holdings"] else {}
    write(payload["to"], {"latencies": latencies, "pauses": pauses, "holds": held})
    latencies.clear()
    pauses.clear()


def write(name: str, content: Any) -> None:
    """Write a file as a whole, so that it is never read half written."""
    (FOLDER / "new").write_text(json.dumps(content))
    (FOLDER / "new").replace(FOLDER / name)


def holdings() -> dict[str, float]:
    """Return what the process holds, by name."""
    gc.unfreeze()  # configurations are excluded from collections, which hides them from this list, too
    gc.collect()
    objects = gc.get_objects()
    gc.freeze()
    kinds = Counter(type(each).__name__ for each in objects)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return {
        "resident MB": pages * os.sysconf("SC_PAGE_SIZE") / 1e6,
        "open files": len(os.listdir("/proc/self/fd")),  # noqa: PTH208 - pathlib opens one, too
        "threads": threading.active_count(),
        "tasks": len(asyncio.all_tasks()),
        "open containers": len(containers),
        "objects with references": len(objects),
        **{f"{kind} objects": kinds[kind] for kind in COUNTED},
        "modules": len(sys.modules),
        "loggers": len(logging.root.manager.loggerDict),
        "lines in linecache": len(linecache.cache),
        "patterns in re": len(re._cache),  # type: ignore[attr-defined]  # it grows if each reload compiles others
        "expressions in jmespath": len(sys.modules["jmespath.parser"].Parser._CACHE),
        "results in functools caches": sum(cache.cache_info().currsize for cache in caches()),
    }


def caches() -> Iterator[Any]:
    """Yield the functools caches of all modules and of their classes."""
    kind = type(functools.lru_cache(lambda: None))
    found: dict[int, Any] = {}
    for module in list(sys.modules.values()):
        values = list(vars(module).values())
        inner = [each for value in values if isinstance(value, type) for each in vars(value).values()]
        found |= {id(each): each for each in (*values, *inner) if type(each) is kind}
    yield from found.values()
