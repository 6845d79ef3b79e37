"""The names of retries, as records write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamroute.adapters.entries.retry_record import RetryRecord
from streamroute.adapters.retries.retry_name import RetryName

plain = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="|,"), min_size=1, max_size=40)


@given(
    st.integers(0, 2**40),
    st.frozensets(plain, max_size=3),
    st.integers(1, 1000),
    st.none() | st.from_regex(r"[a-z0-9]{8}", fullmatch=True),
)
def test_a_name_is_read_as_it_was_written(
    number: int, routes: frozenset[str], attempt: int, replay: str | None
) -> None:
    record = RetryRecord(f"{number}-0", routes, attempt, {}, replay=replay)
    assert RetryName.parse(record.name) == (f"{number}-0", tuple(sorted(routes)), attempt, replay)


def test_a_route_may_have_a_bar_in_its_name() -> None:
    assert RetryName.parse("1-0|a|b|2") == ("1-0", ("a|b",), 2, None)


@pytest.mark.parametrize("name", ["", "x", "1-0|a", "1-0|a|x", "x" * 100_000, "1-0|a|99999999999"])
def test_the_name_of_another_program_has_no_route_and_no_attempt(name: str) -> None:
    parsed = RetryName.parse(name)
    assert (parsed.routes, parsed.attempt) == ((), 0)
    assert len(parsed.id) <= 200
