"""compile_routes: compile routes.yaml into RedisRouters for the caller's own dispatcher."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from streamroute.compiler.checked_route import RuntimeContext
from streamroute.compiler.compiled import Compiled
from streamroute.compiler.compiler import compile_document
from streamroute.compiler.pipeline import check_path
from streamroute.compiler.unapplied_settings import log_unapplied
from streamroute.config.findings.config_error import config_error
from streamroute.config.findings.finding import has_errors
from streamroute.core.router import RedisRouter

if TYPE_CHECKING:
    from streamroute.adapters.stream.publishers import RedisClient

__all__ = ["Compiled", "compile_document", "compile_routes"]


def compile_routes(
    path: str | Path, *, client: RedisClient | None = None, allow_outside: bool = False
) -> dict[str, list[RedisRouter]]:
    """Compile a configuration into routers: stream -> one router for each file that has routes for it.

    ``path`` may be a folder with a routes.yaml. The folder becomes importable, and the handlers are imported.
    Routes to ``streamroute.handlers.forward`` write through ``client``, which the caller closes; without it
    they fail. Files outside the folder are read only with ``allow_outside``.

    A router applies what its routes declare (filter, transform, arguments, timeout, ``retry``, ``validate``,
    ``canary`` without ``stop_at``), and the ``retry`` and ``validate`` of their stream; it has no shadows.
    The other keys of a stream are for its consumer: pass them to the storage, the processor and the
    dispatcher that you create: ``group``, ``formerly_group``, ``codec``, ``concurrency``, ``lease``,
    ``stall``, ``claim_interval``, ``max_deliveries``, ``grace``, ``on_stuck``, ``dead_letter``,
    ``order_by``, ``trim`` and ``unknown_type``. The same applies to ``redis`` and ``container``. Nothing
    pauses (``pause_when``), nothing is hidden (``redact``), and no message is traced. Each setting that the
    file has and a router does not apply is logged. ``streamroute.open`` applies all of them.

    Raises ConfigError, with all ``findings``, if one of them is an error.

    >>> for router in compile_routes("routes.yaml")["bot_events"]:  # doctest: +SKIP
    ...     dispatcher.include_router(router)
    """
    result = check_path(path, outside=allow_outside)
    if has_errors(result.findings) or result.compiled is None:
        raise config_error(path, result.findings)
    log_unapplied(result.compiled.document)
    if client is None:
        return result.compiled.routers
    from streamroute.adapters.stream.publishers import connection_of, publishers_by_stream

    resources = {"publishers": publishers_by_stream(connection_of(client), result.compiled.codecs_by_stream)}
    return result.compiled.routers_in(RuntimeContext(resources))
