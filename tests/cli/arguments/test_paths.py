"""The file that a command uses, and the error if there is none."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from streamroute.cli.arguments.paths import config_path, config_path_if_any


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def refusal(given: str | None) -> str:
    with pytest.raises(click.UsageError) as caught:
        config_path(given)
    return caught.value.message


def test_a_file_with_the_other_suffix_is_suggested() -> None:
    Path("routes.yml").touch()
    assert refusal(None) == "there is no routes.yaml in this folder; did you mean routes.yml? name it"
    assert refusal("routes.yaml") == refusal(".") == "routes.yaml does not exist; did you mean routes.yml?"
    assert config_path("routes.yml") == Path("routes.yml")


def test_the_nearest_name_is_suggested() -> None:
    Path("shop").mkdir()
    Path("shop/orders.yaml").touch()
    assert refusal("shop/order.yaml") == "shop/order.yaml does not exist; did you mean shop/orders.yaml?"
    assert refusal("shop/billing.yaml") == "shop/billing.yaml does not exist"


def test_a_folder_with_the_name_of_the_file_is_reported() -> None:
    Path("routes.yaml").mkdir()
    assert refusal(None) == "routes.yaml is a folder without a routes.yaml; rename one of them"
    assert refusal("routes.yaml") == refusal(None)
    assert refusal(".") == "routes.yaml is a folder, not a file"
    Path("routes.yaml/routes.yaml").touch()
    assert config_path("routes.yaml") == Path("routes.yaml/routes.yaml")


def test_no_configuration_is_a_usage_error() -> None:
    assert refusal(None) == "there is no routes.yaml in this folder; name one, or run: streamroute init"
    assert refusal("absent") == "absent does not exist"


def test_a_folder_with_the_name_of_a_file_may_stand_where_the_file_was() -> None:
    for name in ("routes.yaml", "shop.yml", "shop"):
        Path(name).mkdir()
    assert config_path_if_any(None, may_be_missing=True) == Path("routes.yaml")
    assert config_path_if_any("shop.yml", may_be_missing=True) == Path("shop.yml")
    assert config_path_if_any("shop", may_be_missing=True) == Path("shop/routes.yaml")
    with pytest.raises(click.UsageError):
        config_path_if_any("shop.yml", may_be_missing=False)
