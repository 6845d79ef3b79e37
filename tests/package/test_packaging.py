"""What is installed is what is in the tree, and what the tests need is installed with them."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, entry_points, packages_distributions, requires
from typing import Any, Final

import pytest
from setuptools import find_packages

import streamroute
from repository import ROOT
from streamroute.config.json_schema import schema_text
from streamroute.manual.addresses import REPOSITORY, SITE, topic_url

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


def test_the_project_s_addresses_are_a_site_of_documentation_and_a_repository() -> None:
    urls = PROJECT["project"]["urls"]
    assert {"Changelog", "Documentation", "Homepage", "Issues", "Source"} == urls.keys()
    assert urls["Documentation"] == SITE
    assert urls["Homepage"] == urls["Source"] == REPOSITORY
    assert urls["Changelog"] == topic_url("about/changelog")
    assert urls["Issues"] == f"{REPOSITORY}/issues"


@pytest.mark.parametrize("name", ["routes", "tests"])
def test_a_schema_s_id_is_an_address_with_its_version(name: str) -> None:
    """It is where the documentation site has it, so that an index of schemas can refer to it."""
    schema = json.loads(schema_text(f"{name}.schema.json"))
    assert schema["$id"] == f"{PROJECT['project']['urls']['Documentation']}schemas/{name}.v1.json"
    assert schema["title"].endswith("version 1")


def test_public_names_can_be_imported() -> None:
    for name in streamroute.__all__:
        assert getattr(streamroute, name) is not None


def test_type_checkers_report_missing_public_names() -> None:
    with pytest.raises(AttributeError, match="no attribute 'RedisRoutr'"):
        streamroute.RedisRoutr  # type: ignore[attr-defined]  # noqa: B018 - mypy tells of an idle ignore


def test_the_console_script_can_be_loaded() -> None:
    for script in entry_points(group="console_scripts", name="streamroute"):
        assert callable(script.load())


# What the tests import

IMPORT: Final = re.compile(r"^(?:from|import) (\w+)", re.MULTILINE)
"""An import that runs when its module is imported."""
FOLDERS: Final = [*(ROOT / "tests").glob("*"), *(ROOT / "tests" / "support").glob("*")]
OPTIONAL: Final = {"aiogram", "arq", "fastapi", "uvloop"}  # of modules that skip themselves without it
HANDLERS: Final = {"jobs"}  # in the texts of projects that tests write


def name_of(requirement: str) -> str:
    """Return the name of the distribution, as it is compared."""
    return re.split(r"[\[><=;! ]", requirement)[0].lower().replace("_", "-")


def installed_for_tests() -> set[str]:
    """Return the distributions that the README's command for the tests installs, with what they require."""
    project = PROJECT["project"]
    extras = project["optional-dependencies"]
    found: set[str] = set()  # requirements, with their extras
    waiting = [*project["dependencies"], *extras["embedded"], *extras["test"]]
    while waiting:
        requirement = waiting.pop()
        if requirement not in found:
            found.add(requirement)
            requirements = requirements_of(name_of(requirement))
            waiting += [each for each in requirements if is_of(each, requirement)]
    return {name_of(requirement) for requirement in found}


def is_of(each: str, requirement: str) -> bool:
    """Whether what a distribution requires is installed with it, given the extras of the requirement."""
    extra = re.search(r"""extra == ["']([^"']+)""", each)
    return extra is None or f"[{extra[1]}]" in requirement


def requirements_of(name: str) -> list[str]:
    """Return what a distribution requires; nothing if it is not installed."""
    try:
        return requires(name) or []
    except PackageNotFoundError:  # it is for other systems
        return []


def test_every_import_of_the_tests_is_of_a_declared_package() -> None:
    files = [*(ROOT / "tests").rglob("test_*.py"), *(ROOT / "tests" / "support").rglob("*.py")]
    own = {path.stem for path in (ROOT / "tests").rglob("*.py")} | {
        folder.name for folder in FOLDERS if folder.is_dir()
    }
    imported = {name for file in files for name in IMPORT.findall(file.read_text(encoding="utf-8"))}
    others = imported - sys.stdlib_module_names - own - OPTIONAL - HANDLERS - {"streamroute"}
    distributions, declared = packages_distributions(), installed_for_tests()
    undeclared = {
        name for name in others if not declared & {name_of(each) for each in distributions.get(name, [])}
    }
    assert {"hypothesis", "redis"} <= others
    assert undeclared == set()
