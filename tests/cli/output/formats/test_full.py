"""The full format of findings: the line, the caret, the help."""

from __future__ import annotations

import cProfile

import click
import pytest

from streamroute.cli.output.formats.full import render_full
from streamroute.config.findings.finding import Finding, Severity, Span
from streamroute.config.findings.text_file import TextFile


def finding(line: int = 1, start: int = 1, end: int = 2, **parts: str) -> Finding:
    return Finding("SR102", Severity.ERROR, "wrong", "routes.yaml", Span(line, start, line, end), **parts)


def caret_line(text: str, found: Finding) -> tuple[str, str]:
    """Return the source line and the caret's line, as shown."""
    lines = render_full([found], {"routes.yaml": TextFile("routes.yaml", text)}).splitlines()
    return lines[2].split(" | ", 1)[1], lines[3].split(" | ", 1)[1]


def test_full_shows_the_line_a_caret_and_the_help() -> None:
    found = finding(2, 3, 7, help="do this", suggestion="name")
    assert render_full([found], {"routes.yaml": TextFile("routes.yaml", "a:\n  nmae: 1\n")}) == (
        'routes.yaml:2:3: error[SR102]: wrong; did you mean "name"?\n'
        "  |\n"
        "2 |   nmae: 1\n"
        "  |   ^^^^\n"
        "  = help: do this\n"
    )


def test_a_file_without_text_shows_no_line() -> None:
    assert render_full([finding()], {}) == "routes.yaml:1:1: error[SR102]: wrong\n"


@pytest.mark.parametrize(
    ("text", "start", "end", "before", "width"),
    [
        ("\tx", 2, 3, 4, 1),
        ("予約 x", 4, 5, 5, 1),
        ("予約 x", 1, 3, 0, 4),
        ("e\u0301 x", 4, 5, 2, 1),
        ("\U0001f600 x", 3, 4, 3, 1),
        ("abc", 4, 4, 3, 1),
    ],
)
def test_the_caret_is_below_its_character(text: str, start: int, end: int, before: int, width: int) -> None:
    _, caret = caret_line(text, finding(1, start, end))
    assert caret == " " * before + "^" * width


def test_a_long_line_is_cut_around_the_caret() -> None:
    text = "x" * 500 + "HERE" + "y" * 500
    shown, caret = caret_line(text, finding(1, 501, 505))
    assert shown.startswith("...")
    assert shown.endswith("...")
    assert len(shown) < 130
    assert shown[caret.index("^") : caret.rindex("^") + 1] == "HERE"


def test_a_longer_line_is_no_more_work() -> None:
    def calls(width: int) -> int:
        profile = cProfile.Profile()
        profile.runcall(caret_line, "x" * width, finding(1, 501, 505))
        return sum(entry.callcount for entry in profile.getstats())

    assert calls(100_000) == calls(1_000)


def test_a_span_of_several_lines_is_marked_on_its_first() -> None:
    found = Finding("SR104", Severity.ERROR, "wrong", "routes.yaml", Span(1, 4, 3, 2))
    assert caret_line("a: [1,\n 2\n]", found) == ("a: [1,", "   ^^^")


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("url: redis://me:s3cret@host", "url: redis://*********@host"),
        ("url: https://me:s3cret@host/@x", "url: https://*********@host/@x"),
        ("url: redis://me:s3/r?t@host", "url: redis://*********@host"),
        ("url: reddis://me:s3/r?t@host", "url: reddis://*********@host"),
        ("url: valkey://host?password=s3cret", "url: valkey://host?password=******"),
        ("url: valkey://host?db?password=s3cret", "url: valkey://host?db?password=******"),
        ("url: https://example.com/a?b=c", "url: https://example.com/a?b=c"),
        ("url: redis://a:s3@ret@host:6379/0 # a@b", "url: redis://********@host:6379/0 # a@b"),
        ("{url: 'redis://host:s3cret/0'}", "{url: 'redis://host:********'}"),
        ("{url: 'redis://host:6379/0'}", "{url: 'redis://host:6379/0'}"),
        ("{url: redis://host:6379}", "{url: redis://host:6379}"),
        ('{url: "unix:///s?password=s3cret"}', '{url: "unix:///s?password=******"}'),
        ("url: rediss://h:1/0?pasword=s3cret&db=12", "url: rediss://h:1/0?pasword=******&db=**"),
        ("redis+sentinel://a:1,b:2/m?sentinel_password=x", "redis+sentinel://a:1,b:2/m?sentinel_password=*"),
        ("redis: {host: h, password: s3cret}", "redis: {host: h, password: ******}"),
        ("  password: 's3, cr}t'", "  password: **********"),
        ("  password: ${PASSWORD}", "  password: ${PASSWORD}"),
        ("filter: password == 'x'", "filter: password == 'x'"),
    ],
)
def test_a_password_in_the_line_is_not_shown(line: str, shown: str) -> None:
    assert caret_line(line, finding())[0] == shown


def test_passwords_are_searched_once_in_a_long_line() -> None:
    """A search from every question mark to the end would take hours."""
    shown, _ = caret_line("url: valkey://" + "?" * 1_000_000, finding())
    assert shown.startswith("url: valkey://???")


def test_control_characters_are_not_shown() -> None:
    shown, _ = caret_line("a: \x1b[2J\u202e", finding())
    assert shown == "a: \ufffd[2J\ufffd"


def test_color_only_when_asked() -> None:
    files = {"routes.yaml": TextFile("routes.yaml", "abc")}
    colored = render_full([finding()], files, color=True)
    assert "\x1b[" in colored
    assert click.unstyle(colored) == render_full([finding()], files)


@pytest.mark.parametrize("columns", [None, 40, 60, 80, 300])
@pytest.mark.parametrize("start", [1, 30, 79, 150])
def test_no_line_is_wider_than_the_terminal(columns: int | None, start: int) -> None:
    text = "".join(chr(ord("a") + at % 26) for at in range(160))
    found = finding(1, start, start + 3)
    shown = render_full([found], {"routes.yaml": TextFile("routes.yaml", text)}, columns=columns)
    _, _, line, caret = shown.splitlines()
    assert max(map(len, (line, caret))) <= (columns or 130)
    assert line[caret.index("^") : caret.rindex("^") + 1] == text[start - 1 : start + 2]
