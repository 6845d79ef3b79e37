"""Facts of a log record beside its text."""

from __future__ import annotations

import logging

import pytest

from streamroute.logs.record_facts import about_entry, about_failure, fields_of


def test_facts_are_attributes_of_the_record_and_hide_none_of_its_own(
    caplog: pytest.LogCaptureFixture,
) -> None:
    extra = {**about_entry({"type": "t"}), **about_failure("welcome", "ValueError")}
    logging.getLogger("streamroute.test").warning("failed", extra=extra)
    (record,) = caplog.records
    facts = vars(record)
    assert facts["about_entry"] == {"type": "t"}
    assert (facts["route"], facts["error_class"]) == ("welcome", "ValueError")
    assert fields_of(record) is None
