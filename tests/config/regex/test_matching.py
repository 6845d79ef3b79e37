"""Patterns match as in ECMA-262, in unicode mode, whichever engine is asked."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streamroute.config.regex.automaton import Automaton
from streamroute.config.regex.matching import Pattern
from streamroute.config.regex.parser import parse
from streamroute.config.regex.syntax import RegexError
from streamroute.config.regex.writing import for_python, for_rust


def free(_steps: int) -> None:
    """Takes any number of steps."""


def matches(pattern: str, text: str) -> bool:
    return Pattern(pattern).matches(text, free)


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        ("^a$", ["a"], ["a\n", "ab"]),
        (r"^\d+$", ["12"], ["\u0661"]),
        (r"(?!0)\d", ["1"], ["\u0661", "0"]),
        (r"^\w+$", ["a_1"], ["\u00e9"]),
        (r"^\W$", ["\u00e9", "-"], ["a"]),
        (r"^\D$", ["\u0661", "a"], ["1"]),
        (r"^\s$", ["\u00a0", " ", "\ufeff"], ["a", "\x85", "\x1c"]),
        (r"^[\s-]$", ["\u3000", "-"], ["a"]),
        (r"^\S$", ["a"], ["\u00a0"]),
        (r"^[\S]$", ["a", "\x85"], ["\u00a0", " "]),
        (r"^[^\S]$", [" "], ["a"]),
        ("^.$", ["\x85", "\U0001f600"], ["\n", "\r", "\u2028"]),
        ("^[.$]$", [".", "$"], ["a"]),
        ("[]", [], ["", "a"]),
        ("^[^]$", ["a", "\n"], ["", "ab"]),
        (r"^\ud83d\ude00$", ["\U0001f600"], ["\ud83d"]),
        (r"^\u{1F600}$", ["\U0001f600"], []),
        (r"^[\ud83d\ude00-\ud83d\ude02]$", ["\U0001f601"], ["\U0001f603"]),
        (r"^\cA\x42\u0043\0$", ["\x01BC\0"], []),
        (r"^[\b]$", ["\b"], ["b"]),
        (r"\B", ["", "ab"], ["a"]),
        (r"\bcaf\b", ["caf\u00e9"], ["cafe"]),
        (r"^(?<y>\d)-\k<y>$", ["1-1"], ["1-2"]),
        (r"^(a)?\1b$", ["b", "aab"], ["ab"]),
        ("(?<=a+)b(?<!c)", ["aab"], ["cb"]),
        ("^(?=.*[A-Z])(?=.*[0-9]).{3,}$", ["aB3"], ["ab3", "B3"]),
        ("^[[a]$", ["[", "a"], ["b"]),
        ("^[&&||~~-]$", ["&", "|", "~", "-"], ["a"]),
        (r"^\/\-\.\_\@$", ["/-._@"], ["//._@"]),
        ("^{a}]$", ["{a}]"], []),
        (r"^\p{Lu}\p{gc=Nd}\P{L}$", ["\u00c9\u0661."], ["\u00e91.", "\u00c9a."]),
        ("a|b$", ["ac", "cb"], ["bc"]),
        ("", ["", "a"], []),
        ("^(?:a{2}){2,3}?$", ["aaaa", "aaaaaa"], ["aa", "aaaaa"]),
        (r"^(a+)+$", ["aaa"], ["aaab"]),
    ],
)
def test_a_pattern_matches_as_in_ecmascript(pattern: str, matching: list[str], other: list[str]) -> None:
    root = parse(pattern).root
    ways: list[Any] = [lambda text: matches(pattern, text)]
    if not parse(pattern).has_backreferences:
        ways.append(lambda text: Automaton(root).search(text, free))
    written = for_python(root)
    if written is not None:
        ways.append(re.compile(written).search)
    for way in ways:
        assert [text for text in matching if not way(text)] == []
        assert [text for text in other if way(text)] == []


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("[a", 'missing "]" of a character class'),
        ("(", 'missing ")" of a group'),
        (")", 'unmatched ")"'),
        ("*", 'nothing to repeat before "*"'),
        ("a**", 'nothing to repeat before "*"'),
        ("a++", 'nothing to repeat before "+"'),
        ("(?P<n>a)", 'Python\'s; write "(?<name>...)"'),
        ("(?P=n)", "Python's"),
        ("(?i)a", "opens no group of ECMA-262"),
        ("(?>a)", "opens no group of ECMA-262"),
        ("(?#a)", "opens no group of ECMA-262"),
        (r"\Aa\Z", "not an escape of ECMA-262; write ^"),
        (r"a\Z", "write $"),
        (r"\h", "not an escape of ECMA-262"),
        (r"\u{110000}", "is not a character"),
        (r"\01", "not an escape of ECMA-262"),
        ("{,3}", "repeats nothing"),
        ("a{3,2}", "is greater than its maximum"),
        ("[b-a]", "is greater than its end"),
        (r"[\d-x]", "more than one character"),
        (r"\1(a)", "refers to no earlier group"),
        (r"\k<n>", "refers to no earlier group"),
        (r"(?<n>a)(?<n>b)", 'duplicate group name "n"'),
        (r"(?:(a)|b)*\1", "a group inside a repetition or a lookaround"),
        (r"(?=(a))\1", "a group inside a repetition or a lookaround"),
        (r"((a+)+)\1", "may take exponential time"),
        (r"\p{Script=Greek}", "only general categories"),
        ("^*", "repeats an assertion"),
        ("(?=a)*", "repeats an assertion"),
        ("a{99999999999}", "too large"),
        ("(?:a{200}){200}", "too many"),
        ("(?:a{9}){9}" * 400, "too many"),
        ("(?=a)" * 61, "more than 60 times"),
        ("(?:" * 60 + ")" * 60, "nested more than"),
        ("a" * 30_000, "longer than 20,000 characters"),
    ],
)
def test_patterns_outside_ecmascript_or_without_a_bound_are_refused(pattern: str, reason: str) -> None:
    with pytest.raises(RegexError, match=re.escape(reason)):
        Pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "is_exponential"),
    [
        ("^(a+)+$", True),
        ("(a*)*b", True),
        ("(a|a)*b", True),
        (r"^(\w+\s?)*$", True),
        ("(x+x+)+y", True),
        ("((ab|a)(bc|c)?)*d", True),
        ("^a*a*$", False),
        ("^[a-z0-9]+(-[a-z0-9]+)*$", False),
        (r"^([a-z]+\.)+[a-z]+$", False),
        (r"^(\d{1,3}\.){3}\d{1,3}$", False),
        (r"^#?([a-f0-9]{6}|[a-f0-9]{3})$", False),
        (r"^[^@\s]+@[^@\s]+\.[^@\s]+$", False),
        (r"^https?://[\w.-]+(:\d+)?(/\S*)?$", False),
        ("^(ab|cd)+$", False),
        (r'^"(?:[^"\\]|\\.)*"$', False),
        (r"^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?)?$", False),
    ],
)
def test_a_pattern_is_called_exponential_only_where_it_is(pattern: str, is_exponential: bool) -> None:
    assert Pattern(pattern).effort.is_exponential is is_exponential


@pytest.mark.parametrize(
    "pattern",
    [
        *("^(a+)+$", "a*a*a*a*a*b", "(?:a|a)*b", "(?=(?:a+)+b)a", "(?<=(?:a*)*)b", r"\s*$", "^(?:.*,)*x$"),
        *("a?" * 30 + "a" * 30 + "b", "(a{1,50}){1,50}b"),
    ],
)
def test_the_steps_of_a_search_are_linear_in_the_text(pattern: str) -> None:
    """Twice the text takes no more than about twice the steps, once the pattern's states are known."""
    known = Pattern(pattern)
    known.matches("a" * 20_000 + "!", free)
    taken = []
    for length in (20_000, 40_000):
        steps: list[int] = []
        known.matches("a" * length + "!", steps.append)
        taken.append(sum(steps))
    assert taken[0] <= 100_000
    assert taken[1] <= 2.1 * taken[0]


def test_backreferences_are_stopped_before_they_take_long() -> None:
    class StoppedError(Exception):
        pass

    def spend(steps: int) -> None:
        if steps > 1_000_000:
            raise StoppedError

    known = Pattern(r"(.*)(.*)\1\2x")
    assert known.matches("abcabcx", spend)
    with pytest.raises(StoppedError):
        known.matches("a" * 5_000, spend)


_ATOMS = [
    *("a", "b", ".", r"\d", r"\w", r"\s", r"\S", r"\D", r"\W", "[ab]", "[^a]", "[]", "[^]", r"[\S]"),
    *(r"[\d-]", r"\u{1F600}", r"\ud83d\ude00", "1", "^", "$", r"\b", r"\B", "[a-c]", r"[\b]", r"\p{Lu}"),
]
_TIMES = ["*", "+", "?", "{2}", "{1,2}", "{0,3}?", "{2,}"]
_OPENINGS = ["?=", "?!", "?<=", "?<!", ""]
patterns = st.recursive(
    st.sampled_from(_ATOMS),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.lists(inner, min_size=1, max_size=3).map(lambda options: f"(?:{'|'.join(options)})"),
        st.tuples(inner, st.sampled_from(_TIMES)).map(lambda pair: f"(?:{pair[0]}){pair[1]}"),
        st.tuples(st.sampled_from(["?=", "?!", "?<=", "?<!", ""]), inner).map(
            lambda pair: f"({''.join(pair)})"
        ),
    ),
    max_leaves=8,
)
texts = st.text(st.sampled_from("ab1_ \u00e9\u0661\n\U0001f600\u00a0-\ufeff\x85\u2028\ud83dB"), max_size=8)


@given(patterns, st.lists(texts, min_size=1, max_size=6))
@example(r"(?:(?:^)?a)*", ["aa", ""])
def test_all_regex_engines_agree(pattern: str, subjects: list[str]) -> None:
    """Python's, ours, and Rust's, whose verdict is what jsonschema-rs says quickly."""
    jsonschema_rs = pytest.importorskip("jsonschema_rs", reason="jsonschema-rs is not installed")
    root = parse(pattern).root
    automaton, python, rust = Automaton(root), for_python(root), for_rust(root)
    try:
        search = None if python is None else re.compile(python).search
    except re.error:
        search = None
    fast = None
    if rust is not None:
        linear = jsonschema_rs.RegexOptions()
        fast = jsonschema_rs.validator_for({"pattern": rust}, validate_formats=False, pattern_options=linear)
    for text in subjects:
        expected = automaton.search(text, free)
        assert matches(pattern, text) is expected
        if search is not None:
            assert (search(text) is not None) is expected
        if fast is not None and "\ud83d" not in text:
            assert fast.is_valid(text) is expected
