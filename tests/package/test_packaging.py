"""What is installed is what is in the tree."""

from __future__ import annotations

import tomllib
from importlib.metadata import entry_points
from typing import Any

import pytest
from setuptools import find_packages

import streamroute
from repository import ROOT

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_every_package_is_listed() -> None:
    found = {
        ".".join(path.parent.relative_to(ROOT).parts) for path in ROOT.glob("streamroute/**/__init__.py")
    }
    include = PROJECT["tool"]["setuptools"]["packages"]["find"]["include"]
    assert set(find_packages(str(ROOT), include=include)) == found | {"streamroute.schemas"}


def test_every_data_file_is_shipped() -> None:
    """Whatever is no Python in a package is named by the package's data patterns."""
    data = PROJECT["tool"]["setuptools"]["package-data"]
    shipped = {
        path
        for package, patterns in data.items()
        for pattern in patterns
        for path in ROOT.joinpath(*package.split(".")).glob(pattern)
    }
    found = {
        path
        for folder in ("streamroute", "streamroute/schemas")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix not in {".py", ".pyc"}
    }
    assert {str(path) for path in found - shipped} == set()


def test_no_test_file_is_shipped_without_its_helpers() -> None:
    """It adds ``tests/test*.py`` to each source distribution, without what those need."""
    assert list((ROOT / "tests").glob("test*.py")) == []


def test_the_version_is_declared_in_one_place() -> None:
    assert PROJECT["project"]["version"] == streamroute.__version__


def test_public_names_can_be_imported() -> None:
    for name in streamroute.__all__:
        assert getattr(streamroute, name) is not None


def test_type_checkers_report_missing_public_names() -> None:
    with pytest.raises(AttributeError, match="no attribute 'RedisRoutr'"):
        streamroute.RedisRoutr  # type: ignore[attr-defined]  # noqa: B018 - mypy tells of an idle ignore


def test_the_console_script_can_be_loaded() -> None:
    for script in entry_points(group="console_scripts", name="streamroute"):
        assert callable(script.load())
