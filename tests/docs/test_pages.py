"""What the documentation shows is true: its pages are played, and their links and imports exist.

The conventions of a page's blocks are described in ``tests/support/page_player.py``.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Final

import pytest

from doc_blocks import Block, blocks_of
from page_player import is_slow, play_page
from repository import EXAMPLES, README, ROOT
from streamroute.compiler.rules.registry import ALL_RULES
from streamroute.manual.addresses import REPOSITORY, SITE, rule_url, topic_url
from streamroute.manual.pages import ManualPage, all_pages

if TYPE_CHECKING:
    from pathlib import Path

    from servers import RealServer

MOST_NOT_RUN: Final = 16
"""Blocks of all pages that are not played, samples of output included; raise it only with a reason."""
PUBLIC: Final = {"streamroute", "streamroute.testing"}
"""Modules of streamroute that examples and pages may import."""
PAGES: Final = all_pages()


def _is_played(page: ManualPage) -> bool:
    return not page.topic.startswith("reference/rules/")  # tests of the rules run their examples


def _marks(page: ManualPage) -> list[pytest.MarkDecorator]:
    return [pytest.mark.processes] if is_slow(blocks_of(page.path)) else []


@pytest.mark.parametrize(
    "page", [pytest.param(page, id=page.topic, marks=_marks(page)) for page in PAGES if _is_played(page)]
)
def test_a_page_does_what_it_shows(page: ManualPage, tmp_path: Path, valkey_server: RealServer) -> None:
    valkey_server.command("FLUSHALL")
    play_page(blocks_of(page.path), tmp_path, valkey_server.url)


def test_few_blocks_are_not_played() -> None:
    skipped = [
        f"{page.topic}:{block.line}: {block.directives['not run']}"
        for page in PAGES
        for block in blocks_of(page.path)
        if "not run" in block.directives
    ]
    assert all(reason.rpartition(": ")[2] for reason in skipped), skipped
    assert len(skipped) <= MOST_NOT_RUN, "\n".join(skipped)


def test_a_sample_of_output_is_compared_or_says_why_not() -> None:
    """A ``text`` block of a page that was written by hand; the others are generated from the code."""
    unplayed = [
        f"{page.topic}:{block.line}"
        for page in PAGES
        if not page.topic.startswith("reference/")
        for block in blocks_of(page.path)
        if block.language in {"text", ""} and not block.directives.keys() & {"output", "not run", "file"}
    ]
    assert unplayed == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.topic)
def test_a_page_begins_with_its_title_and_a_summary(page: ManualPage) -> None:
    assert page.title != page.topic, "no line '# Title'"
    assert len(page.summary) > 20, "no first paragraph that says what the page answers"
    titles = [line for line in _without_blocks(page.read()).splitlines() if line.startswith("# ")]
    assert len(titles) == 1


def test_the_index_leads_to_every_page() -> None:
    linked = set(LINK.findall(all_pages()[0].read()))
    pages = {f"{page.topic}.md" for page in PAGES if page.topic.count("/") == 1}
    assert pages - linked == set(), "link them in streamroute/docs/index.md, in reading order"


# Links

LINK: Final = re.compile(r"(?<!!)\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^)\s]+)\)")
PUBLISHED: Final = {f"{SITE}llms.txt", *(topic_url(page.topic) for page in PAGES), *map(rule_url, ALL_RULES)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.topic)
def test_links_lead_to_pages_and_headings(page: ManualPage) -> None:
    """Within the documentation they are relative; to files of the repository, and to the site, absolute."""
    text = _without_blocks(page.read())
    assert [link for link in LINK.findall(text) if not _exists(link, page.path)] == []


def _exists(link: str, page: Path) -> bool:
    path, _, anchor = link.partition("#")
    if path.startswith((f"{REPOSITORY}/blob/main/", f"{REPOSITORY}/tree/main/")):
        return (ROOT / path.split("/main/", 1)[1]).exists()
    if path.startswith(SITE):
        return path in PUBLISHED
    if path.startswith(("https://", "http://")):
        return True
    target = page.parent / path if path else page
    return target.is_file() and target.suffix == ".md" and (not anchor or anchor in headings(target))


def headings(page: Path) -> set[str]:
    """Return the anchors that GitHub, and the site, give the headings of a page."""
    titles = re.findall(r"^#+ (.*)$", _without_blocks(page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def _without_blocks(markdown: str) -> str:
    return re.sub(r"^( *)(`{3,})[^\n]*\n.*?^\1\2 *$", "", markdown, flags=re.MULTILINE | re.DOTALL)


# Imports


@pytest.mark.parametrize("page", [README, *(page.path for page in PAGES)], ids=lambda path: path.name)
def test_a_page_imports_public_modules_only(page: Path) -> None:
    python = [block for block in blocks_of(page) if block.language == "python"]
    assert {name for block in python for name in _private_imports(block)} == set()


def _private_imports(block: Block) -> set[str]:
    names = set(re.findall(r"^\s*(?:from|import) (streamroute[\w.]*)", block.text, re.MULTILINE))
    return names - PUBLIC


def test_an_example_imports_public_modules_only() -> None:
    private = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in EXAMPLES.rglob("*.py")
        for name in _imported(path)
        if name.partition(".")[0] == "streamroute" and name not in PUBLIC
    }
    assert private == set()


def _imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names
