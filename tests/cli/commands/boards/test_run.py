"""The names of services, which are parts of addresses."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from streamroute.cli.commands.boards.run import service_names

if TYPE_CHECKING:
    from streamroute.config.document import Document


@pytest.mark.parametrize(
    ("folders", "names"),
    [
        (["shop", "billing"], ["shop", "billing"]),
        (["a/shop", "b/shop", "c/shop"], ["shop", "shop-2", "shop-3"]),
        (["shop-2", "shop", "b/shop"], ["shop-2", "shop", "shop-3"]),
        (["static", "metrics", "api"], ["static-2", "metrics-2", "api-2"]),
        (["\u00e9\u00e9", ".."], ["service", "service-2"]),
    ],
)
def test_each_service_has_an_address_of_its_own(folders: list[str], names: list[str]) -> None:
    documents = [cast("Document", SimpleNamespace(folder=Path("/", folder))) for folder in folders]
    assert service_names(documents) == names
