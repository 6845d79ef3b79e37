"""What is checked of a whole configuration that has no errors of its own: what its parts mean together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from streamroute.compiler.checked_route import CheckedRoute
from streamroute.compiler.rules.conflicting_groups import check_shared_groups
from streamroute.compiler.rules.duplicate_routes import check_twins
from streamroute.compiler.rules.ineffective_settings import check_idle_settings
from streamroute.compiler.rules.stall_limits import check_stall_limits
from streamroute.compiler.rules.unreachable_timeouts import check_reach
from streamroute.compiler.rules.unused_declarations import check_unrouted
from streamroute.config.document import Document
from streamroute.config.findings.finding import Finding


def check_together(
    document: Document, checked: Sequence[CheckedRoute], beside: Iterable[Document]
) -> Iterator[Finding]:
    """Findings about routes and streams beside each other, and about configurations beside this one.

    ``checked`` are the document's routes, with their types expanded.
    """
    routes = [route.config for route in checked]
    yield from check_twins(routes)
    yield from check_unrouted(document, routes)
    yield from check_idle_settings(document)
    yield from check_stall_limits(document)
    yield from check_reach(checked)
    yield from check_shared_groups(document, beside)
