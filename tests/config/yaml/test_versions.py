"""Where YAML 1.1 and 1.2 read a text otherwise it is refused, whichever parser PyYAML has."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from depth import examples
from streamroute.config.files.loader import LoadedFile, load_text

PARTS = [
    *("a", "b", "k: ", "x: ", "- ", "? ", ": ", ":", "?", "!", "! ", "!!str ", "&A ", "*A", "'q'", '"q"'),
    *(
        "[",
        "]",
        "{",
        "}",
        ",",
        ", ",
        "#",
        " # c",
        "|",
        ">-",
        "\n",
        "\n ",
        "\n  ",
        " ",
        "1",
        "0o7",
        "~",
        "true",
    ),
    *("<<: ", "---\n", "`", "x#y", "\u2028", "\x85", "\ufeff", "="),
]


def read(text: str, *, pure: bool = False) -> LoadedFile:
    with pytest.MonkeyPatch.context() as patch:
        if pure:
            patch.delattr(yaml, "CSafeLoader", raising=False)
        return load_text(text, "routes.yaml")


def data(loading: LoadedFile) -> Any:
    """What a text means; None for one that is refused."""
    return None if loading.source is None or loading.findings else loading.source.data


@pytest.mark.parametrize("pure", [False, True])
@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("a: {?foo: 1}", 5),
        ("a: [?foo]", 5),
        ("a: {x: 1, ?y}", 11),
        ("a: ! 12", 4),
        ("a: !", 4),
        ("a: [! true]", 5),
        ("a: &x ! 12", 4),
        ("! a: 1", 1),
        ("a: !<!> 12", 4),
        ("a: b\x85", 5),
        ("a: b\u2028c: d", 5),
        ("a: 'b\x85c'", 6),
        ("# c\u2029a: b", 4),
        ('a: "b"#c', 7),
        ("a: [b]#c", 7),
        ("a: {b: [c]}#d", 12),
    ],
)
def test_scalars_that_yaml_versions_read_differently_are_refused(text: str, column: int, pure: bool) -> None:
    [found] = read(text, pure=pure).findings
    assert (found.code, found.span.line, found.span.column) == ("SR031", 1, column)
    assert found.help


@pytest.mark.parametrize("pure", [False, True])
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: ?foo", "?foo"),
        ("a: {? foo : 1}", {"foo": 1}),
        ('a: {"?foo": 1}', {"?foo": 1}),
        ("a: 'x?y'", "x?y"),
        ("a: ! 'b'", "b"),
        ("a: ! '12'", "12"),
        ('a: &x ! "12"', "12"),
        ("a: ! |-\n  12", "12"),
        ("a: '! 12'", "! 12"),
        ("a: b!", "b!"),
        ("a: 'b\u2028c'", "b\u2028c"),
        ('a: "b]#c"', "b]#c"),
        ("a: b]#c", "b]#c"),
        ("a: [b] #c", ["b"]),
        ("a: |\n  x\n   \n", "x\n \n"),
        ("a: on", "on"),
        ("a: 0755", 755),
    ],
)
def test_scalars_that_yaml_versions_read_alike_are_read(text: str, value: Any, pure: bool) -> None:
    assert data(read(text, pure=pure)) == {"a": value}


@settings(max_examples=examples(3), deadline=None)
@given(st.lists(st.sampled_from(PARTS), min_size=1, max_size=10).map("".join))
def test_both_yaml_parsers_agree(text: str) -> None:
    """One may refuse what the other takes, such as a tab between two words."""
    ours, theirs = data(read(text)), data(read(text, pure=True))
    assert ours == theirs or ours is None or theirs is None
