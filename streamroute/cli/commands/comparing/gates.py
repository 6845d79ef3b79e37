"""The routes that must not change: ``--fail-on-change``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click

from streamroute.ops.diff.changes import RouteDiff
from streamroute.text.suggestions import suggestion_hint
from streamroute.text.truncation import clip


def check_gates(gates: Iterable[str], routes: Sequence[RouteDiff], stream: str | None) -> None:
    """Raise click.UsageError for a name that no compared route has or had."""
    known = sorted({name for route in routes for name in route.pair.names})
    for name in gates:
        if name in known:
            continue
        where = f" of {stream}" if stream is not None else ""
        hint = suggestion_hint(name, known)
        raise click.UsageError(f'--fail-on-change: unknown route "{clip(name, 80)}"{where}{hint}')


def failed(gates: Iterable[str], routes: Sequence[RouteDiff]) -> tuple[str, ...]:
    """Return the names that were given of routes that change."""
    changed = {name for route in routes if route.has_changed for name in route.pair.names}
    return tuple(dict.fromkeys(name for name in gates if name in changed))
