"""Random JMESPath expressions and documents."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

NAMES = ("a", "b", "c", "tier", "tags")

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 3),
    st.sampled_from([0.0, 1.0, -1.5, 2.5]),
    st.sampled_from(["", "a", "b", "gold", "2024-05-01", "10"]),
)
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=12,
)
payloads = st.dictionaries(st.sampled_from(NAMES), documents, max_size=5)


def _literal(value: Any) -> str:
    return "`" + json.dumps(value).replace("`", "\\`") + "`"


plain_literals = st.sampled_from(["'gold'", "'a'", "''", "`1`", "`0`", "`true`", "`null`", "`[]`"])
literals = documents.map(_literal) | plain_literals
starts = st.sampled_from(["@", '"a"', "[0]", "[*]", "[]", "*", "[-1]"])
leaves = st.one_of(st.sampled_from(NAMES), starts, literals)

UNARY = (
    "!{0}", "({0})", "{0}[0]", "{0}[-1]", "{0}[*]", "{0}[]", "{0}[1:]", "{0}[::-1]", "{0}[::2]", "{0}.a",
    "{0}.*", "{0}.b.c", "{0}.[a, b]", "{0}.{{x: a, y: @}}", "[{0}]", "{{k: {0}}}", "{0} | @", "{0} | a",
    "{0} | [0]", "{0}[*].a", "{0}[].b", "{0}.*.a", "length({0})", "type({0})", "keys({0})", "values({0})",
    "to_string({0})",
    "to_number({0})", "to_array({0})", "not_null({0}, a)", "abs({0})", "sort({0})", "max({0})", "min({0})",
    "sum({0})", "avg({0})", "reverse({0})", "ceil({0})", "floor({0})", "sort_by({0}, &a)", "max_by({0}, &a)",
    "min_by({0}, &@)", "starts_with({0}, 'g')", "ends_with({0}, 'd')", "contains({0}, 'a')",
    "contains({0}, `1`)", "contains(['a', `1`], {0})", "join(',', {0})", "merge({0}, @)", "map(&a, {0})",
)  # fmt: skip
BINARY = (
    "{0} == {1}", "{0} != {1}", "{0} < {1}", "{0} <= {1}", "{0} > {1}", "{0} >= {1}", "{0} && {1}",
    "{0} || {1}",
    "{0} && {1} && a", "{0} || {1} || b", "{0} | {1}", "{0}[?{1}]", "{0}[?a == {1}]", "[{0}, {1}]",
    "contains({0}, {1})", "not_null({0}, {1})", "map(&{1}, {0})", "merge({0}, {1})", "starts_with({0}, {1})",
    "({0}) == ({1})", "({0}) && ({1})", "({0}) || ({1})", "!({0}) || {1}", "{{p: {0}, q: {1}}}",
)  # fmt: skip


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    one = st.tuples(st.sampled_from(UNARY), inner).map(lambda drawn: drawn[0].format(drawn[1]))
    two = st.tuples(st.sampled_from(BINARY), inner, inner).map(lambda drawn: drawn[0].format(*drawn[1:]))
    return one | two


expressions = st.recursive(leaves, _grown, max_leaves=6)
"""Mostly valid expressions over every construct of the language."""

SCRAPS = (
    "a", "b", "'x'", "`1`", "`{`", "1", "-1", "-", '"q"', '"\\q"', " ", "\n", ".", "*", "[", "]", "[]", "[?",
    "(", ")", "{", "}", ":", ",", "@", "&", "&&", "|", "||", "!", "!=", "=", "==", "<", "<=", ">", "'", "`",
    '"', "\\", "#", "é", "length(", "$", "a b", "[0:1]",
)  # fmt: skip
scraps = st.lists(st.sampled_from(SCRAPS), max_size=8).map("".join)
"""Mostly broken expressions."""
