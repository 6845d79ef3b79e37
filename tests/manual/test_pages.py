"""The pages of the documentation are found by their paths, and know their titles and summaries."""

from __future__ import annotations

import re

import pytest

from streamroute.manual.addresses import rule_url, topic_url
from streamroute.manual.pages import FOLDER, ROOMS, all_pages, plain_text


def test_the_index_is_the_first_page() -> None:
    first = all_pages()[0]
    assert (first.topic, first.title) == ("index", "streamroute")
    assert first.summary.startswith("streamroute routes events")
    assert first.read().startswith("# streamroute\n")
    assert first.path == FOLDER / "index.md"


def test_pages_are_in_the_order_of_the_index() -> None:
    index, *pages = all_pages()
    linked = list(dict.fromkeys(re.findall(r"\]\((guide/[\w-]+)\.md\)", index.read())))
    guides = [page.topic for page in pages if page.topic.startswith("guide/")]
    assert [topic for topic in guides if topic in linked] == linked
    assert [page.topic.partition("/")[0] for page in pages] == sorted(
        (page.topic.partition("/")[0] for page in pages), key=ROOMS.index
    )


@pytest.mark.parametrize(
    ("markdown", "text"),
    [("a [link](x.md#y) to `code`,\nand **more**", "a link to code, and more"), ("[`dead`](x.md)", "dead")],
)
def test_plain_text_has_no_marks(markdown: str, text: str) -> None:
    assert plain_text(markdown) == text


def test_addresses_are_those_of_the_built_pages() -> None:
    assert topic_url("guide/publish").endswith("/guide/publish.html")
    assert rule_url("SR203").endswith("/reference/rules/SR203.html")
