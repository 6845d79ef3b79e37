"""A job is read as it was written; any other value is an error with a reason."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamroute.adapters.jobs.job import Job, JobState
from streamroute.errors import DecodeError, SetupError

names = st.text(st.characters(categories=["L", "N"]), max_size=20)
jobs = st.builds(
    Job,
    id=names,
    kind=names,
    who=names,
    created=st.integers(0, 10**14),
    rate=st.none() | st.floats(0.01, 1000),
    selection=st.dictionaries(names, names | st.lists(names, max_size=3), max_size=3),
    cursor=names,
    total=st.none() | st.integers(0, 10**9),
    counts=st.dictionaries(names, st.integers(0, 10**9), max_size=3),
    state=st.sampled_from(JobState),
    reason=names,
)


@given(jobs)
def test_a_job_is_read_as_it_was_written(job: Job) -> None:
    assert Job.unpack(job.pack()) == job


@given(st.binary(max_size=100))
def test_any_other_value_is_an_error(packed: bytes) -> None:
    with pytest.raises(DecodeError):
        Job.unpack(packed)


@pytest.mark.parametrize(
    "damage",
    [
        *({"id": 7}, {"created": "x"}, {"created": 10**30}, {"rate": []}, {"state": "flying"}),
        *({"counts": []}, {"counts": {"a": "b"}}, {"selection": 3}, {"total": True}),
    ],
)
def test_a_fact_of_another_kind_is_an_error(damage: dict[str, Any]) -> None:
    facts = json.loads(Job(id="a", kind="replay").pack()) | damage
    with pytest.raises(DecodeError):
        Job.unpack(json.dumps(facts).encode())


@pytest.mark.parametrize("packed", [b"[" * 60_000, b"7" * 5_000, b" " * 200_000])
def test_a_hostile_value_is_an_error(packed: bytes) -> None:
    with pytest.raises(DecodeError):
        Job.unpack(packed)


@pytest.mark.parametrize("rate", ["0", "-1", "NaN", "1e400", "true", '"5"', "9" * 400])
def test_a_rate_at_which_no_job_runs_is_an_error(rate: str) -> None:
    packed = json.dumps(json.loads(Job(id="a", kind="replay").pack()) | {"rate": "?"}).replace('"?"', rate)
    with pytest.raises(DecodeError):
        Job.unpack(packed.encode())


def test_a_selection_that_is_too_large_is_refused() -> None:
    with pytest.raises(SetupError, match="use a filter"):
        Job(id="a", kind="retry", selection={"ids": ["1700000000000-0"] * 10_000}).pack()
