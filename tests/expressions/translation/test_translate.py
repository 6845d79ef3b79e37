"""What is offered for a condition from other languages is JMESPath, and means what was meant."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expression_cases import expressions, scraps
from streamroute.expressions.filters import compile_filter
from streamroute.expressions.lint import check_expression
from streamroute.expressions.syntax.parser import parse
from streamroute.expressions.translation.translate import MAX_ADVICE_LENGTH, translate
from streamroute.expressions.types.check import check_types

GOLD: Any = {
    "type": "t",
    "tier": "gold",
    "nights": 3,
    "tags": ["a"],
    "name": "Ada",
    "vip": True,
    "guest": {"x": 1},
    "items": [{"price": 9}],
}
TIN: Any = {
    "type": "t",
    "tier": "tin",
    "nights": 9,
    "tags": ["b"],
    "name": "Bob",
    "vip": False,
    "guest": {"x": 2},
    "items": [{"price": 9}],
}

FOREIGN = [
    ("tier = 'gold' and nights < 5", "tier == 'gold' && nights < `5`"),
    ('tier == "gold" && nights =< 5', "tier == 'gold' && nights <= `5`"),
    ("nights => 3 and nights <= 3", "nights >= `3` && nights <= `3`"),
    ("nights =! 9", "nights != `9`"),
    ("nights <> 9", "nights != `9`"),
    ("tier === 'gold'", "tier == 'gold'"),
    ("tier !== 'tin'", "tier != 'tin'"),
    ("nights >== 3 && vip", "nights >= `3` && vip"),
    ("nights <== 3", "nights <= `3`"),
    ("tier = 'gold' or 'silver'", "tier == 'gold' || tier == 'silver'"),
    ("tier != 'tin' and 'zinc'", "tier != 'tin' && tier != 'zinc'"),
    ("tier in ['gold', 'silver']", "contains(['gold', 'silver'], tier)"),
    ('tier in ("gold", "silver")', "contains(['gold', 'silver'], tier)"),
    ("tier not in ['tin'] and vip", "!contains(['tin'], tier) && vip"),
    ("'a' in tags", "contains(tags, 'a')"),
    ("not 'b' in tags", "!contains(tags, 'b')"),
    ("nights between 1 and 5", "nights >= `1` && nights <= `5`"),
    ("nights not between 4 and 10", "!(nights >= `4` && nights <= `10`)"),
    ("name like 'A%'", "starts_with(name, 'A')"),
    ("name like '%da'", "ends_with(name, 'da')"),
    ("name like '%d%'", "contains(name, 'd')"),
    ("name not like 'B%'", "!starts_with(name, 'B')"),
    ("name.startsWith('A') & vip", "starts_with(name, 'A') && vip"),
    ("startswith(name, 'A') and vip", "starts_with(name, 'A') && vip"),
    ("len(name) == 3 and tier != 'tin'", "length(name) == `3` && tier != 'tin'"),
    ("vip is true", "vip == `true`"),
    ("guest is not null and vip", "guest != `null` && vip"),
    ("coupon is null and vip is not False", "coupon == `null` && vip != `false`"),
    ("not tier == 'tin'", "!(tier == 'tin')"),
    ("not (tier = 'tin' or nights > 5)", "!(tier == 'tin' || nights > `5`)"),
    ("$.guest.x == 1", "guest.x == `1`"),
    ("guest?.x == 1", "guest.x == `1`"),
    ("guest['x'] == 1", "guest.x == `1`"),
    ("tags.0 = 'a'", "tags[0] == 'a'"),
    ("if vip and tags[0] == 'a';", "vip && tags[0] == 'a'"),
    ("tier EQ 'gold' AND nights LT 5", "tier == 'gold' && nights < `5`"),
    ("exists(coupon) or vip", "coupon != `null` || vip"),
    ("exists(items[?price > 8]) and vip", "items[?price > `8`] && vip"),
    ("is_null(coupon) and vip", "coupon == `null` && vip"),
    ("isempty(coupon) and vip", "!coupon && vip"),
    ("coupon is empty and guest is not missing and vip", "!coupon && guest != `null` && vip"),
    ("payload.nights > 1 and payload.vip", "nights > `1` && vip"),
    ("payload.get('nights') == 3", "nights == `3`"),
    ("$.data.nights == 3", "nights == `3`"),
    ("'nights' == 3", "nights == `3`"),
    ("tags.length > 0 and vip", "length(tags) > `0` && vip"),
    ("sum(items.price) == 9 and vip", "sum(items[*].price) == `9` && vip"),
    ("sum(items[].price) == 9 and vip", "sum(items[].price) == `9` && vip"),
    ("tier == \u201cgold\u201d", "tier == 'gold'"),
    ("{{ nights }} == 3", "nights == `3`"),
    ("return nights == 3", "nights == `3`"),
    (".tier == 'gold' and .vip", "tier == 'gold' && vip"),
    ("{{ .tier }} == 'gold'", "tier == 'gold'"),
    ("${tier} == 'gold'", "tier == 'gold'"),
    ('."tier" == "gold"', "tier == 'gold'"),
    (".tags | length > 0 and .vip", "length(tags) > `0` && vip"),
    ('.tags | contains(["a"])', "contains(tags, 'a')"),
    ("(.nights | tonumber) < 5", "to_number(nights) < `5`"),
    ('.name | startswith("A")', "starts_with(name, 'A')"),
    ("select(.vip) and .nights < 5", "vip && nights < `5`"),
    ('eq .tier "gold"', "tier == 'gold'"),
    ("lt .nights 5", "nights < `5`"),
    ("(nights < 5) & (vip == True)", "(nights < `5`) && (vip == `true`)"),
    ("nights < 5 && ~(vip == False)", "nights < `5` && !(vip == `false`)"),
    ("(tier == 'gold') | (nights == 3)", "(tier == 'gold') || (nights == `3`)"),
    ("1 <= nights < 5", "`1` <= nights && nights < `5`"),
    ("tier in {'gold', 'silver'}", "contains(['gold', 'silver'], tier)"),
    ("['gold', 'silver'].includes(tier) && vip", "contains(['gold', 'silver'], tier) && vip"),
    ("!tags.includes('b')", "!contains(tags, 'b')"),
    ("tags.indexOf('a') !== -1", "contains(tags, 'a')"),
    ("tags.indexOf('b') < 0", "!contains(tags, 'b')"),
    ("typeof nights === 'number' && vip", "type(nights) == 'number' && vip"),
    ("Math.abs(nights) < 5", "abs(nights) < `5`"),
    ("Object.keys(guest).length > 0 && vip", "length(keys(guest)) > `0` && vip"),
    ("int(nights) < 1_0 and vip", "to_number(nights) < `10` && vip"),
    ('col("tier").isin("gold", "silver")', "contains(['gold', 'silver'], tier)"),
    ("guest.isNotNull() and vip", "guest != `null` && vip"),
    ("array_contains(tags, 'a') and vip", "contains(tags, 'a') && vip"),
    ("nvl(tier, '') = 'gold'", "not_null(tier, '') == 'gold'"),
    ("name starts with 'A'", "starts_with(name, 'A')"),
    ("name ends with 'da'", "ends_with(name, 'da')"),
]


@pytest.mark.parametrize(("foreign", "meant"), FOREIGN)
def test_conditions_of_other_languages_are_translated(foreign: str, meant: str) -> None:
    [first, *_] = check_expression(foreign)
    assert first.help == f"write {meant}"
    accepts = compile_filter(meant)
    assert accepts(GOLD)
    assert not accepts(TIN)


@pytest.mark.parametrize(
    "expression",
    [
        "tier == 'gold'",  # is JMESPath already
        "a | b = 1",
        "tags | [0] = @",
        ".a | foo",
        "a.indexOf('x') > 3",
        "tier in [gold, silver]",  # strings, or fields
        "tier = 'gold' and 'silver'",
        "name like 'A_a'",
        "a + b > 3",
        "items.some(i => i.x == 1)",
        "a ? b : c",
        "lower(name) = 'x'",
        "a is null or missing",
        "tier = 'gold' or 'silver' and vip",
        "a[",
        "a.b.",
        "(a = 1",
        "a = 1)",
        "x" * (2 * MAX_ADVICE_LENGTH + 1) + " = 1",
        "(" * 70 + "a = 1" + ")" * 70,
    ],
)
def test_ambiguous_text_is_not_translated(expression: str) -> None:
    assert translate(expression) is None


_PARTS = (
    "a", "guest.tier", " in ", " is ", " not ", " between ", " and ", " or ", " like ", "null", "true",
    "empty", "1", "3.5", "-1", "2024-01-01", "'x'", "'%x%'", '"q"', "`1`", "[", "]", "[0]", "(", ")", ",",
    ".", "len(", ".startsWith(", "$.", "?.", "??", "=", "===", "=>", "<>", "&", "!", "if ", ";", "@", "*",
)  # fmt: skip


@given(st.lists(st.sampled_from(_PARTS), min_size=1, max_size=9).map("".join) | scraps | expressions)
def test_translations_have_no_problems(expression: str) -> None:
    offered = translate(expression)
    if offered is not None:
        assert check_expression(offered) == []
        assert check_types(parse(offered)) == []
        assert len(offered) <= MAX_ADVICE_LENGTH
        assert translate(offered) is None
