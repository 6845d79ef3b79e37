"""A storm of reloads: one edit after the other, while messages flow and workers are killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from redis.exceptions import ResponseError

from deploy_verdict import log_problems
from group_state import DUE, RETRY, read_dead_letters
from ledger import now, read_orders, read_runs
from oracle import Fault
from producer import STREAM, connect
from reload_configs import BAD, MODULES, NO_STREAM, NOTES, good, is_good
from reload_load import SaturatingLoad
from reload_log import ReloadLog
from reload_verdict import Applied, Storm, open_containers, read_containers
from waiting import wait_for

if TYPE_CHECKING:
    from reload_configs import BadEdit
    from reload_log import LoggedResult
    from scene import Scene

COMMAND: Final = (str(Path(__file__).with_name("reload_entry.py")),)
_ATTEMPTS: Final = 50  # reloads of a good edit, while a worker that was killed is started again
_UNACKNOWLEDGED: Final = 3.0  # seconds for which a worker at full speed may owe an acknowledgment


@dataclass(frozen=True, slots=True)
class Blow:
    """What comes with an edit: the ``cause`` of its reload, and perhaps a kill.

    The causes are ``SIGHUP``, ``command`` (``streamroute reload``) and ``polling``: the service finds out by
    itself. A worker is killed ``before`` the cause or right ``after`` it.
    """

    cause: str = "SIGHUP"
    kill: str = ""


class ReloadStorm:
    """A service that starts with edit 0; ``workers`` processes, or one without a supervisor.

    The kinds of ``bad`` edits have their turns.
    """

    def __init__(
        self, scene: Scene, workers: int | None = None, bad: Iterable[BadEdit] = BAD.values()
    ) -> None:
        self._scene = scene
        self._client = scene.client
        self._count = workers or 1
        self._bad = tuple(bad)
        for name, text in MODULES.items():
            (scene.folder / name).write_text(text)
        self._client.execute_command("SET", NO_STREAM, "full")
        self._service = scene.start_worker(
            config=good(0).decode(),
            options=["--reload", *([] if workers is None else ["--workers", str(workers)])],
            STREAMROUTE_STATE_DIR=str(scene.folder / "state"),
        )
        self._log = ReloadLog(self._service)
        self._applied: dict[int, Applied] = {}
        self._killed: list[int] = []
        self._load = SaturatingLoad(connect(scene.server.socket_path), scene.folder, scene.seed)

    def play(self, blows: Sequence[Blow]) -> Storm:
        """Make an edit for each blow, good and bad by turns; return what is known when all is over."""
        try:
            self._load.start()
            self._wait(lambda: len(self._working()) == self._count, "every process to work")
            for edit, blow in enumerate(blows, 1):
                self._make(edit, blow)
            self._load.finish()
            self._wait(self._is_done, "everything to be done")
            self._wait(self._has_closed_old_containers, "all old containers to be closed")
            self._scene.end()
        finally:
            self._load.close()
        return self._facts()

    # Edits.

    def _make(self, edit: int, blow: Blow) -> None:
        known = len(self._log.results())
        self._write(edit)
        if blow.kill == "before":
            self._kill_one()
        self._cause(edit, blow.cause)
        if blow.kill == "after":
            self._kill_one()
        if is_good(edit):
            self._expect_applied(edit, known)
        else:
            self._expect_refused(edit, known)

    def _write(self, edit: int) -> None:
        """Replace the file, as editors do; every third time, write into it."""
        path = self._service.config
        content = self._content(edit)
        if content is None:
            path.unlink()
        elif edit % 3 == 0:
            path.write_bytes(content)
        else:
            new = path.with_suffix(".new")
            new.write_bytes(content)
            new.replace(path)

    def _content(self, edit: int) -> bytes | None:
        return good(edit) if is_good(edit) else self._bad[edit // 2 % len(self._bad)](edit)

    def _cause(self, edit: int, cause: str) -> None:
        if cause == "SIGHUP":
            self._service.reload()
        elif cause == "command":
            done = self._service.command("reload", str(self._service.config))
            if done.returncode != int("refused" in done.stderr):
                self._problem(f"the command for edit {edit} ended with {done.returncode}: {done}")

    def _expect_applied(self, edit: int, known: int) -> None:
        """Wait until the edit is applied, and has decided something.

        A reload that finds a worker missing is refused, and asked for again.
        """
        for number in range(known, known + _ATTEMPTS):
            result = self._result(edit, number)
            if result.after:
                self._note(edit, result)
                self._wait(
                    (self._scene.folder / f"decided-{edit}").exists, f"edit {edit} to decide something"
                )
                return
            self._service.reload()
        raise TimeoutError(f"edit {edit} was refused {_ATTEMPTS} times: {result.reason}")

    def _expect_refused(self, edit: int, known: int) -> None:
        if self._result(edit, known).after:
            self._problem(f"edit {edit} was applied: {self._content(edit)!r}")

    def _result(self, edit: int, number: int) -> LoggedResult:
        self._wait(lambda: len(self._log.results()) > number, f"the result of edit {edit}")
        return self._log.results()[number]

    def _note(self, edit: int, result: LoggedResult) -> None:
        if not self._applied:
            self._applied[0] = Applied(result.before, 0)
        before = list(self._applied.values())[-1].generation
        if result.before != before:
            self._problem(f"edit {edit} replaced {result.before} instead of {before}")
        self._applied[edit] = Applied(result.after, now())

    # Processes.

    def _working(self) -> list[int]:
        """Return the processes that have worked, and were not killed."""
        known = self._service.processes or [self._service.pid]
        ledgers = {pid: self._scene.folder / f"runs-p{pid}.jsonl" for pid in known}
        return [pid for pid, ledger in ledgers.items() if ledger.exists() and pid not in self._killed]

    def _kill_one(self) -> None:
        """Send kill -9 to a worker, once all of them work."""
        self._wait(lambda: len(self._working()) == self._count, "every worker to work")
        victim = self._scene.rng.choice(self._working())
        begin = now() - _UNACKNOWLEDGED
        os.kill(victim, signal.SIGKILL)
        self._killed.append(victim)
        names = frozenset([f"p{victim}"])
        self._scene.faults.append(Fault(kind="kill -9", begin=begin, end=now(), workers=names))

    # The end.

    def _is_done(self) -> bool:
        """Whether the group has nothing left to do; far cheaper than ``Scene.state``."""
        waiting = self._client.execute_command("ZCARD", DUE)
        return not waiting and all(map(self._is_read, (STREAM, NOTES, RETRY)))

    def _is_read(self, stream: str) -> bool:
        try:
            facts = _pairs(self._client.execute_command("XINFO", "STREAM", stream))
            groups = [_pairs(group) for group in self._client.execute_command("XINFO", "GROUPS", stream)]
        except ResponseError:  # there is no such stream: nothing has failed
            return True
        last = facts[b"last-generated-id"]
        return all(group[b"pending"] == 0 and group[b"last-delivered-id"] == last for group in groups)

    def _has_closed_old_containers(self) -> bool:
        living = open_containers(read_containers(self._scene.folder))
        current = list(self._applied)[-1]
        return all(living.get(f"p{pid}") == [current] for pid in self._working())

    def _facts(self) -> Storm:
        folder = self._scene.folder
        deaths = self._service.log.count("exited unexpectedly")
        if deaths != len(self._killed):
            self._problem(f"{deaths} workers died, and {len(self._killed)} were killed")
        self._scene.problems += log_problems("the service", self._service.log)
        return Storm(
            applied=self._applied,
            orders=read_orders(folder),
            runs=read_runs(folder),
            letters=read_dead_letters(self._client),
            containers=read_containers(folder),
            killed=frozenset(f"p{pid}" for pid in self._killed),
        )

    def _problem(self, text: str) -> None:
        self._scene.problems.append(text)

    def _wait(self, condition: Callable[[], object], what: str) -> None:
        wait_for(condition, what, self._scene.patience)


def _pairs(flat: list[Any]) -> dict[Any, Any]:
    return dict(zip(flat[::2], flat[1::2], strict=True))
