"""``streamroute serve``."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from streamroute.cli.arguments.event_files import display_name, open_events
from streamroute.cli.arguments.http import access_options, http_endpoint
from streamroute.cli.arguments.path_options import ALLOW_OUTSIDE, PATH, outside_allowed
from streamroute.cli.arguments.paths import config_path_if_any
from streamroute.cli.arguments.state_dir import STATE_DIR
from streamroute.cli.output.logging import set_up_logging
from streamroute.cli.output.standard_streams import tolerate_closed_stdout
from streamroute.cli.process.hangups import process_hangups
from streamroute.cli.process.metrics import MetricsEndpoints, endpoint_option
from streamroute.cli.process.workers import (
    CHANNEL_OPTION,
    REPORT_OPTION,
    open_descriptor_option,
    worker_command,
)

if TYPE_CHECKING:
    from streamroute.ops.metrics.server import Endpoint


@click.command(name="serve")
@click.argument("config", required=False, type=PATH)
@click.option(
    "--feed",
    metavar="FILE",
    type=PATH,
    help="Publish the events of this JSON lines file first; - is stdin.",
)
@click.option(
    "--feed-stream", metavar="STREAM", help="The stream for --feed, if several streams have routes."
)
@click.option("--drain", is_flag=True, help="Process the current backlog (and --feed), then exit.")
@click.option(
    "--workers",
    metavar="N",
    type=click.IntRange(1, 1024),
    help="Run N worker processes, each with the concurrency of the streams, and restart those that die.",
)
@click.option("--reload", "watch", is_flag=True, help="Reload when a file of the configuration changes.")
@click.option(
    "--dev",
    is_flag=True,
    help="For development: --reload, and restart the workers (1 by default) when their code changes.",
)
@click.option(
    "--last-good",
    is_flag=True,
    help="If CONFIG has errors, run the last generation that had none, and log an error.",
)
@STATE_DIR
@click.option(
    "--metrics",
    metavar="HOST:PORT",
    callback=endpoint_option,
    help="Serve Prometheus metrics and /healthz at this address; a bare port binds to 127.0.0.1.",
)
@click.option(
    "--http",
    metavar="HOST:PORT",
    callback=http_endpoint,
    help="Serve the board, /metrics and /healthz at this address; a bare port binds to 127.0.0.1.",
)
@access_options
@click.option(
    "--traces",
    type=click.Choice(["link", "child", "off"]),
    help="Export OpenTelemetry spans, linked to the producer's span, or as its children, too. Without this "
    "option they are exported if OTEL_TRACES_EXPORTER names an exporter.",
)
@click.option(
    REPORT_OPTION,
    "report",
    hidden=True,
    metavar="DESCRIPTOR",
    type=int,
    callback=open_descriptor_option,
    help="Run as a worker that reports to its supervisor through this file descriptor.",
)
@click.option(
    CHANNEL_OPTION,
    "channel",
    hidden=True,
    metavar="DESCRIPTOR",
    type=int,
    callback=open_descriptor_option,
    help="The file descriptor of the socket over which the supervisor sends generations.",
)
@ALLOW_OUTSIDE
@click.option("--no-embedded", is_flag=True, help="Do not use the embedded server.")
@click.option(
    "--adopt-data",
    is_flag=True,
    help="Accept embedded data that was not written by your own streamroute.",
)
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Log format on stderr.",
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    help="Minimum log level.",
)
def command(
    config: str | None,
    feed: str | None,
    feed_stream: str | None,
    drain: bool,
    workers: int | None,
    metrics: Endpoint | None,
    report: int | None,
    **others: Any,
) -> int:
    """Run the router with CONFIG until SIGINT or SIGTERM, or until its terminal closes.

    On a signal, running handlers may finish within the grace period of their streams; a second signal exits
    immediately. CONFIG is validated first, as by `streamroute check`; if it has errors, the exit code is 1.

    SIGHUP and `streamroute reload` reload CONFIG without a restart, --reload does so whenever it changes. A
    changed configuration that has errors is not used. With --feed or --drain, nothing is reloaded.

    --dev follows the code, too: the Python files below the folder of CONFIG, and the modules that were
    imported from elsewhere, unless they are installed. Hidden folders, virtual environments and node_modules
    are left out. Code and CONFIG that are saved together are one change: workers with the new ones start,
    then the old ones drain. If the new code cannot be imported, the old workers go on.

    --workers N runs N processes to use N cores. One signal drains all of them.

    With --feed or --drain, a table at the end shows the results; if a message failed permanently, the exit
    code is 1.

    \b
    Examples:
      streamroute serve
      streamroute serve shop/routes.yaml --log-format json
      streamroute serve --reload
      streamroute serve --dev
      streamroute serve --workers 4
      OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318 \\
        streamroute serve --traces link
      streamroute serve --feed events.jsonl --drain
    """
    import streamroute.app  # noqa: F401 - import it before the user's folder is on the import path
    from streamroute.cli.commands.serving.board_options import with_board
    from streamroute.cli.commands.serving.one_process import serve
    from streamroute.cli.commands.serving.options import ServeOptions, with_feed
    from streamroute.cli.commands.serving.reloading import ReloadOptions, Reloads
    from streamroute.cli.commands.serving.start import load_at_start, with_code
    from streamroute.cli.commands.serving.supervised import serve_with_workers
    from streamroute.cli.commands.serving.worker_channel import WorkerChannelEnd
    from streamroute.cli.process.event_loop import run_until_exit
    from streamroute.ops.generations.state_folder import state_folder

    logs: dict[str, str] = {name: others[name] for name in ("log_format", "log_level")}
    options = ServeOptions(
        drain=drain,
        embedded=not others["no_embedded"],
        adopt=others["adopt_data"],
        metrics=MetricsEndpoints(metrics),
        report=report,
        traces=others["traces"],
    )
    set_up_logging(logs["log_format"], logs["log_level"])
    tolerate_closed_stdout()
    if feed_stream is not None and feed is None:
        raise click.UsageError("--feed-stream requires --feed")
    if feed is not None and workers is not None:
        raise click.UsageError("--feed cannot be combined with --workers: publish first, then serve")
    dev: bool = others["dev"]
    last_good: bool = others["last_good"]
    reloads_itself = not (drain or feed is not None or options.is_worker)
    _check_reloading(reloads=reloads_itself or options.is_worker, dev=dev, watch=others["watch"])
    if dev and last_good:
        raise click.UsageError("--last-good cannot be combined with --dev")
    path = config_path_if_any(config, may_be_missing=last_good or others["channel"] is not None)
    folder = state_folder(path, others["state_dir"]).absolute()  # user code may change the working folder
    hangups = process_hangups()
    with ExitStack() as stack:
        events = None if feed is None else open_events(feed, stack)
        if others["channel"] is not None:
            channel = WorkerChannelEnd(others["channel"], hangups, answers=dev)
            stack.enter_context(channel.hangups.kept())
            return run_until_exit(serve(channel.load_start(), replace(options, channel=channel)))
        if reloads_itself:
            stack.enter_context(hangups.kept())
        else:
            hangups.release()
        start = load_at_start(path, folder, last_good=last_good, imports=not dev)
        start, code = with_code(start) if dev else (start, None)
        options = with_board(options, path, folder, start.candidate.record, others)
        reloading = ReloadOptions(folder, others["watch"] or dev, outside_allowed(), hangups, code)
        reloads = Reloads(reloading, start) if reloads_itself else None
        if dev or workers is not None:
            arguments = _worker_arguments(logs, drain=drain, dev=dev, traces=options.traces)
            command_line = worker_command(path, arguments, bytecode=not dev)
            return run_until_exit(serve_with_workers(start, options, command_line, workers or 1, reloads))
        if feed is not None and events is not None:
            options = with_feed(options, events, display_name(feed), start.usable.document, feed_stream)
        return run_until_exit(serve(start.usable, options, reloads))


def _check_reloading(*, reloads: bool, dev: bool, watch: bool) -> None:
    """Raise click.UsageError for an option of reloads in a run that does not reload."""
    if (dev or watch) and not reloads:
        raise click.UsageError(f"{'--dev' if dev else '--reload'} cannot be combined with --drain or --feed")


def _worker_arguments(
    logs: dict[str, str], *, drain: bool, dev: bool = False, traces: str | None = None
) -> list[str]:
    arguments = [f"--{name.replace('_', '-')}={value}" for name, value in logs.items()]
    if traces is not None:
        arguments.append(f"--traces={traces}")
    return [*arguments, *["--drain"] * drain, *["--dev"] * dev, *["--allow-outside"] * outside_allowed()]
