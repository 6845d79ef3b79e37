"""Comments that suppress findings: what they cover, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamroute.compiler.pipeline import check_path
from streamroute.compiler.rules.registry import ALL_RULES
from streamroute.config.files.loader import load_text
from streamroute.config.findings.rules import Stage
from streamroute.config.suppressions.ignore_comments import suppress
from streamroute.config.yaml.source import SourceFile

TWO_STREAMS = "version: 1\nstreams: {a: , b: }\nroutes:\n"
NEGATED = "filter: '!a.b'"


def source(text: str) -> SourceFile:
    loaded = load_text(text, "routes.yaml").source
    assert loaded is not None
    return loaded


def lines_left(text: str, *lines: int, code: str = "SR307") -> list[str]:
    """What is left of findings at the beginnings of these lines, and what came of the comments."""
    file = source(text)
    found = [
        file.finding(ALL_RULES[code], "x", file.between(*[file.start_of_line(line)] * 2)) for line in lines
    ]
    return [f"{one.span.line} {one.code}" for one in suppress(found, [file], ALL_RULES)]


def test_a_comment_behind_something_silences_its_line() -> None:
    assert lines_left("a: 1 # streamroute: ignore[SR307] why\nb: 2\n", 1, 2) == ["2 SR307"]


def test_an_ignore_suppresses_only_its_own_code() -> None:
    text = "a: 1 # streamroute: ignore[SR307]\n"
    assert lines_left(text, 1, code="SR203") == ["1 SR203", "1 SR018"]


def test_an_ignore_may_name_several_codes() -> None:
    text = "a: 1 # streamroute: ignore[SR307, SR203] why\n"
    assert lines_left(text, 1, code="SR203") == ["1 SR018"]


@pytest.mark.parametrize("comment", ["#streamroute:ignore[SR307]", "#  Streamroute: Ignore [SR307] : why"])
def test_spaces_and_case_do_not_matter(comment: str) -> None:
    assert lines_left(f"a: 1 {comment}\n", 1) == []


@pytest.mark.parametrize("header", ["|", ">-"])
def test_behind_the_sign_of_a_block_scalar_it_silences_the_whole_of_it(header: str) -> None:
    text = f"a: {header} # streamroute: ignore[SR307] why\n  one\n  two\nb: 1\n"
    assert lines_left(text, 1, 2, 3, 4) == ["4 SR307"]


def test_behind_the_last_line_of_a_quoted_scalar_it_silences_the_whole_of_it() -> None:
    text = "a: 'one\n  two' # streamroute: ignore[SR307] why\nb: 1\n"
    assert lines_left(text, 1, 2, 3) == ["3 SR307"]


def test_an_ignore_on_its_own_line_covers_the_entry_below() -> None:
    text = "a:\n  # streamroute: ignore[SR307] why\n\n  # more\n  b:\n    c: 1\n    d: 2\n  e: 3\n"
    assert lines_left(text, 5, 6, 7, 8) == ["8 SR307"]


def test_above_an_item_of_a_list_it_silences_the_whole_item() -> None:
    text = "a:\n# streamroute: ignore[SR307] why\n- b: 1\n  c: 2\n- b: 3\n"
    assert lines_left(text, 3, 4, 5) == ["5 SR307"]


def test_above_the_first_key_it_does_not_silence_the_file() -> None:
    assert lines_left("# streamroute: ignore[SR307] why\na: 1\nb: 2\n", 2, 3) == ["3 SR307"]


@pytest.mark.parametrize(
    "text",
    [
        "a: '# streamroute: ignore[SR307]'\n",
        'a: "x\n  # streamroute: ignore[SR307]"\n',
        "a: |\n  # streamroute: ignore[SR307]\n",
        "a: x#streamroute:ignore[SR307]\n",
    ],
)
def test_text_that_looks_like_a_comment_suppresses_nothing(text: str) -> None:
    assert lines_left(text, 1) == ["1 SR307"]


def test_an_ignore_that_silences_nothing_is_a_finding() -> None:
    file = source("a: 1 # streamroute: ignore[SR307] why\n")
    (found,) = suppress([], [file], ALL_RULES)
    assert str(found) == ("routes.yaml:1:28: warning[SR018]: unused ignore: SR307 reports nothing on line 1")


def test_a_rule_that_was_not_checked_is_not_unused() -> None:
    assert (
        suppress([], [source("a: 1 # streamroute: ignore[SR307] why\n")], ALL_RULES, lambda rule: False) == []
    )


@pytest.mark.parametrize(
    ("streams", "route"),
    [
        ("s: ", "filter: 'contians(a) && a == \"gold\"'} # streamroute: ignore[SR312] why"),
        ("s: ", "stream: r} # streamroute: ignore[SR210] why"),
        ("s: ", "filter: a} # streamroute: ignore[SR410] without --no-import there is nothing to verify"),
        ("s: } # streamroute: ignore[SR215] another file differs", "filter: a}"),
    ],
)
def test_an_ignore_of_what_another_error_or_way_of_checking_hides_is_not_called_unused(
    tmp_path: Path, streams: str, route: str
) -> None:
    path = tmp_path / "routes.yaml"
    end = "" if "}" in streams else "}"
    path.write_text(
        f"version: 1\nstreams: {{{streams}{end}\n"
        f"routes:\n  - {{name: a, type: t, handler: streamroute.handlers.log, {route}\n"
    )
    assert "SR018" not in [found.code for found in check_path(path).findings]


@pytest.mark.parametrize(
    ("comment", "message"),
    [
        ("# streamroute: ignore", "ignore comment without a rule code"),
        ("# streamroute: ignore SR307", "ignore comment without a rule code"),
        ("# streamroute: ignore[]", "ignore comment without a rule code"),
        ("# streamroute: ignore[SR3]", 'unknown rule "SR3"'),
        ("# streamroute: ignore[SR650]", 'unknown rule "SR650"; did you mean "SR605"?'),
        (
            "# streamroute: ignore[SR102]",
            "SR102 (unexpected-key) cannot be ignored: it is an error",
        ),
        (
            "# streamroute: ignore[SR018]",
            "SR018 (unused-ignore) cannot be ignored: it reports ignore comments",
        ),
    ],
)
def test_an_ignore_that_names_no_rule_it_may_silence_is_a_finding(comment: str, message: str) -> None:
    (found,) = suppress([], [source(f"a: 1 {comment}\n")], ALL_RULES)
    assert found.text == message


def write(folder: Path, routes: str) -> Path:
    (folder / "mine.py").write_text("def handle(payload): ...\n")
    path = folder / "routes.yaml"
    path.write_text(TWO_STREAMS + routes)
    return path


def about_comments(path: Path) -> list[str]:
    """The codes of what is found about the comments themselves."""
    findings = check_path(path, imports=False).findings
    return [found.code for found in findings if ALL_RULES[found.code].stage is Stage.COMMENTS]


def test_check_and_what_runs_agree_on_what_is_silenced(tmp_path: Path) -> None:
    """A finding that is silenced is silenced for serve too, which goes the same way."""
    route = (
        f"- {{name: a, type: t, handler: mine.handle, {NEGATED}}} # streamroute: ignore[SR203, SR307] why\n"
    )
    path = write(tmp_path, route)
    result = check_path(path, imports=False)
    assert result.findings == ()
    assert result.compiled is not None
    assert result.compiled.names("a") == []


def test_without_imports_an_ignore_of_a_handler_rule_is_not_unused(tmp_path: Path) -> None:
    path = write(
        tmp_path, "- {name: a, stream: a, type: t, handler: mine.handle} # streamroute: ignore[SR404] x\n"
    )
    # An error of a handler can't be silenced; what is looked at here is that it is not called unused.
    assert about_comments(path) == ["SR020"]


def test_no_ignore_is_unused_in_a_file_with_syntax_errors(tmp_path: Path) -> None:
    path = write(tmp_path, "- {nam: a, stream: a, type: t, handler: m.h} # streamroute: ignore[SR307] why\n")
    assert about_comments(path) == []
