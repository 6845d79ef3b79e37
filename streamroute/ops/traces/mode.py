"""How the span of a message refers to the span that produced it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

EXPORTER_VARIABLE: Final = "OTEL_TRACES_EXPORTER"
DISABLED_VARIABLE: Final = "OTEL_SDK_DISABLED"


class TraceMode(StrEnum):
    """The value of ``--traces``.

    Source: https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/ (a link is a requirement of
    the conventions; the parent is optional).
    """

    LINK = "link"
    """The span begins a trace of its own, with a link to the producer's."""
    CHILD = "child"
    """The span also is a child of the producer's, in the same trace."""
    OFF = "off"


def trace_mode(stated: str | None, env: Mapping[str, str]) -> TraceMode:
    """Return the mode: as stated, else ``link`` if the environment names an exporter.

    ``OTEL_SDK_DISABLED=true`` switches traces off in any case.

    Source: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
    """
    if env.get(DISABLED_VARIABLE, "").strip().lower() == "true":
        return TraceMode.OFF
    if stated is not None:
        return TraceMode(stated)
    named = env.get(EXPORTER_VARIABLE, "").strip().lower()
    return TraceMode.OFF if named in ("", "none") else TraceMode.LINK
