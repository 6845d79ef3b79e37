"""A page is split into the blocks that a terminal shows."""

from __future__ import annotations

import pytest

from streamroute.manual.blocks import BlockKind, PageBlock, cells_of, split_blocks, without_comments
from streamroute.manual.pages import all_pages

PAGE = """\
# Title
Text of
two lines.
- one
  more
- two
1. three
| a | b |
|---|---|
| 1 | 2 |
```python
# a comment

| not a table
```
end
"""


def test_each_kind_of_block_is_found_without_empty_lines_between_them() -> None:
    assert list(split_blocks(PAGE)) == [
        PageBlock(BlockKind.HEADING, ("# Title",)),
        PageBlock(BlockKind.PARAGRAPH, ("Text of", "two lines.")),
        PageBlock(BlockKind.ITEM, ("- one", "  more")),
        PageBlock(BlockKind.ITEM, ("- two",)),
        PageBlock(BlockKind.ITEM, ("1. three",)),
        PageBlock(BlockKind.TABLE, ("| a | b |", "|---|---|", "| 1 | 2 |")),
        PageBlock(BlockKind.CODE, ("# a comment", "", "| not a table")),
        PageBlock(BlockKind.PARAGRAPH, ("end",)),
    ]


@pytest.mark.parametrize(
    ("page", "code"),
    [
        ("```sh\nls\n", ("ls", "")),  # not closed
        ("````md\n```sh\nls\n```\n````\n", ("```sh", "ls", "```")),
        ("```\n```\n", ()),
    ],
)
def test_a_block_ends_with_its_own_fence(page: str, code: tuple[str, ...]) -> None:
    assert list(split_blocks(page)) == [PageBlock(BlockKind.CODE, code)]


def test_comments_are_left_out_where_they_are_comments() -> None:
    page = "a\n\n<!-- not run: why\n-->\n\n```html\n<!-- kept -->\n```\n\n<!-- gone -->\nb `<!-- kept -->`\n"
    assert without_comments(page) == "a\n\n```html\n<!-- kept -->\n```\n\nb `<!-- kept -->`\n"


def test_a_cell_may_contain_an_escaped_bar() -> None:
    assert cells_of(r"| `a\|b` |  | c |") == ["`a|b`", "", "c"]


@pytest.mark.parametrize("page", all_pages(), ids=lambda page: page.topic)
def test_no_text_of_a_page_is_lost(page: object) -> None:
    text = without_comments(page.read())  # type: ignore[attr-defined]  # pytest gives the parameter no type
    shown = [line for block in split_blocks(text) for line in block.lines if line.strip()]
    fences = [line for line in text.splitlines() if line.strip().startswith("```")]
    assert len(shown) + len(fences) == len([line for line in text.splitlines() if line.strip()])
