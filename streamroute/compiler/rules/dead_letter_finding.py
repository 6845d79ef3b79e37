"""The place of a finding about a stream's dead letters."""

from __future__ import annotations

from streamroute.config.document import StreamConfig
from streamroute.config.findings.finding import Finding
from streamroute.config.findings.rules import Rule


def dead_letter_finding(stream: StreamConfig, rule: Rule, message: str, help_text: str) -> Finding:
    """A finding at the stream's own ``dead_letter``, or at the stream if that is the default."""
    if stream.location.value("dead_letter") is not None:
        return stream.location.finding(rule, message, at=("dead_letter",), help=help_text)
    return stream.location.finding(rule, message, on="key", help=help_text)
