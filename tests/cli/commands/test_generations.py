"""``streamroute generations``: what the state folder holds."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from projects import Done, Project
from streamroute.compiler.pipeline import check_path
from streamroute.config.load import recording_reader
from streamroute.ops.generations.state_folder import state_folder
from streamroute.ops.generations.store import GenerationStore

FIRST = "version: 1\nstreams: {a: }\nroutes: [{name: one, type: t, handler: streamroute.handlers.log}]\n"
SECOND = FIRST.replace("name: one", "name: two")
THIRD = SECOND.replace("{a: }", "{a: {group: g}}")
START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def here(lone_project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(lone_project.folder)
    monkeypatch.setenv("XDG_STATE_HOME", str(lone_project.folder / "states"))
    monkeypatch.delenv("STREAMROUTE_STATE_DIR", raising=False)
    return lone_project


def keep(project: Project, *texts: str, state: Path | None = None) -> list[str]:
    """Store these configurations, as ``serve`` does when they run; returns their hashes."""
    times = (START + timedelta(hours=hour) for hour in range(100))
    store = GenerationStore(state or state_folder("routes.yaml"), now=lambda: next(times))
    kept = []
    for text in texts:
        project.write("routes.yaml", text)
        reader = recording_reader("routes.yaml")
        document = check_path("routes.yaml", imports=False, files=reader).document
        assert document is not None
        store.add(reader.record(), document)
        kept.append(document.generation)
    return kept


def test_the_table_has_a_line_for_each(here: Project, command: Callable[..., Done]) -> None:
    first, second, third = keep(here, FIRST, SECOND, THIRD)
    assert command("generations").out == (
        "generation    since                      current  changes\n"
        f"{third}  2026-01-02T05:04:05+00:00  yes      1 stream changed: a\n"
        f"{second}  2026-01-02T04:04:05+00:00  -        1 route added: two; 1 route removed: one\n"
        f"{first}  2026-01-02T03:04:05+00:00  -        -\n"
    )


def test_json_has_the_names_of_all_changes(here: Project, command: Callable[..., Done]) -> None:
    first, second = keep(here, FIRST, SECOND)
    newest, oldest = json.loads(command("generations", "--format", "json").out)
    unchanged: dict[str, list[str]] = {"added": [], "removed": [], "changed": [], "renamed": []}
    assert newest == {
        "generation": second,
        "since": "2026-01-02T04:04:05+00:00",
        "current": True,
        "processes": [],
        "before": first,
        "changes": {
            "routes": {**unchanged, "added": ["two"], "removed": ["one"]},
            "streams": unchanged,
            "messages": unchanged,
            "settings": [],
            "reordered": False,
        },
    }
    assert (oldest["generation"], oldest["current"], oldest["changes"]) == (first, False, None)


def test_the_configuration_may_be_broken_or_gone(here: Project, command: Callable[..., Done]) -> None:
    """That is when an earlier one is wanted."""
    (kept,) = keep(here, FIRST)
    here.write("routes.yaml", "{")
    assert kept in command("generations").out
    (here.folder / "routes.yaml").unlink()
    assert kept in command("generations").out
    assert kept in command("generations", str(here.folder)).out


@pytest.mark.parametrize("output_format", ["text", "json"])
def test_nothing_is_stored(here: Project, command: Callable[..., Done], output_format: str) -> None:
    here.write("routes.yaml", FIRST)
    done = command("generations", "--format", output_format)
    expected = {"text": "no generation of routes.yaml is stored\n", "json": "[]\n"}
    assert (done.code, done.out) == (0, expected[output_format])
    assert not (here.folder / "states").exists()


def test_a_missing_file_without_state_is_a_usage_error(here: Project, command: Callable[..., Done]) -> None:
    done = command("generations", "absent.yaml")
    assert (done.code, done.out) == (2, "")
    assert "absent.yaml does not exist" in done.err


def test_the_state_folder_is_an_option_or_a_variable(
    here: Project, command: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    (kept,) = keep(here, FIRST, state=here.folder / "other")
    assert kept not in command("generations").out
    assert kept in command("generations", "--state-dir", "other").out
    monkeypatch.setenv("STREAMROUTE_STATE_DIR", "other")
    assert kept in command("generations").out


def test_a_damaged_one_is_one_line_beside_the_others(here: Project, command: Callable[..., Done]) -> None:
    first, second = keep(here, FIRST, SECOND)
    (state_folder("routes.yaml") / "generations" / first / "used.json").write_text("{")
    done = command("generations")
    assert done.code == 0
    assert second in done.out
    assert first not in done.out
    assert done.err == f"error: the stored generation {first} is skipped: its description is damaged\n"


def test_hostile_names_cannot_write_to_the_terminal(here: Project, command: Callable[..., Done]) -> None:
    second = keep(here, FIRST, SECOND)[1]
    path = state_folder("routes.yaml") / "generations" / second / "used.json"
    path.write_text(path.read_text().replace("two", "\\u001b[31mred\\n"))
    done = command("generations")
    assert "\x1b" not in done.out
    assert len(done.out.splitlines()) == 3


def test_a_state_folder_that_cannot_be_used_is_one_line(here: Project, command: Callable[..., Done]) -> None:
    here.write("routes.yaml", FIRST)
    here.write("state/generations", "")
    done = command("generations", "--state-dir", "state")
    assert (done.code, done.out) == (1, "")
    assert done.err == "error: state/generations cannot be used: it is a link, or not a folder\n"
