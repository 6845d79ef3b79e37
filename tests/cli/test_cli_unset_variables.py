"""An unset variable is one finding: its unknown value causes no other finding."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from projects import Done, Project

ROUTE = "routes: [{name: r, stream: s, type: t, timeout: 40s, handler: streamroute.handlers.log}]"


@pytest.fixture
def project(lone_project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(lone_project.folder)
    return lone_project


def codes(project: Project, command: Callable[..., Done], settings: str, url: str = "embedded") -> list[str]:
    project.write("routes.yaml", f"version: 1\nredis: {{url: '{url}'}}\nstreams: {settings}\n{ROUTE}\n")
    out = command("check", "--no-import", "--ignore", "SR218", "--format", "concise").out
    return sorted(line.partition("[")[2][:5] for line in out.splitlines())


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ('{s: "${S}"}', ["SR502"]),
        ('{s: "${S}", t: "${T}"}', ["SR211", "SR502", "SR502"]),
        ("{s: {grace: 1m, trim: {keep: '${K}'}}}", ["SR501"]),
        ("{s: {grace: 1m, trim: {keep: '${K}', kep: 1}}}", ["SR102", "SR501"]),
        ("{s: {grace: 1m, trim: '${K}'}}", ["SR502"]),
        ("{s: {grace: 1m, lease: '${L}', stall: 30s}}", ["SR501"]),
        ("{s: {grace: 1m, group: '${G}', formerly_group: streamroute}}", ["SR501"]),
        ("{s: {grace: '${G}'}}", ["SR501"]),
        ("{s: {grace: 1m, retry: {delay: '${D}', max_delay: 500ms}}}", ["SR501"]),
        ("{s: {grace: 1m, retry: {max_attempts: '${D}', delay: 5s, max_delay: 1s}}}", ["SR501"]),
        ("{s: {grace: 1m, order_by: '${O}'}}", ["SR501"]),
        ("{'${S}': {}}", ["SR503"]),
    ],
)
def test_unset_variables_cause_no_other_findings(
    project: Project, command: Callable[..., Done], settings: str, found: list[str]
) -> None:
    assert codes(project, command, settings) == found


def test_dead_letters_are_not_compared_with_what_is_not_known(
    project: Project, command: Callable[..., Done]
) -> None:
    stream = "{s: {grace: 1m, dead_letter: '${D}'}, '{s}:streamroute:dead': {grace: 1m}}"
    assert codes(project, command, stream, "redis+cluster://127.0.0.1:1") == ["SR211", "SR501"]


def test_two_configurations_differ_only_in_what_is_known(
    project: Project, command: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder, settings in (("a", "{grace: 1m, lease: '${L}'}"), ("b", "{grace: 1m, lease: 2m}")):
        text = f"version: 1\nredis: {{url: 'redis://h'}}\nstreams: {{s: {settings}}}\n{ROUTE}\n"
        project.write(f"{folder}/routes.yaml", text)
    assert "SR215" not in command("check", "a", "b").out
    monkeypatch.setenv("L", "3m")
    assert "SR215" in command("check", "a", "b").out


def test_variables_that_are_set_are_compared(
    project: Project, command: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("V", "1s")
    assert codes(project, command, "{s: {grace: 1m, lease: 60s, stall: '${V}'}}") == ["SR220"]
    assert codes(project, command, "{s: {grace: '${V}'}}") == ["SR214"]


def test_an_expression_of_a_variable_is_called_one(
    project: Project, command: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("S", "(")
    project.write("routes.yaml", f"version: 1\nstreams: {{s: {{order_by: 'foo(${{S}})'}}}}\n{ROUTE}\n")
    out = command("check").out
    assert 'the value of "foo(${S})" violates the rule "expression-syntax"' in out
