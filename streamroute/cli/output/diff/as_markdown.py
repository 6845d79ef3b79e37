"""Renders a difference of configurations as Markdown, for a comment on a pull request.

GitHub takes at most 65,536 characters; each section has its share, and says how much it leaves out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from streamroute.cli.output.diff.markdown import code, fitting
from streamroute.cli.output.diff.report import DiffReport, counted, headline
from streamroute.ops.diff.changes import Change, Example, RouteDiff, StreamDiff
from streamroute.ops.diff.settings import SettingChange

_TABLE: Final = 15_000  # bytes
_DETAILS: Final = 35_000
_SETTINGS: Final = 5_000
_NAMES: Final = 5_000
_HEAD: Final = (
    f"| route | {' | '.join(Change)} | |\n"
    f"|---|{'---:|' * len(Change)}---|\n"
)  # fmt: skip


def render(report: DiffReport) -> str:
    """Render the report: a table of the routes that change, then foldable examples."""
    sections = [
        f"### streamroute diff: {report.summary}\n",
        f"{code(report.old)} → {code(report.new)}: {code(report.source)}\n",
        _failures(report),
        _table(report.changed),
        _settings_of_streams(report),
        _details(report.changed),
        _same(report.same),
    ]
    return "\n".join(section for section in sections if section)


def _failures(report: DiffReport) -> str:
    return f"**Must not change:** {_names(report.gated)}\n" if report.gated else ""


def _table(routes: Sequence[RouteDiff]) -> str:
    if not routes:
        return ""
    return _HEAD + "".join(fitting(map(_row, routes), _TABLE, "\n... and {} more routes\n"))


def _row(route: RouteDiff) -> str:
    counts = (f"{route.events.counts[change]:,}" if route.events.counts[change] else "" for change in Change)
    return f"| {code(route.name)} | {' | '.join(counts)} | {_status(route)} |\n"


def _status(route: RouteDiff) -> str:
    former = route.pair.former_name
    return f"{route.status}, formerly {code(former)}" if former else route.status


def _settings_of_streams(report: DiffReport) -> str:
    changed = [stream for stream in report.diff.streams if stream.status != "same"]
    lines = [*map(_setting, report.diff.settings), *(line for each in changed for line in _stream(each))]
    return "".join(fitting(lines, _SETTINGS, "- ... and {} more\n"))


def _stream(stream: StreamDiff) -> Iterator[str]:
    refused = counted(stream.events.counts)
    yield f"- stream {code(stream.name)}: {stream.status}{f'; as a whole, {refused}' if refused else ''}\n"
    yield from (f"  {_setting(change)}" for change in stream.settings)
    for example in stream.events.examples:
        yield from (f"  {line}" for line in _example(example))


def _details(routes: Sequence[RouteDiff]) -> str:
    if not routes:
        return ""
    blocks = ("".join(_route(route)) for route in routes)
    kept = "".join(fitting(blocks, _DETAILS, "... and {} more routes\n\n"))
    return f"<details><summary>What changes, with examples</summary>\n\n{kept}</details>\n"


def _route(route: RouteDiff) -> Iterator[str]:
    yield f"**{code(route.name)}**: {headline(route)}\n\n"
    yield from map(_setting, route.settings)
    for change in Change:
        for example in route.events.examples:
            if example.change is change:
                yield from _example(example)
    yield "\n"


def _setting(change: SettingChange) -> str:
    if change.old or change.new:
        return f"- {code(change.setting)}: {code(change.old)} → {code(change.new)}\n"
    return f"- {code(change.setting)} differs\n"


def _example(example: Example) -> Iterator[str]:
    yield f"- {code(example.label)} {code(example.type)} {example.change}\n"
    for name, lines in (("old", example.old), ("new", example.new)):
        yield from (f"  - {name}: {code(line)}\n" for line in lines)
    yield from (f"  - {code(line)}\n" for line in example.differences)


def _same(routes: Sequence[RouteDiff]) -> str:
    if not routes:
        return ""
    return f"The same: {_names([route.name for route in routes])}\n"


def _names(names: Sequence[str]) -> str:
    listed = (f"{', ' * (at > 0)}{code(name)}" for at, name in enumerate(names))
    return "".join(fitting(listed, _NAMES, " and {} more"))
