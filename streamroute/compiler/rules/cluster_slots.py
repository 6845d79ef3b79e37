"""Slots: in a cluster, all that a stream needs has to be in one."""

from __future__ import annotations

from collections.abc import Iterator

from streamroute.compiler.rules.dead_letter_target import at_dead_letter
from streamroute.config.document import Document, StreamConfig
from streamroute.config.findings.finding import Finding
from streamroute.keys import GroupKeys, base, keys_in_other_slots


def check_slots(document: Document) -> Iterator[Finding]:
    """Findings about streams whose keys a cluster would keep on several nodes."""
    if "+cluster:" not in document.redis.url.partition("//")[0].lower():
        return
    for stream in document.streams.values():
        keys = GroupKeys.of(stream.name, stream.group, stream.dead_letter)
        if keys_in_other_slots(stream.name, [keys.retry]):
            message = f'a cluster keeps the retries of "{stream.name}" in another slot: its name has a "}}"'
            yield stream.location.finding("SR506", message, on="key")
        elif not stream.unresolved_keys & {"dead_letter", "group"} and keys_in_other_slots(
            stream.name, [stream.dead_letter]
        ):
            yield _dead_letters(stream)


def _dead_letters(stream: StreamConfig) -> Finding:
    message = f'a cluster keeps "{stream.display("dead_letter")}" in another slot than "{stream.name}"'
    help_text = f'leave "dead_letter" out, or begin it with "{base(stream.name)}:"'
    return at_dead_letter(stream, "SR506", message, help_text)
