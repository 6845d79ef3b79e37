"""A page on a terminal: wrapped, aligned where it fits, and with the topics of its links."""

from __future__ import annotations

import pytest

from streamroute.cli.output.manual_page import inline_text, render_page
from streamroute.manual.pages import ManualPage, all_pages

PAGE = """\
# Title

A paragraph that is **longer** than the width, with a [link](../start/install.md#pip).

- an item that is longer than the width
- two

| key | does |
|---|---|
| `a` | x \\| y |
| `b` | a text that is far too long for this width |

```sh
echo this line is longer than the width, and stays as it is
```
"""


def test_text_is_wrapped_and_code_is_kept() -> None:
    assert render_page(PAGE, "guide/publish", 30, color=False) == (
        "# Title\n"
        "\n"
        "A paragraph that is longer\n"
        "than the width, with a link\n"
        "(start/install).\n"
        "\n"
        "- an item that is longer than\n"
        "  the width\n"
        "- two\n"
        "\n"
        "`a`\n"
        "    x | y\n"
        "`b`\n"
        "    a text that is far too\n"
        "    long for this width\n"
        "\n"
        "  echo this line is longer than the width, and stays as it is"
    )


def test_a_table_that_fits_is_aligned() -> None:
    table = "| key | type | default |\n|---|---|---|\n| a | b | |\n| longer | | c |\n"
    assert render_page(table, "index", 40, color=False) == (
        "key     type  default\na       b\nlonger        c"
    )
    assert render_page(table, "index", 20, color=False) == "a\n    type: b\nlonger\n    default: c"


def test_headings_are_bold_on_a_terminal() -> None:
    assert render_page("## Why", "index", 40, color=True) == "\x1b[1m## Why\x1b[0m"


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ("[`dead`](dead.md)", "`dead` (guide/dead)"),
        ("[here](#below)", "here"),
        ("[site](https://a.b/c#d)", "site (https://a.b/c#d)"),
        (r"\*a\* \<b> `c\*`", r"*a* <b> `c\*`"),
        ("``a `b` **c**`` **d**", "``a `b` **c**`` d"),
    ],
)
def test_marks_are_removed_outside_of_code(markdown: str, text: str) -> None:
    assert inline_text(markdown, "guide/publish") == text


@pytest.mark.parametrize("width", [0, 30, 80])
@pytest.mark.parametrize("page", all_pages(), ids=lambda page: page.topic)
def test_every_page_can_be_shown(page: ManualPage, width: int) -> None:
    assert render_page(page.read(), page.topic, width, color=False).startswith(f"# {page.title}")
