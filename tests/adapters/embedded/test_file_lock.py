"""File locks: any holder, and any way for the holder to end."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from streamroute.adapters.embedded.file_lock import FileLock

if TYPE_CHECKING:
    from pathlib import Path


def test_shared_holders_keep_an_exclusive_one_out(tmp_path: Path) -> None:
    first, second, third = (FileLock(tmp_path / "lock") for _ in range(3))
    assert first.try_shared()
    assert second.try_shared()
    assert not third.try_exclusive()
    first.release()
    second.release()
    assert third.try_exclusive()
    assert not first.try_shared()
    for lock in (first, second, third):
        lock.release()


def test_a_released_lock_is_closed_and_can_be_taken_again(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "lock")
    assert lock.try_exclusive()
    file = lock.descriptor()
    lock.release()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(file)
    lock.release()
    assert lock.try_exclusive()
    lock.release()


def test_a_process_that_inherits_the_file_holds_the_lock_until_it_dies(tmp_path: Path) -> None:
    given, asking = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    assert given.try_exclusive()
    with subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=[given.descriptor()]
    ) as heir:
        given.close()
        assert not asking.try_exclusive()
        heir.kill()
        heir.wait()
        assert asking.try_exclusive()
    asking.release()


def test_a_process_started_meanwhile_inherits_nothing_by_itself(tmp_path: Path) -> None:
    held, asking = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    assert held.try_exclusive()
    with subprocess.Popen(
        [sys.executable, "-c", "print('here', flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        close_fds=False,
    ) as bystander:
        assert bystander.stdout is not None
        assert bystander.stdout.readline() == b"here\n"
        held.close()
        assert asking.try_exclusive()
        bystander.kill()
    asking.release()


def test_a_file_that_was_deleted_or_replaced_is_not_current(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "lock")
    assert lock.try_shared()
    assert lock.is_current()
    (tmp_path / "lock").unlink()
    assert not lock.is_current()
    (tmp_path / "lock").touch()
    assert not lock.is_current()
    lock.release()
    lock.release()


def test_only_the_process_that_took_the_lock_releases_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A forked child shares the file and the object, but must not release the lock."""
    held, asking = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    for in_the_child in (True, False):
        assert held.try_exclusive()
        with subprocess.Popen(
            [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=[held.descriptor()]
        ) as sharing:
            with monkeypatch.context() as patch:
                if in_the_child:
                    patch.setattr(os, "getpid", lambda: -1)
                held.release()
            assert asking.try_exclusive() != in_the_child
            sharing.kill()
            sharing.wait()
        asking.release()
    assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o600
