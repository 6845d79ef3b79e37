"""The filters that all templates share."""

from __future__ import annotations

import pytest
from jinja2 import TemplateNotFound, UndefinedError

from streamroute.board.templating import (
    address_part,
    ago,
    bounded,
    count,
    create_environment,
    duration,
    moment,
    rate,
    until,
)
from streamroute.text.counted import counted


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (0, "0 ms"),
        (0.0034, "3.4 ms"),
        (1.25, "1.25 s"),
        (119, "119 s"),
        (121, "2 min"),
        (7300, "2 h"),
        (86_400 * 9, "9 d"),
    ],
)
def test_a_duration_has_the_largest_unit_that_fits(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("per_second", "text"), [(None, "-"), (0, "0"), (0.05, "3/min"), (0.1, "0.1/s"), (1234.5, "1.23e+03/s")]
)
def test_a_rate_has_a_unit(per_second: float | None, text: str) -> None:
    assert rate(per_second) == text.replace("1.23e+03", "1,234")


def test_numbers_times_and_ages() -> None:
    assert count(1234567) == "1,234,567"
    assert count(None) == "-"
    assert counted(2000, "dead letter") == "2,000 dead letters"
    assert moment(1_700_000_000_000) == "2023-11-14 22:13:20"
    assert moment(10**18) == moment(None) == "-"
    assert ago(1000, 4000) == '<time title="1970-01-01 00:00:01 UTC">3 s ago</time>'
    assert ago(None, 0) == "-"
    assert until(None, 0) == "-"
    assert until(2000, 1000) == "in 1 s"
    assert until(1000, 1000) == "now"
    assert len(bounded("x" * 100_000)) <= 20_000


def test_values_are_escaped_and_must_exist() -> None:
    environment = create_environment()
    assert environment.from_string("{{ x }}").render(x="<b>") == "&lt;b&gt;"
    with pytest.raises(UndefinedError):
        environment.from_string("{{ missing }}").render()
    with pytest.raises(TemplateNotFound):
        environment.get_template("../service.py")


def test_values_from_others_make_no_page_fail() -> None:
    assert [moment(value) for value in (float("inf"), float("nan"), 1e300, -1e300)] == ["-"] * 4
    assert [count(value) for value in (float("inf"), float("nan"))] == ["-", "-"]
    assert rate(float("inf")) == "-/s"
    assert address_part("a/b?\ud800 c") == "a%2Fb%3F%3F%20c"
