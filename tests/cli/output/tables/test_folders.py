"""The folder that paths share."""

from __future__ import annotations

import pytest

from streamroute.cli.output.tables.folders import common_folder


@pytest.mark.parametrize(
    ("paths", "folder"),
    [
        ([], ""),
        (["routes.yaml:1"], ""),
        (["a/b/routes.yaml:1"], "a/b/"),
        (["a/bc/x", "a/bd/x"], "a/"),
        (["/a/x", "/b/x"], "/"),
        (["a/x", "a/x"], "a/"),
        (["a/b/x", "a/b"], "a/"),
        (["a/x", "-"], ""),
    ],
)
def test_the_folder(paths: list[str], folder: str) -> None:
    assert common_folder(paths) == folder
