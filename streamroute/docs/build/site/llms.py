"""What programs read: llms.txt (https://llmstxt.org), and all pages in one file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from streamroute.docs.build.site.pages import rooms_of
from streamroute.manual.addresses import SITE
from streamroute.manual.pages import title_and_summary


def llms_index(pages: Mapping[str, str]) -> str:
    """Return llms.txt: what this is, and the address and summary of each page's Markdown."""
    title, summary = title_and_summary(pages["index"])
    parts = [f"# {title}", f"> {summary}", f"All pages in one file: {SITE}llms-full.txt"]
    for room, topics in rooms_of(pages):
        parts += [f"## {room}", "\n".join(_entry(topic, pages[topic]) for topic in topics)]
    below = [topic for topic in pages if topic.count("/") > 1]
    parts += ["## Optional", "\n".join(_entry(topic, pages[topic]) for topic in below)]
    return "\n\n".join(parts) + "\n"


def _entry(topic: str, markdown: str) -> str:
    title, summary = title_and_summary(markdown)
    return f"- [{title}]({SITE}{topic}.md): {summary}"


def llms_full(pages: Mapping[str, str]) -> str:
    """Return all pages, each after its address."""
    return "\n".join(f"<!-- {SITE}{topic}.md -->\n\n{text.strip()}\n" for topic, text in pages.items())


def write_for_programs(site: Path, pages: Mapping[str, str]) -> None:
    """Write llms.txt, llms-full.txt, and the Markdown of each page beside its HTML."""
    (site / "llms.txt").write_text(llms_index(pages), encoding="utf-8")
    (site / "llms-full.txt").write_text(llms_full(pages), encoding="utf-8")
    for topic, text in pages.items():
        (site / f"{topic}.md").write_text(text, encoding="utf-8")
