"""What a reload cannot change is refused with its place in the new file, and shows no password."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamroute.compiler.pipeline import check_path, cold_changes
from streamroute.config.document import Document

RUNNING = """
version: 1
redis: {url: "redis://:secret@localhost"}
streams: {events: {group: shop}, idle: {group: shop}}
routes: [{name: a, stream: events, type: t, handler: streamroute.handlers.log}]
"""


DIFFERS = "differs from that of the running service"


def document(folder: Path, text: str, **env: str) -> Document:
    (folder / "routes.yaml").write_text(text)
    found = check_path(folder, env=env).document
    assert found is not None
    return found


def changes(folder: Path, before: str, after: str, **env: str) -> list[str]:
    running = document(folder, before, **env)
    return [
        str(found).removeprefix(str(folder / "routes.yaml"))
        for found in cold_changes(running, document(folder, after))
    ]


@pytest.mark.parametrize(
    "change",
    [
        ("group: shop}, idle", "group: shop, lease: 5s}, idle"),
        ("idle: {group: shop}", "idle: {group: desk}"),
        ("idle: {group: shop}", "idle: {group: shop}, more: {group: desk}"),
        ("events: {group: shop}, ", ""),
    ],
)
def test_everything_else_may_change(tmp_path: Path, change: tuple[str, str]) -> None:
    assert changes(tmp_path, RUNNING, RUNNING.replace(*change)) == []


def test_the_group_of_a_consumed_stream(tmp_path: Path) -> None:
    after = RUNNING.replace("events: {group: shop}", "events: {group: desk}")
    assert changes(tmp_path, RUNNING, after) == [
        f':4:27: error[SR508]: group "desk" of stream "events" {DIFFERS}, "shop"'
    ]


def test_the_group_in_the_defaults_and_the_default_group(tmp_path: Path) -> None:
    before = RUNNING.replace("streams:", "defaults: {group: shop}\nstreams:").replace(
        "{group: shop}, idle", ", idle"
    )
    in_defaults = changes(tmp_path, before, before.replace("defaults: {group: shop}", "defaults: {group: x}"))
    assert in_defaults == [f':4:19: error[SR508]: group "x" of stream "events" {DIFFERS}, "shop"']
    [by_default] = changes(tmp_path, before, before.replace("defaults: {group: shop}\n", ""))
    assert by_default.startswith(':4:11: error[SR508]: group "')


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (('"redis://:secret@localhost"', '"redis://:hidden@elsewhere"'), ":3:14"),
        (('redis: {url: "redis://:secret@localhost"}\n', ""), ":2:1"),
    ],
)
def test_the_server(tmp_path: Path, change: tuple[str, str], place: str) -> None:
    [found] = changes(tmp_path, RUNNING, RUNNING.replace(*change))
    assert found == f"{place}: error[SR508]: the Redis URL {DIFFERS}"
