"""Where the state of a configuration is kept."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

import pytest

from streamroute.ops.generations.state_folder import state_folder


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    return tmp_path / "home"


def test_a_given_folder_is_used_as_it_is() -> None:
    assert state_folder("routes.yaml", "state") == Path("state")


def test_the_default_is_below_the_state_folder_of_the_user(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert state_folder("/app/routes.yaml").parent == home / ".local/state/streamroute"
    monkeypatch.setenv("XDG_STATE_HOME", "/var/state")
    assert state_folder("/app/routes.yaml").parent == Path("/var/state/streamroute")
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    assert state_folder("/app/routes.yaml").parent == home / ".local/state/streamroute"


def test_a_service_without_a_home_uses_the_temporary_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "absent"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert state_folder("/app/routes.yaml").parent.parent == tmp_path


def test_a_read_only_system_without_a_home_or_temporary_folder_still_has_a_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def no_temporary_folder() -> str:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")

    monkeypatch.setenv("HOME", str(tmp_path / "absent"))
    monkeypatch.setattr(tempfile, "gettempdir", no_temporary_folder)
    assert state_folder("routes.yaml").parent.name == f"streamroute-{os.geteuid()}"


def test_each_configuration_has_its_own_whatever_the_spelling_of_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folders = {state_folder(path) for path in ("routes.yaml", "./a/../routes.yaml", tmp_path / "routes.yaml")}
    assert len(folders) == 1
    assert state_folder("other.yaml") not in folders


def test_a_release_behind_a_link_keeps_the_state(tmp_path: Path) -> None:
    """A ConfigMap's file is a link to another file after each change."""
    (tmp_path / "routes.yaml").symlink_to("v1.yaml")
    before = state_folder(tmp_path / "routes.yaml")
    (tmp_path / "routes.yaml").unlink()
    (tmp_path / "routes.yaml").symlink_to("v2.yaml")
    assert state_folder(tmp_path / "routes.yaml") == before
