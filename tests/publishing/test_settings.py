"""What publishing reads of a configuration: no handler, and a user's codec."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from publishing_projects import routes
from streamroute.errors import ConfigError, SetupError
from streamroute.publishing.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path

URL = "redis://nowhere"
CODEC = """
class Body:
    def decode(self, fields):
        return {"type": "t"}

    def encode(self, payload):
        return {b"body": b"x"}
"""


def test_streams_are_found_by_name(tmp_path: Path) -> None:
    settings = load_settings(routes(tmp_path, URL))
    assert settings.stream("audit").name == "audit"
    with pytest.raises(SetupError, match=r'declares no stream "bot_event"; did you mean "bot_events"\?$'):
        settings.stream("bot_event")
    with pytest.raises(SetupError, match=r'no stream "zzz"; it declares bot_events, audit$'):
        settings.stream("zzz")
    names: list[Any] = [None, 3, b"audit", ["audit"]]
    for name in names:
        with pytest.raises(SetupError, match="declares no stream"):
            settings.stream(name)


def test_a_users_codec_is_imported_and_no_handler(tmp_path: Path) -> None:
    (tmp_path / "publishing_bodies.py").write_text(CODEC)
    settings = load_settings(routes(tmp_path, URL, "codec: publishing_bodies.Body"))
    assert settings.codecs["bot_events"].encode({}) == {b"body": b"x"}
    assert "trap" not in sys.modules


def test_without_one_no_code_is_imported(tmp_path: Path) -> None:
    before = list(sys.path)
    load_settings(routes(tmp_path, URL, "codec: fields"))
    assert sys.path == before


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("codec: publishing_nowhere.Body", "publishing_nowhere"),
        ("codec: jsn", "jsn"),
        ("grup: x", "grup"),
    ],
)
def test_errors_are_findings(tmp_path: Path, settings: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as refused:
        load_settings(routes(tmp_path, URL, settings))
    assert refused.value.findings


def test_a_file_that_is_not_there_is_a_finding(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has 1 error"):
        load_settings(tmp_path / "none.yaml")


def test_many_errors_are_cut(tmp_path: Path) -> None:
    path = routes(tmp_path, URL)
    path.write_text(path.read_text() + "".join(f"  - {{name: r{n}, typ: t}}\n" for n in range(100)))
    with pytest.raises(ConfigError) as refused:
        load_settings(path)
    lines = str(refused.value).splitlines()
    assert (len(lines), lines[-1][:6]) == (22, "  and ")
