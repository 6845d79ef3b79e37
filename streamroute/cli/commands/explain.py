"""``streamroute explain``."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Final

import click

from streamroute.cli.arguments.event_files import STDIN, display_name, read_events
from streamroute.cli.arguments.paths import ALLOW_OUTSIDE, PATH, config_path
from streamroute.cli.output.streams import as_json, echo, printable, write_document
from streamroute.cli.process.exit_codes import ExitCode
from streamroute.config.paths import MISSING, file_problem
from streamroute.errors import DecodeError, StreamrouteError
from streamroute.text.safe_text import safe_str
from streamroute.text.truncation import clip

if TYPE_CHECKING:
    from streamroute.cli.arguments.config import UsableConfig


@click.command(name="explain")
@click.argument("event", required=False, type=PATH)
@click.option(
    "--config", type=PATH, metavar="PATH", help="Path of routes.yaml (default: in the working folder)."
)
@ALLOW_OUTSIDE
@click.option("--type", "event_type", metavar="TYPE", help="The type of the event, instead of EVENT.")
@click.option("--data", metavar="JSON", help="The data of the event, a JSON object; requires --type.")
@click.option("--stream", metavar="NAME", help="The stream of the event (default: any).")
@click.option("--all", "everything", is_flag=True, help="Include routes of other types.")
@click.option(
    "--format", "output_format", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def command(
    event: str | None,
    config: str | None,
    event_type: str | None,
    data: str | None,
    stream: str | None,
    everything: bool,
    output_format: str,
) -> int:
    """Explain which routes match EVENT, and why: show the value of each part of each filter.

    EVENT is a JSON object with a "type", a file with such an object, or - for stdin. No handler runs.

    \b
    Examples:
      streamroute explain event.json
      streamroute explain --type booking.confirmed --data '{"nights": 3}'
    """
    from streamroute.cli.arguments.config import check_or_exit
    from streamroute.cli.process.time_limit import SECONDS, time_limit
    from streamroute.config.root_file import find_root

    message = _message(event, event_type, data)
    root = find_root(config_path(config))
    with time_limit(SECONDS, root, "full" if output_format == "text" else None):
        loaded = check_or_exit(root, for_people=output_format == "text")
        text = _explained(loaded, message, stream, output_format, everything=everything)
    if output_format == "json":
        write_document(text)
    else:
        echo(text, nl=False)
    return ExitCode.OK


def _message(event: str | None, event_type: str | None, data: str | None) -> dict[str, Any]:
    if event is not None and event_type is not None:
        raise click.UsageError("EVENT and --type exclude each other")
    if event is None and event_type is None:
        raise click.UsageError("pass EVENT or --type")
    if data is not None and event_type is None:
        raise click.UsageError("--data requires --type")
    if event_type is not None:
        return {"type": event_type, **_object(data or "{}", "--data")}
    return _typed(*_read(STDIN if event is None else event))


def _read(event: str) -> tuple[str, str]:
    """Return the event's text, and its name for messages."""
    if event.lstrip().startswith("{"):
        return event, "EVENT"
    if event not in {STDIN, ""} and file_problem(event) == MISSING:
        raise click.UsageError(f"EVENT is neither JSON nor a file: {clip(event, 80)}: No such file")
    name = display_name(event)
    try:
        return read_events(event).decode("utf-8-sig"), name
    except UnicodeDecodeError:
        raise StreamrouteError(f"{name} is not UTF-8 text") from None


def _typed(text: str, name: str) -> dict[str, Any]:
    message = _object(text, name)
    kind = message.get("type")
    if not isinstance(kind, str) or not kind:
        raise StreamrouteError(f'"type" of {name} must be a string, or the event is dead-lettered as a whole')
    return message


def _object(text: str, name: str) -> dict[str, Any]:
    from streamroute.adapters.codecs.strict_json import read_json

    try:
        value = read_json(text.encode(errors="surrogatepass"))
    except ValueError as error:
        first, _, others = text.strip().partition("\n")
        if others and _is_object(first):
            raise StreamrouteError(f"{name} contains several events; {_ONE_OF_THEM}") from None
        raise StreamrouteError(f"{name} {error}") from None
    if isinstance(value, list) and name != "--data":
        raise StreamrouteError(f"{name} is a list; {_ONE_OF_A_LIST}")
    if not isinstance(value, dict):
        raise StreamrouteError(f"{name} must be a JSON object")
    return value


_ONE_OF_THEM: Final = "explain one, such as the first: head -n 1 FILE | streamroute explain -"
_ONE_OF_A_LIST: Final = "explain one event, such as the first: jq '.[0]' FILE | streamroute explain -"


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _explained(
    loaded: UsableConfig, message: dict[str, Any], stream: str | None, output_format: str, *, everything: bool
) -> str:
    from streamroute.cli.arguments.stream_argument import stream_named
    from streamroute.cli.output.explanation import explained, render_text
    from streamroute.cli.output.terminal import wants_color
    from streamroute.compiler.dry_run import decide
    from streamroute.ops.route_tests.delivery import delivered

    document = loaded.document
    if stream is not None:
        stream_named(document.streams, stream)
    kind = str(message["type"])
    try:
        payload = delivered(loaded.compiled, message, stream)
    except DecodeError as error:
        return _refused(kind, str(error), output_format)
    decisions = decide(loaded.routes, payload, stream)
    if output_format == "json":
        return as_json(explained(kind, decisions, everything=everything), safe_str) + "\n"
    return render_text(kind, decisions, everything=everything, color=wants_color(sys.stdout))


def _refused(kind: str, reason: str, output_format: str) -> str:
    """Render a message that is dead-lettered before any route runs."""
    if output_format == "json":
        return as_json({"type": kind, "routes": [], "decisions": [], "invalid": reason}) + "\n"
    return printable(f"{kind}: dead-lettered as a whole: {reason}") + "\n"
