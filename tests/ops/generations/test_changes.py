"""What changed from one configuration to another."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamroute.config.document import Document
from streamroute.config.load import load_config
from streamroute.ops.generations.changes import Changes, changed_routes

BASE = """version: 1
redis: {url: "redis://:s3cret@localhost"}
streams: {a: {group: g}, b: {group: g}}
messages: {t: {schema: {type: object}}}
routes:
  - {name: one, stream: a, type: t, handler: shop.one}
  - {name: two, stream: a, type: t, handler: shop.two, with: {n: 1, 2: x}}
  - {name: three, stream: [a, b], type: t, handler: shop.three}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def document(folder: Path, text: str = BASE) -> Document:
    path = folder / "routes.yaml"
    path.write_text(text, encoding="utf-8")
    loaded = load_config(path, env={"G": "h"}).document
    assert loaded is not None
    return loaded


def changes(folder: Path, *edits: tuple[str, str]) -> Changes:
    text = BASE
    for before, after in edits:
        assert before in text
        text = text.replace(before, after)
    return changed_routes(document(folder), document(folder, text))


def test_only_places_and_comments_differ(folder: Path) -> None:
    found = changes(folder, ("version: 1", "# moved\n\nversion: 1"), ("{n: 1, 2: x}", "{2: x, n: 1}"))
    assert not found
    assert str(found) == "no route, stream or message changed"


@pytest.mark.parametrize(
    ("edits", "text"),
    [
        ([("shop.one", "shop.uno")], "1 route changed: one"),
        ([("{n: 1", "{n: true")], "1 route changed: two"),
        ([("{n: 1", "{n: 1.5"), ("[a, b]", "b")], "2 routes changed: two, three"),
        ([("name: one", "name: uno")], "1 route added: uno; 1 route removed: one"),
        ([("name: one", "name: uno, formerly: [x, one]")], "1 route renamed: one -> uno"),
        ([("name: one", "name: uno, formerly: two")], "1 route added: uno; 1 route removed: one"),
        ([("a: {group: g}", "a: {group: g, concurrency: 3}")], "1 stream changed: a"),
        ([("a: {group: g}", "a: {group: h}"), ("b: {group: g}", "b: {group: h}")], "2 streams changed: a, b"),
        ([("a: {group: g}", 'a: {group: "${G}"}')], "1 stream changed: a"),
        ([("a: {group: g}, ", ""), ("stream: a", "stream: b")],
         "2 routes changed: one, two; 1 stream removed: a"),
        ([("{type: object}", "{type: [object]}")], "1 message changed: t"),
        ([("{t: {schema: {type: object}}}", "{u: {}}")], "1 message added: u; 1 message removed: t"),
        ([("s3cret", "other"), ("version: 1", "version: 1\ncontainer: shop.build")],
         "redis, container changed"),
        ([("version: 1", "version: 1\nhandlers: {allow: [shop]}")], "handlers changed"),
        ([("one", "x"), ("two", "one"), ("name: x", "name: two"), ("shop.x", "shop.two"),
          ("{name: one, stream: a, type: t, handler: shop.one, with: {n: 1, 2: x}}",
           "{name: one, stream: a, type: t, handler: shop.one}"),
          ("handler: shop.two}", "handler: shop.two, with: {n: 1, 2: x}}")],
         "routes reordered"),
    ],
)  # fmt: skip
def test_what_changed_is_named(folder: Path, edits: list[tuple[str, str]], text: str) -> None:
    assert str(changes(folder, *edits)) == text


def test_many_and_long_names_are_bounded(folder: Path) -> None:
    names = [f"r{number:03}-{'x' * 90}" for number in range(300)]
    more = "".join(f"  - {{name: {name}, stream: a, type: t, handler: shop.one}}\n" for name in names)
    found = changed_routes(document(folder), document(folder, BASE + more))
    assert len(found.routes.added) == 300
    assert str(found).startswith("300 routes added: r000-x")
    assert str(found).endswith(" and 295 more")
    assert len(str(found)) < 600


def test_a_changed_file_of_a_schema_changes_its_message(folder: Path) -> None:
    (folder / "t.json").write_text('{"type": "object"}', encoding="utf-8")
    text = BASE.replace("{schema: {type: object}}", "{schema: t.json}")
    old = document(folder, text)
    (folder / "t.json").write_text('{"type": "array"}', encoding="utf-8")
    new = document(folder, text)
    assert str(changed_routes(old, new)) == "1 message changed: t"
    assert old.generation != new.generation
