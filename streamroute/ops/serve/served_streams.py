"""The streams to serve: a configuration without any cannot run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamroute.errors import SetupError

if TYPE_CHECKING:
    from streamroute.config.document import Document


def served_streams(document: Document) -> list[str]:
    """Return the streams that have enabled routes; raises SetupError if there are none."""
    served = [stream for stream in document.streams if document.served(stream)]
    if not served:
        raise SetupError(f"{document.path} has no enabled route: there is nothing to serve")
    return served
