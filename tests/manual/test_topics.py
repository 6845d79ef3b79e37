"""A topic is a page, or the sections with its name."""

from __future__ import annotations

import pytest

from streamroute.manual.sections import sections_of
from streamroute.manual.topics import find_topic, pages_that_mention, suggest_topic

PAGE = """\
# Title

## One

first

### root: two.three

```sh
## no heading
```

## `One` more

last
"""


def test_a_section_ends_before_the_next_heading_of_its_level() -> None:
    sections = {section.heading: section.markdown for section in sections_of(PAGE)}
    assert list(sections) == ["One", "root: two.three", "One more"]
    assert sections["One"].startswith("## One\n\nfirst\n\n### root")
    assert sections["One"].endswith("## no heading\n```\n")
    assert sections["One more"] == "## `One` more\n\nlast\n"


def test_a_key_is_found_by_its_section_path_or_name() -> None:
    (_, key, _) = sections_of(PAGE)
    assert key.names == {"root: two.three", "root.two.three", "two.three", "three"}


@pytest.mark.parametrize(
    ("asked", "topic", "begins"),
    [
        ("reference/keys", "reference/keys", "# Keys"),
        ("Keys", "reference/keys", "# Keys"),
        ("reference/keys.md", "reference/keys", "# Keys"),
        ("dead", "reference/commands/dead", "# streamroute dead"),
        ("dead drop", "reference/commands/dead", "## streamroute dead drop"),
        ("dead letters", "guide/dead-letters", "# Repair: dead letters"),
        ("route.filter", "reference/keys", "### route: filter"),
        ("compile_routes", "reference/python", "### streamroute.compile_routes"),
    ],
)
def test_a_page_a_command_a_key_and_a_name_are_found(asked: str, topic: str, begins: str) -> None:
    found = find_topic(asked)
    assert found is not None
    sections = [section for section in sections_of(found.page.read()) if section.markdown in found.markdown]
    assert found.markdown.startswith(begins) or any(part.markdown.startswith(begins) for part in sections)
    assert topic in (found.page.topic, *found.others)


def test_all_sections_with_a_name_are_shown() -> None:
    found = find_topic("retry.delay")
    assert found is not None
    assert "### stream: retry.delay" in found.markdown
    assert "### route: retry.delay" in found.markdown


@pytest.mark.parametrize("asked", ["", "nowhere", "../../errors", "a" * 10_000, "\x00"])
def test_an_unknown_topic_is_not_found(asked: str) -> None:
    assert find_topic(asked) is None


def test_the_nearest_topic_is_suggested_or_pages_that_mention_it() -> None:
    assert suggest_topic("retry.dealy") == "retry.delay"
    assert suggest_topic("qqqqqq") is None
    assert "reference/keys" in pages_that_mention("embedded[:FOLDER]")
    assert pages_that_mention("no page has this text") == []
