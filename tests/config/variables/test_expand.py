"""Variables: replaced in redis and streams, in their key's type, never as YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from streamroute.config.load import LoadResult, load_config


def load(folder: Path, settings: str, env: dict[str, str]) -> LoadResult:
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
    assert sorted(found.code for found in findings) == (["SR102"] if env else ["SR102", "SR501"])


@pytest.mark.parametrize("env", [{}, {"X": "a"}])
@pytest.mark.parametrize(
    "text", ["streams: ${X}", "redis: ${X}", "streams: {a: {retry: '${X}'}}", "streams: {a: '${X:-b}'}"]
)
def test_a_variable_cannot_expand_to_a_mapping(tmp_path: Path, text: str, env: dict[str, str]) -> None:
    (tmp_path / "routes.yaml").write_text(f"version: 1\n{text}\n", encoding="utf-8")
    [found] = load_config(tmp_path, env=env, unset="info").findings
    assert (found.code, found.severity.value) == ("SR502", "error")


def test_a_list_with_an_unset_variable_is_no_string_either(tmp_path: Path) -> None:
    (tmp_path / "routes.yaml").write_text("version: 1\nstreams: {a: {group: ['${X}']}}\n", encoding="utf-8")
    assert {found.code for found in load_config(tmp_path, env={}).findings} == {"SR104", "SR501"}


@pytest.mark.parametrize(
    ("written", "expected_text"),
    [
        ("redis://u:${hunter2-x}@h:1", 'what begins with "${" is not a valid variable'),
        ("redis://u:${hunter2@h:1", 'what begins with "${" is not a valid variable'),
        ("${PW:?hunter2}", 'what begins with "${" is not a valid variable'),
        ("redis://${HOST-x}:1", '"${HOST-x}" is not a valid variable'),
    ],
)
def test_a_malformed_variable_in_a_password_is_not_quoted(
    tmp_path: Path, written: str, expected_text: str
) -> None:
    (tmp_path / "routes.yaml").write_text(f"version: 1\nredis: {{url: '{written}'}}\n", encoding="utf-8")
    [found] = load_config(tmp_path, env={}).findings
    assert (found.code, found.message) == ("SR504", expected_text)


ROUTE = "version: 1\nstreams: {s: }\nroutes:\n- {name: r, type: t, handler: h.h, %s}\n"


@pytest.mark.parametrize("included", [False, True])
@pytest.mark.parametrize(
    ("setting", "key", "value"),
    [
        ("filter: \"a == '$${X}'\"", "filter", "a == '${X}'"),
        (
            "with: {text: ['$${X:-y} costs US$$, $$5, $$']}",
            "arguments",
            {"text": ["${X:-y} costs US$$, $$5, $$"]},
        ),
        ("with: {text: '$$$${X}'}", "arguments", {"text": "$${X}"}),
        ("with: {text: '$${X and $${}'}", "arguments", {"text": "$${X and $${}"}),
        ("description: 'reads ${X} and $${Y}'", "description", "reads ${X} and ${Y}"),
        ("tags: ['$${X}']", "tags", ("${X}",)),
    ],
)
def test_escaped_variables_are_text_outside_expanded_keys(
    tmp_path: Path, setting: str, key: str, value: Any, included: bool
) -> None:
    text = ROUTE % setting
    if included:
        head, _, routes = text.partition("routes:")
        (tmp_path / "more.yaml").write_text(f"version: 1\nroutes:{routes}", encoding="utf-8")
        text = f"{head}include: [more.yaml]\n"
    (tmp_path / "routes.yaml").write_text(text, encoding="utf-8")
    loaded = load_config(tmp_path, env={"X": "secret"})
    assert loaded.findings == ()
    assert loaded.document is not None
    assert getattr(loaded.document.routes[0], key) == value


@pytest.mark.parametrize(
    ("setting", "advice"),
    [
        ("with: {text: '$$${X}'}", "read it in the handler"),
        ("with: {headers: {Authorization: 'Bearer ${X}'}}", "headers_from_env"),
        ("with: {description: '${X}'}", "read it in the handler"),
        ("with: {'$${X}': 1}", "read it in the handler"),
        ("filter: \"a == '${X}'\"", "$${NAME} for the literal text ${NAME}"),
        ("timeout: '${X}'", "write the value itself"),
        ("tags: ['${X}']", "write the value itself"),
    ],
)
def test_a_variable_where_none_is_replaced_is_refused_with_what_to_do(
    tmp_path: Path, setting: str, advice: str
) -> None:
    (tmp_path / "routes.yaml").write_text(ROUTE % setting, encoding="utf-8")
    found = [one for one in load_config(tmp_path, env={"X": "secret"}).findings if one.code == "SR503"]
    assert len(found) == 1
    assert advice in str(found[0].help)


def test_a_schema_may_speak_of_variables(tmp_path: Path) -> None:
    schema = "{type: object, description: 'as ${X}', properties: {a: {title: '${Y}', const: '$${Z}'}}}"
    text = f"version: 1\nmessages: {{t: {{schema: {schema}}}}}\nstreams: {{s: }}\n"
    (tmp_path / "routes.yaml").write_text(text, encoding="utf-8")
    assert load_config(tmp_path, env={}).findings == ()


def test_a_program_with_a_server_of_its_own_needs_no_address(tmp_path: Path) -> None:
    path = tmp_path / "routes.yaml"
    path.write_text("version: 1\nredis: {url: '${REDIS_URL}'}\nstreams: {s: {group: '${GROUP}'}}\n")
    result = load_config(path, env={}, needs_server=False)
    assert [(finding.code, finding.span.line) for finding in result.findings] == [("SR501", 3)]
    assert not load_config(path, env={"GROUP": "g"}, needs_server=False).findings
