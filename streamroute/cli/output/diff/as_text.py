"""Renders a difference of configurations as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from streamroute.cli.output.diff.report import DiffReport, causes, counted, headline
from streamroute.cli.output.layout import PLAIN, OutputLayout
from streamroute.cli.output.route_location import place_of
from streamroute.cli.output.streams import printable
from streamroute.cli.output.tables.wrapping import hang
from streamroute.ops.diff.changes import Change, Example, RouteDiff, StreamDiff
from streamroute.ops.diff.settings import SettingChange

_COLORS = {"added": "green", "removed": "red", "changed": "yellow"}


def render(report: DiffReport, layout: OutputLayout = PLAIN) -> str:
    """Render the report: changed streams and routes with examples, then the routes that stay the same."""
    blocks = [
        [printable(f"{report.old} -> {report.new}: {report.source}")],
        list(_settings(report.diff.settings, "")),
        *(list(_stream(stream)) for stream in report.diff.streams if stream.status != "same"),
        *(list(_route(route, layout)) for route in report.changed),
        [printable(f"{route.name}: {headline(route)}") for route in report.same],
        [report.summary],
    ]
    return "\n".join(
        "".join(f"{hang(line, layout.width, 6)}\n" for line in block) for block in blocks if block
    )


def _stream(stream: StreamDiff) -> Iterator[str]:
    refused = counted(stream.events.counts)
    text = stream.status if stream.status != "changed" else refused and f"as a whole, {refused}"
    yield printable(f"stream {stream.name}{f': {text}' if text else ''}")
    yield from _settings(stream.settings, "  ")
    for example in stream.events.examples:
        yield from _example(example)


def _route(route: RouteDiff, layout: OutputLayout) -> Iterator[str]:
    version = route.pair.new or route.pair.old
    former = f" (formerly {route.pair.former_name})" if route.pair.former_name else ""
    text = headline(route)
    painted = layout.painted(text, _COLORS[route.status])
    place = printable(f"  ({place_of(version)})") if version is not None else ""
    yield f"{printable(route.name)}{printable(former)}: {painted}{place}"
    yield from _settings(route.settings, "  ")
    if route.events.causes:
        yield printable(f"  differs in {causes(route.events)}")
    for change in Change:
        for example in route.events.examples:
            if example.change is change:
                yield from _example(example)


def _settings(settings: Sequence[SettingChange], indent: str) -> Iterator[str]:
    for change in settings:
        if change.old or change.new:
            yield printable(f"{indent}{change.setting}: {change.old} -> {change.new}")
        else:
            yield printable(f"{indent}{change.setting} differs")


def _example(example: Example) -> Iterator[str]:
    yield printable(f"  {example.label} {example.type} {example.change}")
    for name, lines in (("old", example.old), ("new", example.new)):
        for line in lines:
            yield printable(f"    {name}: {line}")
    for line in example.differences:
        yield printable(f"    {line}")
