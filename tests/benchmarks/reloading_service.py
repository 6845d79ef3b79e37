"""A service under measurement that reloads: its configuration, its steady messages, and its reports."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.request import urlopen

from measuring import HERE
from redis import Redis
from serving import serving

from servers import free_port
from streamroute.ops.reload.control.client import ControlError, ask_all
from streamroute.ops.reload.control.messages import RELOAD, ControlRequest

T = TypeVar("T")

HEAD: Final = """\
version: 1
redis: {{url: "{url}"}}
container: serving_handlers.container
streams:
  bench: {{group: bench, validate: true, {settings}}}
{streams}
messages: {{bench.event: {{schema: event.json}}}}
routes:
  - {{name: report, stream: bench, type: bench.report, handler: serving_handlers.report}}
  - name: note
    stream: bench
    type: bench.event
    filter: nights >= `3` && nights != `-{generation}`
    transform: "{{sent: sent, of: `{generation}`}}"
    handler: serving_handlers.note
    with: {{generation: {generation}}}
"""
ROUTE: Final = """\
  - name: route-{at}
    stream: bench
    type: booking.type{kind}
    filter: guest.tier == 'gold' && nights >= `{nights}` && contains(tags || `[]`, 'tenant-{at}')
    handler: serving_handlers.other
    timeout: 30s
"""
HANDLERS: Final = HERE / "variants" / "reload_handlers.py"
_PATIENCE: Final = 120.0  # seconds


@dataclass
class ReloadingService:
    """``streamroute serve`` on a folder that this program edits."""

    url: str
    folder: Path
    routes: int
    port: int
    generation: int = 0
    _reports: int = 0
    _others: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        numbers = range(self.routes - 2)
        self._others = "".join(ROUTE.format(at=at, kind=at % 50, nights=at % 7) for at in numbers)

    def text(self, *, settings: str = "concurrency: 32", streams: str = "") -> str:
        """Return the configuration of the current generation."""
        head = HEAD.format(url=self.url, generation=self.generation, settings=settings, streams=streams)
        return head + self._others

    def edit(self, **settings: str) -> int:
        """Write the next generation as editors do; return when, in ns of the monotonic clock."""
        self.generation += 1
        self._put("event.json", json.dumps({"properties": {"nights": {"minimum": -self.generation}}}))
        self._put("routes.yaml", self.text(**settings))
        return time.monotonic_ns()

    def spoil(self, old: str, new: str) -> None:
        """Write a configuration with an error; the generation before it keeps running."""
        self.generation += 1
        self._put("routes.yaml", self.text().replace(old, new, 1))

    def first_effect(self) -> int:
        """Wait until the current generation has handled a message; return when that was, in ns."""

        def seen() -> int | None:
            latest = self._read("latest")
            return latest["time"] if latest and latest["generation"] == self.generation else None

        return self._wait(seen, f"generation {self.generation}")

    def ask(self) -> bool:
        """Ask the service to reload, as ``streamroute reload`` does; return whether it did."""
        [answer] = ask_all(self.folder / "state", ControlRequest(RELOAD), _PATIENCE)
        if isinstance(answer, ControlError):
            raise SystemExit(str(answer))
        return answer.is_ok

    def report(self, *, holdings: bool = False) -> dict[str, Any]:
        """Return the latencies in ns since the last report, and what the process holds."""
        self._reports += 1
        name = f"report-{self._reports}"
        data = json.dumps({"to": name, "holdings": holdings})
        with Redis.from_url(self.url) as client:
            client.xadd("bench", {"type": "bench.report", "data": data})
        return self._wait(lambda: self._read(name), "a report")

    def series(self) -> dict[str, float]:
        """Return how many series the metrics have: all of them, and those that name a generation."""
        with urlopen(f"http://127.0.0.1:{self.port}/metrics") as answer:
            lines = [line for line in answer.read().decode().splitlines() if not line.startswith("#")]
        named = [line for line in lines if line.startswith("streamroute_config_info")]
        return {"series of metrics": len(lines), "series of generations": len(named)}

    def _put(self, name: str, text: str) -> None:
        (self.folder / "edited").write_text(text)
        (self.folder / "edited").replace(self.folder / name)

    def _read(self, name: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = json.loads((self.folder / name).read_text())
        except FileNotFoundError:
            return None
        return found

    def _wait(self, look: Callable[[], T | None], what: str) -> T:
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            found = look()
            if found is not None:
                return found
            time.sleep(0.005)
        errors = (self.folder / "errors").read_text()[-2000:]
        raise SystemExit(f"the service did not give {what} within {_PATIENCE:g} s\n{errors}")


@contextmanager
def reloading_service(
    url: str, folder: Path, routes: int, rate: float, *options: str
) -> Iterator[ReloadingService]:
    """Serve ``routes`` routes, with ``rate`` messages a second, until the end of the block."""
    service = ReloadingService(url, folder, routes, free_port())
    (folder / "event.json").write_text("{}")
    words = ("--state-dir", str(folder / "state"), "--metrics", f"127.0.0.1:{service.port}", *options)
    script = str(HERE / "variants" / "steady_producer.py")
    producing = [sys.executable, script, url, "bench", str(10**9), str(rate)]
    with (
        (folder / "errors").open("w") as errors,  # refused reloads are some
        serving(url, folder, HANDLERS.read_text(), *words, text=service.text(), errors=errors),
        subprocess.Popen(producing) as producer,
    ):
        try:
            service.first_effect()
            yield service
        finally:
            producer.terminate()
