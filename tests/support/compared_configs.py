"""Two configurations that tests compare, written as their routes."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from streamroute.compiler.compiled import Compiled
from streamroute.compiler.pipeline import check_path
from streamroute.config.findings.finding import has_errors
from streamroute.ops.diff.changes import Change, ConfigDiff, RouteDiff
from streamroute.ops.diff.comparison import ConfigComparison
from streamroute.ops.diff.examples import Examples

STREAM = "events"


def compiled(routes: Sequence[Mapping[str, Any]], **settings: Any) -> Compiled:
    """Compile routes; ``settings`` are those of their stream, ``messages`` and ``streams`` of the file."""
    document: dict[str, Any] = {
        key: settings.pop(key) for key in ("messages", "container") if key in settings
    }
    streams = settings.pop("streams", {STREAM: settings})
    handled = [{"handler": "streamroute.handlers.log", **route} for route in routes]
    document |= {"version": 1, "streams": streams, "routes": handled}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "routes.yaml"
        path.write_text(json.dumps(document))
        result = check_path(path, imports=False)
    assert not has_errors(result.findings), [str(finding) for finding in result.findings]
    assert result.compiled is not None
    return result.compiled


def difference(
    old: Compiled, new: Compiled, events: Iterable[Mapping[str, Any]], stream: str | None = STREAM
) -> ConfigDiff:
    """Compare two configurations by plain events."""
    comparison = ConfigComparison(old, new, stream, Examples())
    for line, event in enumerate(events, 1):
        comparison.add_event(f"line {line}", event)
    return comparison.result()


def counts(diff: ConfigDiff) -> dict[str, dict[str, int]]:
    """Return the changes of each route that has any, by name."""
    changed = (route for route in diff.routes if route.events.total)
    return {route.name: {str(key): value for key, value in _counted(route)} for route in changed}


def _counted(route: RouteDiff) -> list[tuple[Change, int]]:
    return [(change, route.events.counts[change]) for change in Change if route.events.counts[change]]
