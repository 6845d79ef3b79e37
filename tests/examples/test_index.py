"""The index of the examples lists each of them."""

from __future__ import annotations

import re

from repository import EXAMPLES


def test_each_example_is_listed_and_exists() -> None:
    text = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    linked = re.findall(r"^\| \[(\w+)\]\((\S+)\)", text, re.MULTILINE)
    folders = {path.name for path in EXAMPLES.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert {name for name, _ in linked} == folders
    assert [target for _, target in linked if not (EXAMPLES / target).is_file()] == []
