"""The streams to serve are those with enabled routes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from streamroute.config.load import load_config
from streamroute.errors import SetupError
from streamroute.ops.serve.served_streams import served_streams

if TYPE_CHECKING:
    from pathlib import Path

    from streamroute.config.document import Document


def document(folder: Path, *routes: str) -> Document:
    listed = "".join(f"  - {{type: t, handler: jobs.ok, {route}}}\n" for route in routes)
    file = folder / "routes.yaml"
    file.write_text(f"version: 1\nstreams: {{a: {{group: g}}, b: {{group: g}}}}\nroutes:\n{listed}")
    loaded = load_config(file).document
    assert loaded is not None
    return loaded


def test_a_stream_without_enabled_routes_is_not_served(tmp_path: Path) -> None:
    served = document(tmp_path, "name: one, stream: b", "name: two, stream: a, enabled: false")
    assert served_streams(served) == ["b"]


def test_without_any_enabled_route_there_is_nothing_to_serve(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"routes\.yaml has no enabled route: there is nothing to serve$"):
        served_streams(document(tmp_path, "name: one, stream: b, enabled: false"))
