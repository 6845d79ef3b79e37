"""Where the documentation and the source are published: the only place that knows these addresses."""

from __future__ import annotations

from typing import Final

SITE: Final = "https://streamroute.readthedocs.io/en/stable/"
"""The base address of the pages; ``guide/publish`` is ``SITE + "guide/publish.html"``."""

REPOSITORY: Final = "https://github.com/streamroute/streamroute"
"""The repository; a file of it is ``REPOSITORY + "/blob/main/PATH"``."""

RAW_FILES: Final = "https://raw.githubusercontent.com/streamroute/streamroute/main/"
"""Files of the repository as they are, such as pictures: ``RAW_FILES + "PATH"``."""


def topic_url(topic: str) -> str:
    """Return the public address of a page, e.g. of ``guide/publish``."""
    return f"{SITE}{topic}.html"


def rule_url(code: str) -> str:
    """Return the public address of a rule's page, e.g. of ``SR203``."""
    return topic_url(f"reference/rules/{code}")
