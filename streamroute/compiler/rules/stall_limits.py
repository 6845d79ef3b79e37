"""Stall limits: when a worker whose event loop is unresponsive gives up what it holds."""

from __future__ import annotations

from collections.abc import Iterator

from streamroute.config.document import Document, StreamConfig
from streamroute.config.findings.finding import Finding
from streamroute.config.yaml.source import SourceLocation


def check_stall_limits(document: Document) -> Iterator[Finding]:
    """Findings about stall limits that are shorter than the lease."""
    found: dict[tuple[SourceLocation, str], StreamConfig] = {}
    for stream in document.streams.values():
        if stream.stall < stream.lease and not stream.unresolved_keys & {"stall", "lease"}:
            found.setdefault(document.stated(stream, "stall", "lease"), stream)
    for (place, key), stream in found.items():
        yield _finding(place, key, stream)


def _finding(place: SourceLocation, key: str, stream: StreamConfig) -> Finding:
    stall, lease = stream.display("stall"), stream.display("lease")
    message = f'"stall" ({stall}) is shorter than "lease" ({lease}): a worker gives up entries too early'
    help_text = f"no other worker can take them before the lease ends; write stall: {lease}, or more"
    return place.finding("SR220", message, at=(key,), help=help_text)
