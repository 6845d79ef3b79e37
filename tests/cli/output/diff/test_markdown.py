"""Foreign text in Markdown is code, and a comment fits into GitHub's limit."""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt

from compared_configs import compiled, difference
from streamroute.cli.output.diff.as_markdown import render
from streamroute.cli.output.diff.markdown import code, fitting
from streamroute.cli.output.diff.report import DiffReport

_LIMIT = 65_536  # characters of a comment on GitHub


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "`",
        "a ``` b `c`",
        "`a`",
        "@someone #1 <img src=x> [a](javascript:b) **c** a|b \\\\",
        "</details><script>",
        "",
    ],
)
def test_foreign_text_is_code(text: str) -> None:
    [_, inline, _] = MarkdownIt().parse(f"x {code(text)} y")
    assert inline.children is not None
    assert [(child.type, child.content) for child in inline.children] == [
        ("text", "x "),
        ("code_inline", text or " "),
        ("text", " y"),
    ]


def test_control_characters_and_line_breaks_do_not_leave_the_code() -> None:
    assert code("a\n# b\x1b[31m\u202e") == "`a\ufffd# b\ufffd[31m\ufffd`"


def test_parts_that_do_not_fit_are_counted() -> None:
    assert list(fitting(["aaa", "bbb", "ccc"], 7, "and {} more")) == ["aaa", "bbb", "and 1 more"]
    assert list(fitting(["aaa", "bbb"], 6, "and {} more")) == ["aaa", "bbb"]
    assert list(fitting(["éé"], 3, "and {} more")) == ["and 1 more"]


def test_a_comment_about_thousands_of_routes_fits() -> None:
    names = [f"route-{number:04}-{'x' * 60}" for number in range(1500)]
    same = [{"name": f"same-{name}", "type": "u"} for name in names]
    old = compiled([*same, *({"name": name, "type": "t", "filter": f"'{'é' * 300}' == n"} for name in names)])
    new = compiled([*same, *({"name": name, "type": "t"} for name in names)])
    diff = difference(old, new, [{"type": "t"}] * 2)
    text = render(DiffReport("old" * 200, "new" * 200, "2 events", diff, tuple(names)))
    assert len(text) < _LIMIT
    assert "more routes" in text
    assert text.rstrip().endswith(" more")
    assert text.count("<details>") == text.count("</details>") == 1
