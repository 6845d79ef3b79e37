"""Times as text: those of records that another program wrote, too."""

from __future__ import annotations

from typing import Any

import pytest

from streamroute.text.times import time_text


def test_a_time_is_written_in_utc() -> None:
    assert time_text(1_700_000_000.9) == "2023-11-14T22:13:20+00:00"


@pytest.mark.parametrize("seconds", [0, 0.0, 1e300, float("nan"), -1e15, "soon", [7], None])
def test_what_is_not_a_time_has_no_text(seconds: Any) -> None:
    assert time_text(seconds) == ""
