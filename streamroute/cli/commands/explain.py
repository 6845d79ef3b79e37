"""``streamroute explain``."""

from __future__ import annotations

from typing import Any

import click

from streamroute.cli.arguments.path_options import ALLOW_OUTSIDE, PATH
from streamroute.cli.arguments.paths import config_path
from streamroute.cli.arguments.state_dir import STATE_DIR
from streamroute.cli.commands.explaining.event_argument import event_message
from streamroute.cli.commands.explaining.stored_event import EntryId
from streamroute.cli.output.streams import echo, write_document
from streamroute.cli.process.exit_codes import ExitCode


@click.command(name="explain")
@click.argument("event", required=False, type=PATH)
@click.option(
    "--config", type=PATH, metavar="PATH", help="Path of routes.yaml (default: in the working folder)."
)
@ALLOW_OUTSIDE
@click.option("--type", "event_type", metavar="TYPE", help="The type of the event, instead of EVENT.")
@click.option("--data", metavar="JSON", help="The data of the event, a JSON object; requires --type.")
@click.option("--stream", metavar="NAME", help="The stream of the event (default: any).")
@click.option(
    "--id",
    "entry_id",
    type=EntryId(),
    metavar="ID",
    help="Read the event from Redis: an entry of --stream, or a dead letter of it.",
)
@click.option(
    "--import", "imports", is_flag=True, help="Import the project's own codec to decode the entry of --id."
)
@click.option("--no-embedded", is_flag=True, help="Do not use the embedded server with --id.")
@click.option(
    "--generation",
    metavar="HASH",
    help="Also explain by this stored generation (the start of its hash is enough).",
)
@STATE_DIR
@click.option("--all", "everything", is_flag=True, help="Include routes of other types.")
@click.option(
    "--format", "output_format", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def command(
    event: str | None,
    config: str | None,
    event_type: str | None,
    data: str | None,
    everything: bool,
    output_format: str,
    **options: Any,
) -> int:
    """Explain which routes match EVENT, and why: show the value of each part of each filter.

    EVENT is a JSON object with a "type", a file with such an object, or - for stdin. With --stream and --id
    it is an entry in Redis. With --generation, it is explained by an earlier configuration too, as is a dead
    letter, which names the generation that it failed in. No handler runs.

    \b
    Examples:
      streamroute explain event.json
      streamroute explain --type booking.confirmed --data '{"nights": 3}'
      streamroute explain --stream bot_events --id 1718000000000-0
      streamroute explain event.json --generation 3f2a
    """
    from streamroute.cli.commands.explaining.request import ExplainRequest
    from streamroute.cli.process.time_limit import SECONDS, time_limit
    from streamroute.config.root_file import find_root

    if options["entry_id"] is None:
        message = event_message(event, event_type, data)
    else:
        message = {}
        _require_stream_alone(options["stream"], event or event_type or data)
    root = find_root(config_path(config))
    with time_limit(SECONDS, root, "full" if output_format == "text" else None):
        request = ExplainRequest(
            root=root, config=config, message=message, for_people=output_format == "text", **options
        )
        text = request.report().render(output_format, everything=everything)
    if output_format == "json":
        write_document(text)
    else:
        echo(text, nl=False)
    return ExitCode.OK


def _require_stream_alone(stream: str | None, event: str | None) -> None:
    if event is not None:
        raise click.UsageError("--id excludes EVENT, --type and --data")
    if stream is None:
        raise click.UsageError("--id requires --stream")
