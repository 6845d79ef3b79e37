"""Serve the board of the router that started this process, until that ends."""

from __future__ import annotations

import asyncio
import signal
import socket
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streamroute.board.application import create_application
from streamroute.board.http.path_prefix import PathPrefix
from streamroute.board.http.server import serving
from streamroute.board.link.follow import (
    be_nice,
    follow_router,
    open_link,
    read_first_config,
    shown_config,
)
from streamroute.board.router_probes import router_probes
from streamroute.board.service import BoardService
from streamroute.cli.commands.boards.run import log_access, open_shown_server, service_names
from streamroute.cli.process.exit_codes import ExitCode
from streamroute.errors import SetupError
from streamroute.ops.serve.background import in_background

if TYPE_CHECKING:
    from streamroute.board.access.policy import AccessPolicy
    from streamroute.cli.arguments.http import HttpOptions
    from streamroute.ops.generations.store import GenerationStore


@dataclass(frozen=True, slots=True)
class RouterLink:
    """What a board inherits from its router: a listening socket, and the port of the router's metrics."""

    listener: int
    metrics: int


async def serve_linked_board(
    link: RouterLink, store: GenerationStore, options: HttpOptions, policy: AccessPolicy, *, embedded: bool
) -> int:
    """Serve until the router ends, which closes standard input; returns the exit code.

    Signals are for the router: a terminal sends them to both, and the router drains. Raises SetupError if the
    router's configuration cannot be shown.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    be_nice()
    stop = asyncio.Event()
    reader = await open_link()
    record = await read_first_config(reader)
    if record is None:
        return ExitCode.OK
    config = shown_config(record)
    if config is None:
        raise SetupError("the board cannot read the configuration that its router runs")
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(open_shown_server(config.document, embedded=embedded))
        [name] = service_names([config.document])
        service = BoardService(name, config, redis, store, options.http_trace_url)
        app = create_application([service], policy, router_probes(link.metrics))
        listener = stack.enter_context(socket.socket(fileno=link.listener))
        await stack.enter_async_context(serving(PathPrefix(app, options.http_prefix), listener))
        await stack.enter_async_context(in_background(follow_router(reader, service, stop.set)))
        log_access(policy)
        await stop.wait()
    return ExitCode.OK
