"""The control socket: one request of a client of the same user is answered, whatever else clients do."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path

import pytest

from consuming import eventually
from open_files import count_open_files
from streamroute.ops.reload.control import socket_files
from streamroute.ops.reload.control.client import ControlError, ask, ask_all, running_generations
from streamroute.ops.reload.control.messages import (
    GENERATION,
    MAX_ANSWER,
    RELOAD,
    ROLLBACK,
    BadMessageError,
    ControlAnswer,
    ControlRequest,
)
from streamroute.ops.reload.control.server import control_socket
from streamroute.ops.reload.control.socket_files import find_control_sockets
from streamroute.ops.reload.result import ReloadResult

RESULT = ReloadResult("applied", "b", "a", 0.25, "reloaded a -> b", "findings")


class Control:
    """Answers requests for a root file with a result, after ``may_answer`` is set."""

    def __init__(self, root: str = "") -> None:
        self.root = root
        self.requests: list[ControlRequest] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.error: Exception | None = None

    async def answer(self, request: ControlRequest) -> ControlAnswer:
        self.requests.append(request)
        await self.may_answer.wait()
        if self.error is not None:
            raise self.error
        if not request.is_for(self.root):
            return ControlAnswer(os.getpid(), is_meant=False)
        return ControlAnswer(os.getpid(), RESULT, note="a note")


@asynccontextmanager
async def serving(control: Control, folder: Path, patience: float = 60) -> AsyncIterator[Path]:
    """Serve in a state folder; assert that no task of it, file or descriptor is left."""
    files = count_open_files()
    async with control_socket(folder, control.answer, patience=patience) as path:
        assert path is not None
        yield path
    assert not path.exists()
    assert [task for task in asyncio.all_tasks() if "serve" in str(task.get_coro())] == []
    await eventually(lambda: count_open_files() <= files, "clients and transports to close their sockets")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A state folder that does not exist yet, with a short path."""
    with tempfile.TemporaryDirectory(prefix="sr-") as temporary:
        yield Path(temporary, "state")


@pytest.fixture
def read_only(folder: Path) -> Iterator[Path]:
    folder.mkdir()
    folder.chmod(0o500)
    yield folder
    folder.chmod(0o700)


@pytest.fixture
def open_folder(folder: Path) -> Path:
    folder.mkdir()
    folder.chmod(0o755)
    return folder


@pytest.fixture
def not_a_folder(folder: Path) -> Path:
    folder.write_text("")
    return folder


async def asked(folder: Path, request: ControlRequest) -> list[ControlAnswer | ControlError]:
    return await asyncio.to_thread(lambda: list(ask_all(folder, request, 60)))


async def test_a_request_is_answered(folder: Path) -> None:
    control = Control()
    async with serving(control, folder):
        answers = await asked(folder, ControlRequest(ROLLBACK, "abc"))
    assert answers == [ControlAnswer(os.getpid(), RESULT, note="a note")]
    assert control.requests == [ControlRequest(ROLLBACK, "abc")]


async def test_every_process_of_a_folder_is_asked(folder: Path) -> None:
    first, second = Control(), Control()
    async with serving(first, folder), serving(second, folder):
        assert len(await asked(folder, ControlRequest(RELOAD))) == 2
    assert (len(first.requests), len(second.requests)) == (1, 1)


async def test_a_process_of_another_root_file_is_skipped(folder: Path) -> None:
    first, second = Control("/app/first.yaml"), Control("/app/second.yaml")
    async with serving(first, folder), serving(second, folder):
        request = ControlRequest(RELOAD, root="/app/second.yaml")
        assert await asked(folder, request) == [ControlAnswer(os.getpid(), RESULT, note="a note")]
        assert await asked(folder, ControlRequest(RELOAD, root="/app/third.yaml")) == []
    assert second.requests == [request, ControlRequest(RELOAD, root="/app/third.yaml")]


@pytest.mark.parametrize("letter", ["x", "\N{LATIN SMALL LETTER E WITH ACUTE}", "\udcff"])
async def test_the_longest_path_fits_into_a_request(folder: Path, letter: str) -> None:
    request = ControlRequest(ROLLBACK, "a" * 64, "/" + letter * 4_095)
    control = Control(request.root)
    async with serving(control, folder):
        assert len(await asked(folder, request)) == 1
    assert control.requests == [request]


async def test_without_a_process_there_is_no_answer(folder: Path) -> None:
    assert await asked(folder, ControlRequest(RELOAD)) == []


async def test_the_socket_and_its_folder_belong_to_the_user_alone(folder: Path) -> None:
    async with serving(Control(), folder) as path:
        assert path.parent == folder / "run"
        assert [stat.S_IMODE(each.stat().st_mode) for each in (path, path.parent)] == [0o600, 0o700]


async def test_the_mode_of_the_state_folder_itself_is_kept(open_folder: Path) -> None:
    """It may be any folder that the user names."""
    async with serving(Control(), open_folder):
        assert await asyncio.to_thread(lambda: stat.S_IMODE(open_folder.stat().st_mode)) == 0o755


async def test_every_process_says_which_generation_it_runs(folder: Path) -> None:
    results = [replace(RESULT, generation=name) for name in ("a", "b", "a")]
    async with AsyncExitStack() as stack:
        for number, result in enumerate(results):
            answer = ControlAnswer(number, result)

            async def tell(_request: ControlRequest, answer: ControlAnswer = answer) -> ControlAnswer:
                return answer

            await stack.enter_async_context(control_socket(folder, tell))
        other = Control()
        other.error = BadMessageError("unknown request")
        await stack.enter_async_context(control_socket(folder, other.answer))
        running = await asyncio.to_thread(running_generations, folder, "/app/routes.yaml", 60)
        assert {name: sorted(processes) for name, processes in running.items()} == {"a": [0, 2], "b": [1]}
        assert other.requests == [ControlRequest(GENERATION, root="/app/routes.yaml")]


async def test_sockets_of_ended_processes_are_skipped_and_removed(folder: Path) -> None:
    async with serving(Control(), folder) as path:
        stale = path.with_name(f"{path.name.partition('-')[0]}-1-abc{path.suffix}")
    with closing(socket.socket(socket.AF_UNIX)) as dead:
        dead.bind(str(stale))
    assert find_control_sockets(folder) == [stale]
    assert await asked(folder, ControlRequest(RELOAD)) == []
    foreign = stale.with_name(f"000000-1-abc{path.suffix}")
    with closing(socket.socket(socket.AF_UNIX)) as dead:
        dead.bind(str(foreign))
    async with serving(Control(), folder) as path:
        assert find_control_sockets(folder) == sorted([foreign, path]), "another machine's is left alone"


async def test_a_path_that_is_too_long_is_replaced_by_a_temporary_one(folder: Path) -> None:
    deep = folder / ("x" * 100)
    async with serving(Control(), deep) as path:
        assert deep not in path.parents
        assert len(await asked(deep, ControlRequest(RELOAD))) == 1
        assert await asked(folder / ("y" * 100), ControlRequest(RELOAD)) == [], "another configuration"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_a_read_only_state_folder_is_replaced_by_a_temporary_one(read_only: Path) -> None:
    async with serving(Control(), read_only) as path:
        assert read_only not in path.parents


async def test_a_state_folder_that_is_a_file_is_replaced_by_a_temporary_one(not_a_folder: Path) -> None:
    async with serving(Control(), not_a_folder) as path:
        assert not_a_folder not in path.parents
        assert len(await asked(not_a_folder, ControlRequest(RELOAD))) == 1


async def test_without_any_folder_there_is_a_warning(
    not_a_folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(socket_files, "private_folders", lambda: iter([]))
    async with control_socket(not_a_folder, Control().answer) as path:
        assert path is None
    reason = f"{not_a_folder}/run cannot be used (Not a directory)"
    assert caplog.messages == [f"streamroute reload cannot reach this process: {reason}"]


async def sent(path: Path, line: bytes) -> ControlAnswer:
    reader, writer = await asyncio.open_unix_connection(path, limit=MAX_ANSWER)
    with closing(writer):
        writer.write(line)
        return ControlAnswer.decode(await reader.readline())


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b"\n", "the line is not JSON"),
        (b"[1]\n", "the line is not a JSON object"),
        (b"[" * 4000 + b"\n", "the line is not JSON"),
        (b'{"ask": "shutdown"}\n', "unknown request"),
        (b'{"ask": "rollback", "generation": 5}\n', "unknown request"),
        (b"\xff\xfe\n", "the line is not JSON"),
        (b'{"ask": "reload", "root": ["/app/routes.yaml"]}\n', "unknown request"),
        (b"x" * 40_000 + b"\n", "the request is too long"),
    ],
)
async def test_anything_else_is_refused(folder: Path, line: bytes, error: str) -> None:
    control = Control()
    async with serving(control, folder) as path:
        assert await sent(path, line) == ControlAnswer(os.getpid(), error=error)
        assert control.requests == []
        assert len(await asked(folder, ControlRequest(RELOAD))) == 1


async def test_a_client_that_sends_nothing_is_told_and_let_go(folder: Path) -> None:
    async with serving(Control(), folder, patience=0.05) as path:
        assert (await sent(path, b"")).error == "the request did not come in time"


async def test_a_client_that_leaves_harms_nobody(folder: Path) -> None:
    control = Control()
    control.may_answer.clear()
    async with serving(control, folder) as path:
        _, writer = await asyncio.open_unix_connection(path)
        writer.write(ControlRequest(RELOAD).encode())
        async with asyncio.timeout(60):
            while not control.requests:  # noqa: ASYNC110 - the server tells nobody
                await asyncio.sleep(0)
        writer.transport.abort()
        control.may_answer.set()
        assert len(await asked(folder, ControlRequest(RELOAD))) == 1


async def test_too_many_clients_are_refused(folder: Path) -> None:
    control = Control()
    control.may_answer.clear()
    async with serving(control, folder) as path:
        waiting = [asyncio.create_task(sent(path, ControlRequest(RELOAD).encode())) for _ in range(8)]
        async with asyncio.timeout(60):
            while len(control.requests) < 8:  # noqa: ASYNC110 - the server tells nobody
                await asyncio.sleep(0)
        assert "too many" in (await sent(path, ControlRequest(RELOAD).encode())).error
        control.may_answer.set()
        assert [answer.is_ok for answer in await asyncio.gather(*waiting)] == [True] * 8


def test_an_answer_that_comes_before_the_request_was_read_counts(folder: Path) -> None:
    """A process with too many clients answers at once, and closes the connection."""
    path = folder.parent / "s.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()

        def answer_unasked() -> None:
            with listening.accept()[0] as connection:
                connection.sendall(ControlAnswer(7, error="too many").encode())

        server = threading.Thread(target=answer_unasked)
        server.start()
        request = ControlRequest(ROLLBACK, "x" * 10_000_000)  # more than the buffer of a socket holds
        assert ask(path, request, 60).error == "too many"
        server.join()


async def test_an_error_is_the_answer(folder: Path) -> None:
    control = Control()
    control.error = ValueError("odd")
    async with serving(control, folder):
        (answer,) = await asked(folder, ControlRequest(RELOAD))
    assert isinstance(answer, ControlAnswer)
    assert (answer.is_ok, answer.error) == (False, "ValueError: odd")


async def test_who_waits_while_the_process_stops_is_told(folder: Path) -> None:
    control = Control()
    control.may_answer.clear()
    async with serving(control, folder):
        waiting = asyncio.create_task(asked(folder, ControlRequest(RELOAD)))
        async with asyncio.timeout(60):
            while not control.requests:  # noqa: ASYNC110 - the server tells nobody
                await asyncio.sleep(0)
    (answer,) = await waiting
    assert isinstance(answer, ControlError)


async def test_another_user_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(Control(), folder) as path:
        monkeypatch.setattr("streamroute.ops.reload.control.server.peer_user", lambda _connection: 12345)
        answer = await sent(path, ControlRequest(RELOAD).encode())
    assert answer.error == "this process belongs to another user"


@pytest.mark.parametrize(
    "answer", [b"", b"{}\n", b"nonsense\n", b'{"process": 1, "result": {"outcome": 3}}\n']
)
async def test_an_answer_that_is_none_is_an_error(tmp_path: Path, answer: bytes) -> None:
    async def reply(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        writer.close()

    path = tmp_path / "s"
    async with await asyncio.start_unix_server(reply, path):
        with pytest.raises(ControlError, match=str(path)):
            await asyncio.to_thread(ask, path, ControlRequest(RELOAD), 60)


async def test_a_process_that_does_not_answer_is_given_up(tmp_path: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as silent:
        silent.bind(str(tmp_path / "s"))
        silent.listen()
        with pytest.raises(ControlError, match="did not answer within"):
            await asyncio.to_thread(ask, tmp_path / "s", ControlRequest(RELOAD), 0.05)


def test_a_huge_answer_is_cut_and_read() -> None:
    text = "\N{PILE OF POO}" * 300_000
    result = ReloadResult("refused", "a", "a", 1.0, text, text)
    line = ControlAnswer(1, result, text, text).encode()
    assert len(line) < MAX_ANSWER
    assert ControlAnswer.decode(line).process == 1
    assert json.loads(line)["result"]["outcome"] == "refused"


def test_a_request_of_another_version_is_no_request() -> None:
    with pytest.raises(BadMessageError):
        ControlRequest.decode(b'{"ask": "future"}')


def test_messages_of_a_version_that_names_no_root_file_are_for_all() -> None:
    assert ControlRequest.decode(b'{"ask": "reload", "generation": ""}').is_for("/app/routes.yaml")
    assert ControlAnswer.decode(b'{"process": 1}').is_meant
