"""The embedded server runs only on data that it wrote, because it executes the commands in its folder."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ResponseError

from streamroute.adapters.embedded.data_owner import MARK, take_ownership
from streamroute.adapters.embedded.server import EmbeddedServer
from streamroute.errors import EmbeddedServerError

NOT_OURS = r"the embedded server does not touch the data in .*streamroute serve --adopt-data"


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's state folder."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "project/.streamroute"


def append_only(folder: Path, *command: str) -> None:
    """Write what a repository could contain: a server's files, one of them with a command in it."""
    data = folder / "appendonlydir"
    data.mkdir(parents=True)
    words = "".join(f"${len(word)}\r\n{word}\r\n" for word in command)
    (data / "appendonly.aof.1.incr.aof").write_text(f"*{len(command)}\r\n{words}", newline="")
    (data / "appendonly.aof.manifest").write_text("file appendonly.aof.1.incr.aof seq 1 type i\n")


def refuses(folder: Path, *, adopt: bool = False, why: str = NOT_OURS) -> None:
    before = sorted(set(folder.rglob("*")) - {folder / MARK})
    with pytest.raises(EmbeddedServerError, match=why):
        EmbeddedServer(folder, adopt=adopt).acquire()
    assert sorted(set(folder.rglob("*")) - {folder / MARK}) == before


def get(url: str, key: str) -> bytes | None:
    with Redis.from_url(url) as client:
        found: bytes | None = client.get(key)
        return found


def test_a_folder_that_a_repository_holds_is_refused_and_left_as_it_is(folder: Path) -> None:
    append_only(folder, "SET", "a", "1")
    refuses(folder)


@pytest.mark.parametrize(
    "name", ["dump.rdb", "appendonly.aof", "valkey.log", "users.lock", "temp-12.rdb", MARK]
)
def test_any_server_file_marks_a_folder_as_foreign(folder: Path, name: str) -> None:
    folder.mkdir(parents=True)
    (folder / name).write_bytes(b"x" * 64)
    refuses(folder)


def test_a_marker_of_another_user_does_not_count(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    take_ownership(folder)
    append_only(folder, "SET", "a", "1")
    monkeypatch.setenv("XDG_STATE_HOME", str(folder.parent / "other"))
    refuses(folder)


def test_data_from_before_there_were_marks_is_adopted_in_one_step(folder: Path) -> None:
    append_only(folder, "SET", "a", "1")
    with EmbeddedServer(folder, adopt=True) as url:
        assert get(url, "a") == b"1"
    with EmbeddedServer(folder) as url:
        assert get(url, "a") == b"1"


def test_a_folder_that_was_moved_or_copied_is_still_its_user_s(folder: Path, tmp_path: Path) -> None:
    with EmbeddedServer(folder):
        pass
    shutil.copytree(folder, tmp_path / "copy")
    folder.rename(tmp_path / "moved")
    for name in ("copy", "moved"):
        with EmbeddedServer(tmp_path / name) as url:
            assert url.startswith("unix:")


def test_a_file_that_a_checkout_put_into_a_marked_folder_is_refused(folder: Path) -> None:
    """git replaces ignored files, and the files it writes are readable by others."""
    take_ownership(folder)
    append_only(folder, "SET", "a", "1")
    for path in (folder / "appendonlydir").iterdir():
        path.chmod(0o644)
    refuses(folder, why=r"appendonly\.aof.* was put there by something else")


@pytest.mark.parametrize(
    "name",
    [
        "valkey.log",
        "gate.lock",
        "users.lock",
        "server.lock",
        "appendonlydir",
        "appendonly.aof",
        "dump.rdb",
        MARK,
    ],
)
def test_links_are_not_followed_even_where_the_data_is_adopted(
    folder: Path, tmp_path: Path, name: str
) -> None:
    take_ownership(folder)
    (tmp_path / "victim").write_text("precious")
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(tmp_path / "victim")
    refuses(folder, why=r"not a plain file|did not make it here")
    if name != MARK:
        refuses(folder, adopt=True, why="not a plain file")
    assert (tmp_path / "victim").read_text() == "precious"


def test_a_link_in_the_data_is_refused(folder: Path, tmp_path: Path) -> None:
    take_ownership(folder)
    (folder / "appendonlydir").mkdir()
    (folder / "appendonlydir/appendonly.aof.manifest").symlink_to(tmp_path / "elsewhere")
    refuses(folder, why="not a plain file")


def test_special_files_in_the_data_folder_must_be_removed(folder: Path) -> None:
    take_ownership(folder)
    (folder / "server.lock").mkdir()
    with pytest.raises(EmbeddedServerError, match="remove it, or delete the folder") as refused:
        take_ownership(folder)
    assert "--adopt-data" not in str(refused.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("name", ["appendonlydir", "appendonlydir/appendonly.aof.manifest"])
def test_data_of_another_user_is_refused_even_where_it_is_adopted(folder: Path, name: str) -> None:
    with EmbeddedServer(folder):
        pass
    os.chown(folder / name, 65_534, 65_534)
    for adopt in (False, True):
        refuses(folder, adopt=adopt, why="belongs to another user.*run this as that user")


def test_a_folder_of_data_that_others_may_change_is_refused_until_it_is_adopted(folder: Path) -> None:
    with EmbeddedServer(folder):
        pass
    (folder / "appendonlydir").chmod(0o777)
    refuses(folder, why="appendonlydir was put there by something else.*--adopt-data")
    take_ownership(folder, adopt=True)
    assert stat.S_IMODE((folder / "appendonlydir").stat().st_mode) == 0o700


@pytest.mark.timeout(60)
def test_a_pipe_is_not_waited_for(folder: Path) -> None:
    take_ownership(folder)
    os.mkfifo(folder / "server.lock")
    refuses(folder, why="not a plain file")


def test_no_folder_is_made_behind_a_link(folder: Path, tmp_path: Path) -> None:
    folder.parent.mkdir()
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(EmbeddedServerError, match="points to a missing folder"):
        EmbeddedServer(folder).acquire()
    assert not (tmp_path / "elsewhere").exists()


def test_the_secret_is_the_user_s_alone(folder: Path, state: Path) -> None:
    take_ownership(folder)
    (key,) = (state / "streamroute").iterdir()
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700
    assert key.read_bytes() not in (folder / MARK).read_bytes()


def test_without_a_home_folder_the_secret_lasts_until_the_next_boot(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "state").write_text("no folder")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    take_ownership(folder)
    take_ownership(folder)
    assert (tmp_path / f"streamroute-{os.geteuid()}/embedded.key").exists()


def test_a_secret_readable_by_others_is_rejected(folder: Path, state: Path) -> None:
    take_ownership(folder)
    (folder / "dump.rdb").touch(mode=0o600)
    (state / "streamroute/embedded.key").chmod(0o644)
    refuses(folder)


@pytest.mark.parametrize("harm", ["cut short", "empty", "open to others"])
def test_a_secret_that_is_of_no_use_gives_way_to_another(folder: Path, state: Path, harm: str) -> None:
    """A crash or a full disk may truncate it, and backups do not always keep file modes."""
    take_ownership(folder)
    key = state / "streamroute/embedded.key"
    if harm == "open to others":
        key.chmod(0o644)
    else:
        key.write_bytes(key.read_bytes()[: 10 if harm == "cut short" else 0])
    (folder / "dump.rdb").touch(mode=0o600)
    refuses(folder)
    take_ownership(folder, adopt=True)
    take_ownership(folder.parent / "another")
    take_ownership(folder)


def test_on_a_full_disk_no_part_of_a_file_is_left(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    folder.mkdir(parents=True)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        take_ownership(folder)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    "command",
    [
        *("MODULE LOAD /no/such.so", "DEBUG SLEEP 0", "SAVE", "REPLICAOF h 1", "SLAVEOF h 1"),
        "CONFIG SET bind 0.0.0.0",
    ],
)
def test_data_cannot_load_code_nor_bring_in_other_data_nor_open_a_port(folder: Path, command: str) -> None:
    append_only(folder, *command.split())
    with pytest.raises(EmbeddedServerError, match=r"reading the append only file .* unknown command"):
        EmbeddedServer(folder, adopt=True).acquire()


@pytest.mark.parametrize(
    "command",
    [
        *("MODULE LOAD /no/such.so", "DEBUG SLEEP 0", "SAVE", "BGSAVE"),
        *("CONFIG REWRITE", "CONFIG SET dir /tmp", "CONFIG SET maxclients 100"),
    ],
)
def test_clients_may_not_do_so_either(folder: Path, command: str) -> None:
    with EmbeddedServer(folder) as url, Redis.from_url(url) as client, pytest.raises(ResponseError):
        client.execute_command(*command.split())
