"""The pages as Sphinx reads them: with a navigation, known languages, and pictures beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from repository import ROOT
from streamroute.docs.build.site.sphinx_source import write_sources
from streamroute.manual.addresses import RAW_FILES

if TYPE_CHECKING:
    from pathlib import Path

PICTURE = "examples/board/failures-light.png"
PAGES = {
    "index": "# Index\n",
    "guide/one": f"# One\n\n![seen]({RAW_FILES}{PICTURE})\n\n```jsonl\n{{}}\n```\n\n```klingon\nqapla\n```\n",
    "reference/commands": "# Commands\n",
    "reference/commands/dead": "# dead\n",
    "reference/rules/SR001": "# SR001\n",
}


def test_each_page_is_written_with_the_navigation_below_it(tmp_path: Path) -> None:
    write_sources(tmp_path, PAGES)
    index = (tmp_path / "index.md").read_text()
    assert ":caption: Guides\n\n/guide/one\n" in index
    assert ":caption: Reference\n\n/reference/commands\n" in index
    assert "/reference/commands/dead\n" in (tmp_path / "reference/commands.md").read_text()
    assert (tmp_path / "reference/rules/SR001.md").read_text().startswith("---\norphan: true\n---\n\n# SR001")


def test_languages_that_are_not_known_are_text(tmp_path: Path) -> None:
    write_sources(tmp_path, PAGES)
    text = (tmp_path / "guide/one.md").read_text()
    assert "```json\n{}" in text
    assert "```text\nqapla" in text


def test_pictures_of_the_repository_are_copied(tmp_path: Path) -> None:
    write_sources(tmp_path, PAGES)
    assert f"![seen](/pictures/{PICTURE})" in (tmp_path / "guide/one.md").read_text()
    assert (tmp_path / "pictures" / PICTURE).read_bytes() == (ROOT / PICTURE).read_bytes()
