"""The search for the files of a wildcard: what a hostile pattern may cost."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamroute.config.files.search import FileSearch
from streamroute.system.files import FileReader


@pytest.mark.timeout(60)
@pytest.mark.parametrize("part", ["[" * 200_000, "[[" * 1_000, "*a" * 100_000, "[!" * 999], ids=len)
def test_a_pattern_of_brackets_takes_linear_time(tmp_path: Path, part: str) -> None:
    """Each bracket that is not closed is looked for to the end of the pattern, for each folder."""
    for number in range(100):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "a.yaml").touch()
    assert FileSearch(FileReader(tmp_path)).find(f"**/{part}", str(tmp_path)) == []


def test_each_folder_is_searched_for_the_part_that_follows(tmp_path: Path) -> None:
    for name in ("a/one.yaml", "b/two.yaml", "b/[x].yaml"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    search = FileSearch(FileReader(tmp_path))
    assert search.find("**/[ot]*.yaml", str(tmp_path)) == ["a/one.yaml", "b/two.yaml"]
    assert search.find("b/[[]x].yaml", str(tmp_path)) == ["b/[x].yaml"]
