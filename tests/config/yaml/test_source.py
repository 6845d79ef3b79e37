"""Places: every part of the data is found again in the file."""

from __future__ import annotations

import pytest

from streamroute.config.files.loader import load_text
from streamroute.config.findings.finding import Severity, Span
from streamroute.config.yaml.source import SourceFile, SourceLocation

TEXT = """\
x-common: &common
  group: shared
x-other: &other {codec: fields, group: hidden}
streams:
  a:
    <<: [*common, *other]
    lease: 5s
  b: *common
routes:
- filter: guest.tier == 'gold'
- filter: 'tier == ''gold'''
- filter: "tier == \\"gold\\" \\u0026& vip"
- filter: >-   # folded
    guest.tier == 'gold' &&

      nights >= `3`
- filter: |
    one
    two
- filter: one
    two
- filter: cut #here
"""


@pytest.fixture
def source() -> SourceFile:
    loaded = load_text(TEXT, "routes.yaml").source
    assert loaded is not None
    return loaded


def text_at(source: SourceFile, span: Span) -> str:
    start = source.start_of_line(span.line) + span.column - 1
    end = source.start_of_line(span.end_line) + span.end_column - 1
    return source.text[start:end]


def test_keys_and_values_are_found(source: SourceFile) -> None:
    assert text_at(source, source.span(("streams", "a", "lease"))) == "5s"
    assert text_at(source, source.span(("streams", "a", "lease"), "key")) == "lease"
    assert source.span(("streams", "a", "lease")) == Span(7, 12, 7, 14)


def test_merged_values_are_found_where_they_are_written(source: SourceFile) -> None:
    assert text_at(source, source.span(("streams", "a", "group"))) == "shared"
    assert text_at(source, source.span(("streams", "a", "codec"))) == "fields"
    assert text_at(source, source.span(("streams", "b", "group"))) == "shared"


def test_an_alias_is_reported_at_its_own_position(source: SourceFile) -> None:
    assert text_at(source, source.span(("streams", "b"))) == "*common"


def test_a_missing_key_points_at_the_first_key(source: SourceFile) -> None:
    assert text_at(source, source.span(("routes", 0), "first-key")) == "filter"
    assert text_at(source, source.span(("routes", 0, "name"), "first-key")) == "filter"


WORDS = [(0, "'gold'"), (0, "tier"), (1, "gold"), (2, "gold"), (2, "vip"), (3, "nights"), (3, "gold")]


@pytest.mark.parametrize(("route", "word"), [*WORDS, (4, "two"), (5, "two"), (5, "one")])
def test_a_word_of_a_string_is_found_in_every_style(source: SourceFile, route: int, word: str) -> None:
    value = source.data["routes"][route]["filter"]
    start = value.index(word)
    span = source.span_in(("routes", route, "filter"), start, start + len(word))
    assert text_at(source, span) == word


def test_an_escape_is_pointed_at_as_it_is_written(source: SourceFile) -> None:
    value = source.data["routes"][2]["filter"]
    span = source.span_in(("routes", 2, "filter"), value.index("&"), value.index("vip"))
    assert text_at(source, span) == "\\u0026& "


def test_the_end_of_a_string_is_a_place(source: SourceFile) -> None:
    value = source.data["routes"][0]["filter"]
    span = source.span_in(("routes", 0, "filter"), len(value), len(value))
    assert (span.line, span.column) == (10, 11 + len(value))


def test_a_comment_that_cuts_off_a_plain_value_is_reported(source: SourceFile) -> None:
    assert SourceLocation(source, ("routes", 6)).comment_after(("filter",)) == "#here"
    assert SourceLocation(source, ("routes", 0)).comment_after(("filter",)) is None
    assert SourceLocation(source, ("routes", 3)).comment_after(("filter",)) is None


def test_a_place_makes_findings_of_its_rules_severity(source: SourceFile) -> None:
    location = SourceLocation(source, ("routes", 0))
    found = location.finding("SR301", "wrong", at=("filter",), within=(6, 10), help="do", suggestion="tiers")
    assert str(found) == 'routes.yaml:10:17: error[SR301]: wrong; did you mean "tiers"?'
    assert (found.severity, found.help) == (Severity.ERROR, "do")
    assert location.finding("SR301", "x", severity=Severity.INFO).severity is Severity.INFO


def test_lines_end_at_every_kind_of_line_break_but_no_other() -> None:
    loaded = load_text("a: 1\r\nb: 2\rc: '\u2028'\nd: 4\n", "routes.yaml").source
    assert loaded is not None
    assert [loaded.span((key,), "key").line for key in "abcd"] == [1, 2, 3, 4]
    assert loaded.line(3) == "c: '\u2028'"
