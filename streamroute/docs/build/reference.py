"""The generated pages of the reference: written to the source tree, and compared with it."""

from __future__ import annotations

from pathlib import Path

from streamroute.docs.build.commands import command_pages
from streamroute.docs.build.errors import errors_page
from streamroute.docs.build.keys import keys_page
from streamroute.docs.build.metrics import metrics_page
from streamroute.docs.build.python_api import python_page
from streamroute.docs.build.rules import rules_page
from streamroute.manual.pages import FOLDER


def reference_pages() -> dict[str, str]:
    """Return topic -> Markdown of every generated page."""
    return {
        "reference/keys": keys_page(),
        **command_pages(),
        "reference/metrics": metrics_page(),
        "reference/errors": errors_page(),
        "reference/python": python_page(),
        "reference/rules": rules_page(),
    }


def write_reference(folder: Path = FOLDER) -> list[str]:
    """Write the pages that are not current, delete those of commands that are gone; return their topics."""
    pages = reference_pages()
    changed = stale_topics(folder, pages)
    for topic in changed:
        path = folder / f"{topic}.md"
        if topic in pages:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(pages[topic], encoding="utf-8")
        else:
            path.unlink()
    return changed


def stale_topics(folder: Path, pages: dict[str, str]) -> list[str]:
    """Return the topics whose file is missing, differs, or is of a command that does not exist."""
    commands = (path.relative_to(folder) for path in (folder / "reference" / "commands").glob("*.md"))
    gone = {path.with_suffix("").as_posix() for path in commands} - pages.keys()
    return sorted(gone | {topic for topic, text in pages.items() if _read(folder / f"{topic}.md") != text})


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
