"""The parts that several scripts include: each line is replaced, and each part is used."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from streamroute.adapters.lua import parts
from streamroute.adapters.redis.scripts import script

LUA = Path(str(parts.__file__)).parent.parent
PARTS = {file.stem: file.read_text("utf-8") for file in (LUA / "parts").glob("*.lua")}
SCRIPTS = {
    str(file.relative_to(LUA).with_suffix("")): file.read_text("utf-8")
    for file in LUA.rglob("*.lua")
    if file.parent.name != "parts"
}
"""By the name under which a script is run: a room's begin with its folder."""


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_has_the_text_of_its_parts(name: str) -> None:
    included = re.findall(r"^-- include (\w+)$", SCRIPTS[name], re.MULTILINE)
    text = script(name).text
    assert "-- include" not in text
    assert [text.count(PARTS[part]) for part in included] == [1] * len(included)


@pytest.mark.parametrize("part", PARTS)
def test_several_scripts_include_a_part(part: str) -> None:
    assert sum(f"-- include {part}\n" in text for text in SCRIPTS.values()) > 1
    assert all(text.count(PARTS[part]) == 0 for text in SCRIPTS.values())
