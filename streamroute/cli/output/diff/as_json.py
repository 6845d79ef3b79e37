"""Renders a difference of configurations as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from streamroute.cli.output.diff.report import DiffReport
from streamroute.ops.diff.changes import Change, EventChanges, Example, RouteDiff, StreamDiff
from streamroute.ops.diff.settings import SettingChange
from streamroute.text.json_text import as_json


def render(report: DiffReport) -> str:
    """Render the report; each event is counted once for each route, also where nothing changes."""
    diff = report.diff
    document = {
        "old": report.old,
        "new": report.new,
        "source": report.source,
        "events": diff.events,
        "summary": report.summary,
        "totals": _counts(diff.totals),
        "failed": list(report.gated),
        "settings": _settings(diff.settings),
        "streams": [_stream(stream) for stream in diff.streams],
        "routes": [_route(route, diff.events) for route in diff.routes],
    }
    return as_json(document) + "\n"


def _route(route: RouteDiff, events: int) -> dict[str, Any]:
    return {
        "route": route.name,
        "formerly": route.pair.former_name or None,
        "status": route.status,
        **_counts(route.events.counts),
        "same": events - route.events.total,
        "causes": dict(route.events.causes),
        "settings": _settings(route.settings),
        "examples": _examples(route.events),
    }


def _stream(stream: StreamDiff) -> dict[str, Any]:
    return {
        "stream": stream.name,
        "status": stream.status,
        "fails": stream.events.counts[Change.FAILS],
        "recovers": stream.events.counts[Change.RECOVERS],
        "settings": _settings(stream.settings),
        "examples": _examples(stream.events),
    }


def _counts(counts: Mapping[Change, int]) -> dict[str, int]:
    return {str(change): counts.get(change, 0) for change in Change}


def _settings(settings: Sequence[SettingChange]) -> list[dict[str, str | None]]:
    return [
        {"setting": change.setting, "old": change.old or None, "new": change.new or None}
        for change in settings
    ]


def _examples(events: EventChanges) -> list[dict[str, Any]]:
    return [_example(example) for example in events.examples]


def _example(example: Example) -> dict[str, Any]:
    return {
        "event": example.label,
        "type": example.type,
        "change": str(example.change),
        "old": list(example.old),
        "new": list(example.new),
        "differences": list(example.differences),
    }
