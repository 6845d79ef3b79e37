"""Which settings of a stream's consumer differ between two configurations."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamroute.compiler.pipeline import check_path
from streamroute.config.document import StreamConfig
from streamroute.services.stream_changes import changed_settings


def stream(folder: Path, settings: str) -> StreamConfig:
    file = folder / "routes.yaml"
    file.write_text(f"version: 1\nstreams: {{events: {{{settings}}}}}\nroutes: []\n")
    document = check_path(file).document
    assert document is not None
    return document.streams["events"]


@pytest.mark.parametrize(
    "same", ["codec: fields", "retry: {max_attempts: 9}", "unknown_type: dead_letter", "validate: true"]
)
def test_settings_of_a_pipeline_change_no_consumer(tmp_path: Path, same: str) -> None:
    assert changed_settings(stream(tmp_path, "group: g"), stream(tmp_path, f"group: g, {same}")) == set()


def test_changed_settings_of_the_consumer_are_returned(tmp_path: Path) -> None:
    old = stream(tmp_path, "group: g, lease: 60s, order_by: a")
    new = stream(tmp_path, "lease: 20s, concurrency: 3, order_by: a, group: g")
    assert changed_settings(old, new) == {"lease", "stall", "concurrency"}
