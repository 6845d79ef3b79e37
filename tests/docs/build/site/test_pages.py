"""The pages of the site, and what programs read of them."""

from __future__ import annotations

from streamroute.compiler.rules.registry import ALL_RULES
from streamroute.docs.build.site.llms import llms_full, llms_index
from streamroute.docs.build.site.pages import children_of, rooms_of, site_pages
from streamroute.manual.addresses import SITE
from streamroute.manual.pages import all_pages

PAGES = site_pages()


def test_every_page_and_rule_is_on_the_site_without_comments() -> None:
    assert set(PAGES) == {
        *(page.topic for page in all_pages()),
        *(f"reference/rules/{code}" for code in ALL_RULES),
    }
    assert not any("<!-- Generated" in text for text in PAGES.values())


def test_links_to_the_site_are_relative() -> None:
    assert "[SR203](rules/SR203.md)" in PAGES["reference/rules"]
    assert not any(
        f"]({SITE}" in text and ".html" in text.split(f"]({SITE}")[1][:60] for text in PAGES.values()
    )


def test_the_navigation_has_each_page_once() -> None:
    rooms = dict(rooms_of(PAGES))
    assert next(iter(rooms)) == "Start"
    assert "reference/keys" in rooms["Reference"]
    assert children_of("reference/rules", PAGES) == [f"reference/rules/{code}" for code in ALL_RULES]


def test_llms_txt_has_the_address_and_summary_of_every_page() -> None:
    """https://llmstxt.org: a title, a quote, then sections of links."""
    lines = llms_index(PAGES).splitlines()
    assert lines[0] == "# streamroute"
    assert lines[2].startswith("> ")
    linked = {line.partition("](")[2].partition(".md)")[0] for line in lines if line.startswith("- [")}
    assert linked == {f"{SITE}{topic}" for topic in PAGES if topic != "index"}


def test_one_file_holds_all_pages() -> None:
    whole = llms_full(PAGES)
    assert all(text.strip() in whole for text in PAGES.values())
