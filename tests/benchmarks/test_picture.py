"""The picture of the README shows the figures of the page about speed."""

from __future__ import annotations

import re

import pytest
from picture import PAGE, PICTURE, TITLE, bars, rates


def test_the_picture_is_that_of_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert PICTURE.read_text(encoding="utf-8") == bars(TITLE, rates(page)), (
        "run python tests/benchmarks/picture.py"
    )


def test_the_rates_are_those_of_the_table_of_throughput() -> None:
    heads = "| no-op async handlers | messages/s | ratio |\n| --- | ---: | ---: |\n"
    rows = "| bare loop | 1,200 | 1.00 |\n| ours | 2,400 | 2.00 |\n"
    page = f"| other |\n| --- |\n| 1 | 2 |\n\n{heads}{rows}\n| 3 | 4 |\n"
    assert rates(page) == [("bare loop", 1_200), ("ours", 2_400)]


def test_a_page_without_the_table_is_refused() -> None:
    with pytest.raises(ValueError, match="no table of throughput"):
        rates("# Speed\n")


def test_bars_are_to_scale() -> None:
    drawn = bars("a & b", [("half", 50.2), ("streamroute", 100.4), ("none", 0)])
    half, whole, none = map(int, re.findall(r'width="(\d+)" height="20"', drawn))
    assert (half * 2, none) == (whole, 1)
    texts = re.findall(r"<text [^>]*>([^<]*)</text>", drawn)
    assert texts == ["a &amp; b", "half", "50", "streamroute", "100", "none", "0"]
