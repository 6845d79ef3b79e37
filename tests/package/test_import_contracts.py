"""The import contracts name every part of a room, so that a new one gets a layer."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import streamroute

PACKAGE = Path(streamroute.__file__).parent
CONTRACTS: list[dict[str, Any]] = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())["tool"][
    "importlinter"
]["contracts"]
ROOMS = [contract for contract in CONTRACTS if contract["type"] == "layers" and "containers" in contract]


def has_rooms(folder: Path) -> bool:
    return any(path.parent != folder for path in folder.rglob("*.py"))


def test_the_layers_of_a_room_are_exhaustive() -> None:
    assert [contract["name"] for contract in ROOMS if contract.get("exhaustive") is not True] == []
    assert [contract["name"] for contract in ROOMS if contract.get("exhaustive_ignores")] == []


def test_every_folder_with_rooms_has_layers() -> None:
    folders = [path for path in PACKAGE.iterdir() if path.is_dir() and has_rooms(path)]
    layered = {container for contract in ROOMS for container in contract["containers"]}
    assert {f"streamroute.{path.name}" for path in folders} <= layered
    assert "streamroute" in layered
