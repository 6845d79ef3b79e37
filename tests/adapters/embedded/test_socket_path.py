"""The socket's path: short, private to the user, and the same for all of the user's processes."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from streamroute.adapters.embedded.socket_path import socket_path
from streamroute.errors import EmbeddedServerError

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A short temporary folder of this test, the only candidate."""
    folder = Path(tempfile.mkdtemp(prefix="sr-"))  # after tmp_path, which may be made from "tempdir" too
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    yield folder
    shutil.rmtree(folder)


def ours(folder: Path) -> Path:
    """Return the folder made for this user."""
    return folder / f"streamroute-{os.geteuid()}"


def path_in(temporary: Path, data: Path = Path("/data")) -> Path:
    """Return the path of the socket for a data folder, where no other folder is the last resort."""
    return socket_path(data, last_resort=str(temporary))


def test_the_folder_is_made_for_its_user_alone(temporary: Path) -> None:
    path = path_in(temporary, Path("/srv/shop/.streamroute"))
    assert path.parent == ours(temporary)
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_each_data_folder_has_its_own_socket(temporary: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "link").symlink_to("data")
    assert path_in(temporary, tmp_path / "link") == path_in(temporary, tmp_path / "data")
    assert path_in(temporary, tmp_path / "other") != path_in(temporary, tmp_path / "data")


def test_a_folder_that_is_too_open_is_closed(temporary: Path) -> None:
    ours(temporary).mkdir()
    ours(temporary).chmod(0o777)
    assert path_in(temporary).parent.stat().st_mode & 0o777 == 0o700


def test_a_planted_link_is_not_followed(temporary: Path, tmp_path: Path) -> None:
    ours(temporary).symlink_to(tmp_path)
    with pytest.raises(EmbeddedServerError, match="is not a folder"):
        path_in(temporary)


def test_a_folder_of_another_user_is_not_used(
    temporary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours(temporary).mkdir()
    stranger = os.geteuid() + 1
    monkeypatch.setattr("os.geteuid", lambda: stranger)
    (temporary / f"streamroute-{stranger}").mkdir()
    with pytest.raises(EmbeddedServerError, match=r"belongs to another user; .*set TMPDIR to a short path"):
        path_in(temporary)


def test_too_long_a_temporary_folder_gives_way_to_the_runtime_folder(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(temporary / ("long/" * 20)))
    assert path_in(temporary).parent == ours(temporary)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(temporary))
    assert path_in(temporary).parent == temporary / "streamroute"


def test_a_read_only_system_may_have_no_temporary_folder(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "gettempdir", no_temporary_folder)
    assert path_in(temporary).parent == ours(temporary)


def no_temporary_folder() -> str:
    """Raise what ``tempfile`` raises where no folder can be written."""
    raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")


@pytest.mark.parametrize("too_long", [0, 1])
def test_a_path_may_have_a_hundred_bytes(
    temporary: Path, monkeypatch: pytest.MonkeyPatch, too_long: int
) -> None:
    """Counted in the file system's encoding."""
    rest = len(os.fsencode(path_in(temporary))) - len(os.fsencode(temporary))
    name = "ä" + "a" * (100 + too_long - rest - len(os.fsencode(temporary)) - 3)
    long = temporary / name
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    assert path_in(temporary).parent == ours(temporary if too_long else long)
