"""Two configurations that consume one stream in one group, and disagree about how, or about its name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from streamroute.config.document import EMBEDDED, Document, StreamConfig
from streamroute.config.findings.finding import Finding
from streamroute.config.findings.quoting import join_words

_COMMON: Final = ("codec", "lease", "max_deliveries", "retry", "dead_letter", "unknown_type")
"""What workers of one group must agree on; how many messages one takes at once is its own affair."""


def check_shared_groups(document: Document, beside: Iterable[Document]) -> Iterator[Finding]:
    """Findings about streams whose group another configuration serves with other settings."""
    for other in beside:
        if _server(other) != _server(document):
            continue
        for name, stream in document.streams.items():
            known = other.streams.get(name)
            if known is None or "group" in stream.unresolved_keys | known.unresolved_keys:
                continue
            if known.group == stream.group:
                yield from _compared(stream, other, known)
            else:
                yield from _moved(stream, other, known)


def _compared(stream: StreamConfig, other: Document, known: StreamConfig) -> Iterator[Finding]:
    told = [name for name in _COMMON if name not in stream.unresolved_keys | known.unresolved_keys]
    differing = [name for name in told if getattr(known, name) != getattr(stream, name)]
    if differing:
        yield _finding(stream, other, known, differing)


def _moved(stream: StreamConfig, other: Document, known: StreamConfig) -> Iterator[Finding]:
    """What one of them moves to its own group, and the other one still serves, or moves as well."""
    where, message = _where(other, known), None
    if stream.formerly_group == known.group:
        message = f'"{stream.name}" takes over the group "{known.display("group")}", which {where} serves'
    elif known.formerly_group == stream.group:
        message = f'the group "{stream.display("group")}" of "{stream.name}" is taken over by {where}'
    elif stream.formerly_group is not None and stream.formerly_group == known.formerly_group:
        message = (
            f'"{stream.name}" takes over the group "{stream.display("formerly_group")}", as does {where}'
        )
    if message is not None:
        help_text = 'state "formerly_group" once, and for a group that nothing serves any more'
        yield stream.location.finding("SR215", message, on="key", help=help_text)


def _where(document: Document, stream: StreamConfig) -> str:
    line = stream.location.source.span(stream.location.path, "key").line
    return f"{document.path}:{line}"


def _server(document: Document) -> tuple[str, ...]:
    """Which Redis is meant; the embedded one belongs to its folder."""
    url = document.redis.url
    return (url, str(document.folder)) if url.startswith(EMBEDDED) else (url,)


def _finding(stream: StreamConfig, other: Document, known: StreamConfig, differing: list[str]) -> Finding:
    where = _where(other, known)
    names = join_words((f'"{name}"' for name in differing), "and")
    group = f'the group "{stream.display("group")}" of "{stream.name}"'
    message = f"{group} is served by {where} too, with another {names}"
    help_text = "workers of one group take each other's messages: give both the same settings, or two groups"
    return stream.location.finding("SR215", message, on="key", help=help_text)
