"""Serve the board of one or more configurations until a signal."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from itertools import chain, count
from typing import TYPE_CHECKING, Final

from streamroute.adapters.redis.connection import open_redis
from streamroute.board.application import create_application
from streamroute.board.http.listening import listen
from streamroute.board.http.path_prefix import PathPrefix
from streamroute.board.http.server import serving
from streamroute.board.probes import probe_routes
from streamroute.board.service import BoardService, ShownConfig
from streamroute.cli.process.exit_codes import ExitCode
from streamroute.cli.process.signals import stop_on_signals

if TYPE_CHECKING:
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.board.access.policy import AccessPolicy
    from streamroute.cli.arguments.config import UsableConfig
    from streamroute.cli.arguments.http import HttpOptions
    from streamroute.config.document import Document
    from streamroute.ops.generations.store import GenerationStore

log = logging.getLogger(__name__)

_OWN_PATHS: Final = frozenset({"api", "healthz", "login", "logout", "metrics", "readyz", "static"})


async def serve_board(
    loaded: Sequence[UsableConfig],
    stores: Sequence[GenerationStore],
    options: HttpOptions,
    policy: AccessPolicy,
    *,
    embedded: bool,
) -> int:
    """Serve until SIGINT or SIGTERM; returns the exit code.

    A server that does not answer is shown on the pages, and is no reason to exit.
    """
    stop = asyncio.Event()
    async with AsyncExitStack() as stack:
        stack.enter_context(stop_on_signals(stop.set))
        listener = stack.enter_context(listen(options.http))
        names = service_names([each.document for each in loaded])
        services = []
        for name, config, store in zip(names, loaded, stores, strict=True):
            redis = await stack.enter_async_context(open_shown_server(config.document, embedded=embedded))
            shown = ShownConfig(config.document, config.compiled, config.checked.findings)
            services.append(BoardService(name, shown, redis, store, options.http_trace_url))
        app = create_application(services, policy, probe_routes(services))
        at = await stack.enter_async_context(serving(PathPrefix(app, options.http_prefix), listener))
        log.info("the board is at http://%s%s/", at, options.http_prefix)
        log_access(policy)
        await stop.wait()
    return ExitCode.OK


def log_access(policy: AccessPolicy) -> None:
    """Log how people sign in."""
    if policy.token_path is not None:
        log.info("people sign in to the board with the tokens in %s", policy.token_path)


def open_shown_server(document: Document, *, embedded: bool) -> AbstractAsyncContextManager[RedisConnection]:
    address = document.redis
    return open_redis(
        address.url, folder=document.folder, written=address.url_in_file, embedded=embedded, create=False
    )


def service_names(documents: Sequence[Document]) -> list[str]:
    """Return a short name for each configuration, which its pages have in their addresses.

    No two are equal, and none is the first part of an address that the board uses itself.
    """
    names: list[str] = []
    for document in documents:
        folder = re.sub(r"[^A-Za-z0-9._-]+", "-", document.folder.resolve().name).strip("-.") or "service"
        candidates = chain([folder], (f"{folder}-{number}" for number in count(2)))
        names.append(next(name for name in candidates if name not in {*names, *_OWN_PATHS}))
    return names
