"""Broken builds: the package with a small edit each, which removes what a scenario tests."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import streamroute
from worker_process import import_path

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Edit:
    """A replacement of text that occurs once in a file of the package."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class BrokenBuild:
    """The edits, the scenario that they break, and the oracle's finding, as a regular expression.

    ``patience`` is the timeout in seconds for what the broken build never does.
    """

    scenario: str
    breach: str
    edits: tuple[Edit, ...]
    patience: float = 20.0


_PACKAGE = Path(streamroute.__file__).parent
_JUDGED = "return _outcome_for(route, error, attempt, default)"
_DEDUPE, _SUPERVISOR = "adapters/lua/settle/dedupe.lua", "ops/workers/supervisor.py"
_WORKERS_TARGET = "ops/workers/generations/target.py"

BROKEN: Mapping[str, BrokenBuild] = {
    "a read connection for each stream": BrokenBuild(
        "200 streams in one process",
        "the worker had .* connections",
        (
            Edit("adapters/redis/channel.py", "READ_CONNECTIONS: Final = 4", "READ_CONNECTIONS: Final = 90"),
            Edit("adapters/redis/shared_reads.py", "streams: int = 1024", "streams: int = 1"),
        ),
    ),
    "a command connection for each handler": BrokenBuild(
        "300 handlers at once, which dedupe and forward",
        "the worker had .* connections",
        (
            Edit(
                "adapters/redis/channel.py",
                "COMMAND_CONNECTIONS: Final = 3",
                "COMMAND_CONNECTIONS: Final = 50",
            ),
        ),
    ),
    "a read takes few streams": BrokenBuild(
        "a thousand streams in one process",
        "the worker had .* connections",
        (
            Edit("adapters/redis/channel.py", "READ_CONNECTIONS: Final = 4", "READ_CONNECTIONS: Final = 40"),
            Edit("adapters/redis/shared_reads.py", "streams: int = 1024", "streams: int = 64"),
        ),
        patience=120.0,
    ),
    "dedupe without a fence, and a loss that is heard too late": BrokenBuild(
        "SIGSTOP of a worker that dedupes, then CONT",
        r"(\d+ effects of one job|\d+ messages of the job p1 took effect)",
        (
            Edit(_DEDUPE, "if not held or held[2] ~= consumer or", "if false and"),
            Edit(_DEDUPE, "if state == 'done' then", "if state == 'done' and owner ~= message then"),
            Edit(
                "core/consume/entry_lifecycle.py",
                "if self.in_flight.has_delivery(entry_id, deliveries):",
                "if False:",
            ),
        ),
    ),
    "suspects are entries like any other": BrokenBuild(
        "killers among innocents",
        "dead-lettered without cause",
        (
            Edit("core/consume/delivery_limits.py", "_SHARES: Final = {1: 8, 2: 2}", "_SHARES: Final = {}"),
            Edit("core/consume/delivery_limits.py", "by_delivery[self.last] = 0", "pass"),
        ),
    ),
    "entries are not held back before their last delivery": BrokenBuild(
        "four crashes of everything",
        r"\d+ entries were on their last delivery|waited .* s for everything to be done",
        (Edit("core/consume/delivery_limits.py", "_SHARES: Final = {1: 8, 2: 2}", "_SHARES: Final = {}"),),
    ),
    "an exit code is a refusal to start": BrokenBuild(
        "a message that exits, under --workers",
        "the supervisor ended with 1",
        (Edit(_SUPERVISOR, "if end.is_refusal and not self.reports.has_been_ready:", "if end.code > 0:"),),
    ),
    "routes share one payload": BrokenBuild(
        "a handler that changes its payload",
        "dead-lettered without cause: .* for the route transformed",
        (
            Edit(
                "core/dispatch/route_runs.py",
                "own = copy_for_route(payload) if remaining else payload",
                "own = payload",
            ),
        ),
    ),
    "filters are asked when their turn comes": BrokenBuild(
        "a handler that changes its payload",
        "lost: .* for the route filtered",
        (
            Edit(
                "core/dispatch/route_runs.py",
                "own = copy_for_route(payload) if remaining else payload",
                "own = payload\n            if route.accepts is not None and not route.accepts(payload):\n"
                "                continue",
            ),
        ),
    ),
    "the text of an exception is asked for unguarded": BrokenBuild(
        "exceptions that misbehave",
        "dead-lettered without cause|waited .* s for each exception to have its outcome",
        (
            Edit(
                "core/dispatch/outcomes.py",
                f"{_JUDGED}\n    except BaseException:",
                f"str(_cause(error))\n        {_JUDGED}\n    except LookupError:",
            ),
        ),
    ),
    "a handler may raise an Exception only": BrokenBuild(
        "GeneratorExit and its like from a thread",
        "ran .* times|no letter says",
        (
            Edit(
                "core/dispatch/route_runs.py",
                "except BaseException as error:  # noqa: BLE001 - our own end is raised again",
                "except Exception as error:",
            ),
        ),
    ),
    "a handler that goes on is waited for": BrokenBuild(
        "handlers that swallow their cancellation",
        "waited .* s for what is stuck to take effect",
        (
            Edit(
                "core/consume/pool/worker_pool.py", "STUCK_AFTER: Final = 10.0", "STUCK_AFTER: Final = 3600.0"
            ),
        ),
    ),
    "on_stuck is not listened to": BrokenBuild(
        "on_stuck: exit, under --workers",
        "waited .* s for the worker to be replaced",
        (Edit("services/service.py", 'if stream.on_stuck == "exit" else', "if False else"),),
    ),
    "a watermark that cannot be read is an error": BrokenBuild(
        "a lost group, and a watermark that cannot be read",
        "waited .* s for every worker to work",
        (Edit("adapters/groups/watermark.py", "except ValueError:", "except KeyError:"),),
    ),
    "due times are not looked for": BrokenBuild(
        "due times of retries are lost",
        "waited .* s for the retries to run",
        (
            Edit(
                "adapters/lua/retries/promote_due.lua",
                "local undue = math.max(0, redis.call('HLEN', delayed) - redis.call('ZCARD', due))",
                "local undue = 0",
            ),
        ),
    ),
    "a group that went back is not told": BrokenBuild(
        "a server that was restored from an older day",
        "waited .* s for a line of a log",
        (
            Edit(
                "adapters/groups/watermark.py",
                "if known is not None and _start(low) < _start(known):",
                "if False:",
            ),
        ),
    ),
    "new entries are read before what was released": BrokenBuild(
        "a clean restart",
        "messages ran in the order",
        (Edit("core/consume/fetch/fetcher.py", "if not self._has_claimed.is_set():", "if False:"),),
    ),
    "a lease outlives its worker": BrokenBuild(
        "a lease that is rolled back",
        "waited .* s for what was held|not at rest",
        (
            Edit(
                "adapters/stream/leases/lease_keeper.py",
                '"HDEL", self._keys.workers',
                '"HGET", self._keys.workers',
            ),
        ),
    ),
    "a worker that died is started again half a minute later": BrokenBuild(
        "workers die in an outage, then everything",
        "waited .* s for (the outage to be told|every worker to work)|recovery from .* took",
        (
            Edit("ops/workers/restart_pause.py", "first: float = 0.5", "first: float = 30.0"),
            Edit(
                "ops/workers/restart_pause.py",
                "longest_at_work: float = 5.0",
                "longest_at_work: float = 30.0",
            ),
        ),
    ),
    "texts are kept whole": BrokenBuild(
        "texts of 10 MB",
        "letters have .* bytes each",
        (Edit("text/limits.py", "ERROR: Final = 4_000", "ERROR: Final = 4_000_000"),),
    ),
    "unknown types are kept whole": BrokenBuild(
        "texts of 10 MB",
        "the worker has .* bytes in memory",
        (Edit("core/dispatch/route_selection.py", "name = clip(message_type, NAME)", "name = message_type"),),
    ),
    "equal failures have a line each": BrokenBuild(
        "thousands of equal failures",
        "lines say what is equal",
        (Edit("logs/coalescing.py", "if run is None:", "if True:"),),
    ),
    "a delivery is run by the current generation": BrokenBuild(
        "reloads of one process",
        "decoded by one generation and run by",
        (
            Edit(
                "stream_pipeline.py",
                "pipeline: Pipeline = message.delivery.pipeline",
                "pipeline: Pipeline = self.current",
            ),
        ),
    ),
    "streams are swapped one by one, while others are checked": BrokenBuild(
        "reloads of one process",
        "the work of an edit that was refused",
        (
            Edit(
                "app.py",
                "            services = self._new_services(generation)\n",
                "            services = self._new_services(generation)\n"
                "            for name in self.services.keys() & generation.pipelines.keys() - services.keys():\n"
                "                self.services[name].adjusted(generation.pipelines[name])\n",
            ),
        ),
    ),
    "each worker swaps when it is ready": BrokenBuild(
        "reloads that one of two workers refuses",
        "the work of an edit that was refused",
        (
            Edit(
                _WORKERS_TARGET,
                "built = await channel.prepare(record)",
                "built = await channel.prepare(record) and await channel.commit()",
            ),
            Edit(_WORKERS_TARGET, "                await channel.commit()", "                pass"),
        ),
    ),
    "a container is closed at the swap": BrokenBuild(
        "reloads of one process",
        "ran with a closed container",
        (
            Edit(
                "services/old_generations.py",
                "while self._in_flight(generation) and not await",
                "while False and not await",
            ),
        ),
    ),
    "parked messages are taken out before they return": BrokenBuild(
        "kill -9 while parked messages return",
        "(lost|nowhere in the middle of the run): ",
        (
            Edit(
                "adapters/lua/pauses/sync.lua",
                "    id = redis.call('XADD', retry, '*', 'name', string.sub(name, #queue + 44), 'entry', entry, ...)",
                "    id = now .. '-0'",
            ),
        ),
    ),
    "a message is parked under a name without an entry": BrokenBuild(
        "kill -9 of a worker that parks",
        "(lost|nowhere in the middle of the run): ",
        (
            Edit(
                "adapters/lua/settle/settle.lua",
                "    redis.call('HSETNX', parked_entries, name, entry)",
                "    redis.call('HEXISTS', parked_entries, name)",
            ),
        ),
    ),
    "a replaced consumer settles what it has not started": BrokenBuild(
        "reloads of one process",
        "lost: ",
        (
            Edit(
                "core/consume/entry_lifecycle.py",
                "self._is_retired = True\n        self._releaser.release_soon(self._pool.clear())",
                "self._is_retired = True\n        for entry in self._pool.clear().items():\n"
                "            self._settler.add(*entry)",
            ),
        ),
    ),
}


def edited_files(broken: BrokenBuild) -> dict[str, str]:
    """Return the edited files: their texts by their paths in the package.

    Raises ValueError if the text to replace does not occur exactly once.
    """
    texts: dict[str, str] = {}
    for edit in broken.edits:
        text = texts.get(edit.file) or (_PACKAGE / edit.file).read_text()
        if text.count(edit.old) != 1:
            raise ValueError(f"{edit.file} has {text.count(edit.old)} times what is to be edited: {edit.old}")
        texts[edit.file] = text.replace(edit.old, edit.new)
    return texts


def build(broken: BrokenBuild, folder: Path) -> dict[str, str]:
    """Create the build; return the environment variables with which a worker runs it.

    All files but the edited ones are hard links to those of the package, compiled code included.
    """
    package = folder / "build" / "streamroute"
    shutil.copytree(_PACKAGE, package, copy_function=_link)
    for name, text in edited_files(broken).items():
        (package / name).unlink()  # otherwise the package itself would be edited
        (package / name).write_text(text)
    return {"PYTHONPATH": import_path(package.parent)}


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)
