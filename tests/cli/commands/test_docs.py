"""``streamroute docs``: pages, commands, keys, rules and names, in the terminal or in a browser."""

from __future__ import annotations

import webbrowser
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from streamroute.cli.main import streamroute
from streamroute.manual.addresses import topic_url
from streamroute.manual.pages import all_pages

if TYPE_CHECKING:
    from pathlib import Path


def docs(*arguments: str) -> Result:
    return CliRunner().invoke(streamroute, ["docs", *arguments])


def test_without_a_topic_all_pages_are_listed() -> None:
    lines = docs().stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["topic", *(page.topic for page in all_pages())]


@pytest.mark.parametrize("part", ["guide", "guide/"])
def test_the_pages_of_a_part_are_listed(part: str) -> None:
    _, *lines = docs(part).stdout.splitlines()
    assert [line.split()[0] for line in lines] == [
        page.topic for page in all_pages() if page.topic.startswith("guide/")
    ]


@pytest.mark.parametrize(
    ("words", "begins"),
    [
        (("index",), "# streamroute\n"),
        (("reference/keys",), "# Keys of routes.yaml\n"),
        (("retry.delay",), "### stream: retry.delay\n"),
        (("dead", "drop"), "## streamroute dead drop\n"),
        (("sr203",), "# SR203 missing-stream\n"),
        (("missing-stream",), "# SR203 missing-stream\n"),
    ],
)
def test_a_topic_is_shown(words: tuple[str, ...], begins: str) -> None:
    done = docs(*words)
    assert done.exit_code == 0
    assert done.stdout.startswith(begins)
    prose = [line for line in done.stdout.splitlines() if not line.startswith("  ")]
    assert max(map(len, prose)) <= 80


def test_markdown_is_the_page_without_its_comments() -> None:
    shown = docs("reference/keys", "--format", "markdown").stdout
    assert "| [`version`](#root-version) | `1` | required |" in shown
    assert "<!--" not in shown


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("retry.dealy", 'did you mean "retry.delay"?'),
        ("SR2033", 'did you mean "SR203"?'),
        ("oauth2", "to list all pages: streamroute docs"),
        ("patternProperties-free", "to list all pages: streamroute docs"),
        ("embedded[:FOLDER]", "pages that mention it: reference/keys"),
    ],
)
def test_an_unknown_topic_is_a_usage_error_with_a_hint(asked: str, hint: str) -> None:
    done = docs(asked)
    assert done.exit_code == 2
    assert hint in done.stderr


def test_a_topic_cannot_move_the_cursor() -> None:
    assert "\x1b" not in docs("\x1b[2Jx").stderr


def test_a_page_of_the_built_site_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "reference" / "keys.html"
    page.parent.mkdir()
    page.touch()
    opened: list[str] = []

    def note(url: str) -> bool:
        opened.append(url)
        return True

    monkeypatch.setattr(webbrowser, "open", note)
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setenv("STREAMROUTE_DOCS", str(tmp_path))
    assert docs("keys", "--open").stdout == ""
    assert opened == [page.as_uri()]
    monkeypatch.delenv("DISPLAY")
    assert docs("keys", "--open").stdout == f"{page.as_uri()}\n"


def test_without_a_built_site_its_public_address_is_printed(tmp_path: Path) -> None:
    done = docs("--open", "--site", str(tmp_path / "site"))
    assert (done.exit_code, done.stdout) == (0, f"{topic_url('index')}\n")
    assert "python -m streamroute.docs.build site" in done.stderr
