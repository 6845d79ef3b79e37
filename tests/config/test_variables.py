"""Variables: replaced in redis and streams, in their key's type, never as YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from streamroute.config.load import Loaded, load_config


def load(folder: Path, settings: str, env: dict[str, str]) -> Loaded:
    (folder / "routes.yaml").write_text(f"version: 1\nstreams:\n  a: {settings}\n", encoding="utf-8")
    return load_config(folder, env=env)


def setting(folder: Path, settings: str, key: str, env: dict[str, str]) -> Any:
    loaded = load(folder, settings, env)
    assert [str(found) for found in loaded.findings] == []
    assert loaded.document is not None
    return getattr(loaded.document.streams["a"], key)


@pytest.mark.parametrize(
    ("text", "env", "value"),
    [
        ("${G}", {"G": "x"}, "x"),
        ("${G:-y}", {"G": "x"}, "x"),
        ("${G:-y}", {}, "y"),
        ("${G:-y}", {"G": ""}, "y"),
        ("a-${G}-${H:-z}", {"G": "x"}, "a-x-z"),
        ("$${G}", {"G": "x"}, "${G}"),
        ("$$", {}, "$"),
        ("cost$5", {}, "cost$5"),
        ("${G}", {"G": "${H}"}, "${H}"),
        ("${G}", {"G": "404"}, "404"),
        ("${G}", {"G": "null"}, "null"),
        ("${G}", {"G": "a: {b: c}\n- d"}, "a: {b: c}\n- d"),
        ("${G}", {"G": "'quoted'"}, "'quoted'"),
    ],
)
def test_a_string_is_put_together(tmp_path: Path, text: str, env: dict[str, str], value: str) -> None:
    assert setting(tmp_path, f"{{group: '{text}'}}", "group", env) == value


def test_a_number_is_converted(tmp_path: Path) -> None:
    assert setting(tmp_path, "{concurrency: '${N}'}", "concurrency", {"N": "12"}) == 12
    assert setting(tmp_path, "{retry: {jitter: '${N}'}}", "retry", {"N": "0.5"}).jitter == 0.5


def test_an_empty_variable_that_is_set_is_empty(tmp_path: Path) -> None:
    assert [found.code for found in load(tmp_path, "{group: '${G}'}", {"G": ""}).findings] == ["SR108"]


@pytest.mark.parametrize("value", ["many", "1.5", "true", "", "[1]", "9" * 5000])
def test_a_value_of_another_type_is_a_finding_that_does_not_show_it(tmp_path: Path, value: str) -> None:
    loaded = load(tmp_path, "{concurrency: '${N}'}", {"N": value})
    assert [found.code for found in loaded.findings] == ["SR502"]
    assert '"${N}"' in loaded.findings[0].text


@pytest.mark.parametrize("key", ["codec", "lease", "stall", "on_stuck", "unknown_type"])
def test_a_value_of_a_wrong_form_is_not_shown(tmp_path: Path, key: str) -> None:
    loaded = load(tmp_path, f"{{{key}: '${{V}}'}}", {"V": "dead_lettr"})
    assert len(loaded.findings) == 1
    assert "dead_lettr" not in f"{loaded.findings[0].text} {loaded.findings[0].help}"
    assert loaded.findings[0].suggestion is None


def test_a_variable_under_an_anchor_is_replaced_where_it_is_used(tmp_path: Path) -> None:
    text = "version: 1\nx-common: &common {group: '${G}'}\nstreams: {a: {<<: *common}, b: *common}\n"
    (tmp_path / "routes.yaml").write_text(text, encoding="utf-8")
    loaded = load_config(tmp_path, env={"G": "x"})
    assert loaded.findings == ()
    assert loaded.document is not None
    assert [stream.group for stream in loaded.document.streams.values()] == ["x", "x"]


def test_the_environment_is_the_processs_own_by_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STREAMROUTE_TEST_GROUP", "mine")
    (tmp_path / "routes.yaml").write_text("version: 1\nstreams: {a: {group: '${STREAMROUTE_TEST_GROUP}'}}\n")
    document = load_config(tmp_path).document
    assert document is not None
    assert document.streams["a"].group == "mine"


@pytest.mark.parametrize("env", [{}, {"N": "5"}])
@pytest.mark.parametrize(
    "settings", ["{concurency: '${N}'}", "{grup: 'a-${N}'}", "{retry: {max_atempts: '${N}'}}"]
)
def test_a_key_is_checked_whether_its_variable_is_set_or_not(
    tmp_path: Path, settings: str, env: dict[str, str]
) -> None:
    (tmp_path / "routes.yaml").write_text(f"version: 1\nstreams:\n  a: {settings}\n", encoding="utf-8")
    findings = load_config(tmp_path, env=env, unset="info").findings
    assert [found.code for found in findings] == (["SR102"] if env else ["SR102", "SR501"])


@pytest.mark.parametrize("env", [{}, {"X": "a"}])
@pytest.mark.parametrize(
    "text", ["streams: ${X}", "redis: ${X}", "streams: {a: {retry: '${X}'}}", "streams: {a: '${X:-b}'}"]
)
def test_no_variable_gives_a_mapping(tmp_path: Path, text: str, env: dict[str, str]) -> None:
    (tmp_path / "routes.yaml").write_text(f"version: 1\n{text}\n", encoding="utf-8")
    [found] = load_config(tmp_path, env=env, unset="info").findings
    assert (found.code, found.severity.value) == ("SR502", "error")


def test_a_list_with_an_unset_variable_is_no_string_either(tmp_path: Path) -> None:
    (tmp_path / "routes.yaml").write_text("version: 1\nstreams: {a: {group: ['${X}']}}\n", encoding="utf-8")
    assert {found.code for found in load_config(tmp_path, env={}).findings} == {"SR104", "SR501"}
