"""Links of the built site are checked: files, anchors, and what is loaded from elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from streamroute.docs.build.site.links import broken_links

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "html",
    [
        '<a href="b/c.html">',
        '<a href="b/c.html#here">',
        '<a href="#top">',
        '<a href="">',
        '<a href="b/">',
        '<a href="https://elsewhere.example/">',
        '<img src="b/picture%20one.png">',
        '<link rel="canonical" href="https://elsewhere.example/">',
    ],
)
def test_a_link_that_leads_somewhere_is_no_problem(tmp_path: Path, html: str) -> None:
    assert broken_links(_site(tmp_path, html)) == []


@pytest.mark.parametrize(
    ("html", "problem"),
    [
        ('<a href="gone.html">', "index.html: there is no gone.html"),
        ('<a href="b/c.html#gone">', "index.html: there is no b/c.html#gone"),
        ('<a href="#gone">', "index.html: there is no #gone"),
        ('<a href="../index.html">', "index.html: there is no ../index.html"),
        ('<img src="https://elsewhere.example/x.png">', "index.html: loads https://elsewhere.example/x.png"),
        ('<script src="//cdn.example/x.js"></script>', "index.html: loads //cdn.example/x.js"),
        ('<link rel="stylesheet" href="gone.css">', "index.html: there is no gone.css"),
    ],
)
def test_a_broken_link_is_found(tmp_path: Path, html: str, problem: str) -> None:
    assert broken_links(_site(tmp_path, html)) == [problem]


def _site(folder: Path, html: str) -> Path:
    (folder / "b").mkdir()
    (folder / "index.html").write_text(f'<h1 id="top"></h1>{html}')
    (folder / "b" / "c.html").write_text('<a name="here"></a>')
    (folder / "b" / "index.html").touch()
    (folder / "b" / "picture one.png").touch()
    return folder
