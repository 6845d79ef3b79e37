"""Dead letters: what is kept of what failed may lie nowhere where somebody reads it as something else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from streamroute.config.document import Document, StreamConfig
from streamroute.config.findings.finding import Finding
from streamroute.keys import GroupKeys


def check_dead_letters(document: Document) -> Iterator[Finding]:
    """Findings about streams whose dead letters would go to a key that is in use."""
    told = [
        stream
        for stream in document.streams.values()
        if not stream.unresolved_keys & {"dead_letter", "group"}
    ]
    kept = {key: stream.name for stream in told for key in _kept(stream)}
    consumed = {name for route in document.routes for name in route.streams}
    onwards = {stream.name: stream.dead_letter for stream in told if stream.name in consumed}
    for stream in told:
        where = None
        if stream.dead_letter == stream.name:
            where = "the stream itself, and would fail again for ever"
        elif _comes_back(stream, onwards):
            where = f'"{stream.display("dead_letter")}", whose own come back here, to fail again for ever'
        elif stream.dead_letter in kept:
            where = (
                f'"{stream.display("dead_letter")}", which holds the retries of "{kept[stream.dead_letter]}"'
            )
        if where:
            message = f'the dead letters of "{stream.name}" go to {where}'
            yield at_dead_letter(stream, "SR507", message, 'leave "dead_letter" out, or rename it')


def at_dead_letter(stream: StreamConfig, code: str, message: str, help_text: str | None = None) -> Finding:
    """A finding at the stream's own ``dead_letter``; at the stream where that is everybody's default."""
    if stream.location.value("dead_letter") is not None:
        return stream.location.finding(code, message, at=("dead_letter",), help=help_text)
    return stream.location.finding(code, message, on="key", help=help_text)


def _comes_back(stream: StreamConfig, onwards: Mapping[str, str]) -> bool:
    """Whether dead letters get back to the stream over others that are consumed here."""
    name, seen = stream.dead_letter, set[str]()
    while name in onwards and name not in seen:
        seen.add(name)
        name = onwards[name]
    return stream.name in seen


def _kept(stream: StreamConfig) -> Iterator[str]:
    for group in filter(None, (stream.group, stream.formerly_group)):
        keys = GroupKeys.of(stream.name, group)
        yield from (keys.retry, keys.due, keys.delayed, keys.meta, keys.workers, keys.routes)
