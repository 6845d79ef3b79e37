"""The site is built whole or not at all; runs where Sphinx is installed, as .ci/run does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from streamroute.manual.addresses import SITE

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("sphinx", reason="the site is built with the extra docs")
pytestmark = [  # MyST calls what a later Sphinx will not have; both are pinned
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::PendingDeprecationWarning"),
]

PAGES = {
    "index": "# Title\n\nA summary of it. [One](guide/one.md#below)\n",
    "guide/one": "# One\n\nWhat it answers.\n\n## Below\n",
}


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A small documentation."""
    from streamroute.docs.build.site import builder

    found = dict(PAGES)
    monkeypatch.setattr(builder, "site_pages", lambda: found)
    return found


def test_a_site_has_html_and_markdown_and_replaces_the_one_before(
    tmp_path: Path, pages: dict[str, str]
) -> None:
    from streamroute.docs.build.site.builder import build_site

    (tmp_path / "llms.txt").touch()
    (tmp_path / "old.html").touch()
    assert build_site(tmp_path) == []
    assert "What it answers." in (tmp_path / "guide/one.html").read_text()
    assert (tmp_path / "guide/one.md").read_text() == pages["guide/one"]
    assert (tmp_path / "llms.txt").read_text().startswith("# Title\n\n> A summary of it. One\n")
    assert not (tmp_path / "old.html").exists()
    for path in tmp_path.rglob("*.json"):
        assert json.loads(path.read_text())["$id"] == f"{SITE}{path.relative_to(tmp_path).as_posix()}"


@pytest.mark.parametrize(
    "page", ["# One\n\n[gone](two.md)\n", "# One\n\n[gone](one.md#gone)\n", "# One\n\n### Too deep\n"]
)
def test_a_mistake_leaves_the_folder_as_it_was(tmp_path: Path, pages: dict[str, str], page: str) -> None:
    from sphinx.errors import SphinxError

    from streamroute.docs.build.site.builder import build_site

    pages["guide/one"] = page
    try:
        problems = build_site(tmp_path)
    except SphinxError as error:
        problems = [str(error)]
    assert problems
    assert list(tmp_path.iterdir()) == []


def test_other_files_are_not_replaced(tmp_path: Path, pages: dict[str, str]) -> None:
    from streamroute.docs.build.site.builder import build_site

    (tmp_path / "thesis.txt").write_text("ten years")
    with pytest.raises(FileExistsError, match="has other files"):
        build_site(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "ten years"
