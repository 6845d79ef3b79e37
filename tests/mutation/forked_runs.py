"""A process in a copy of the repository that runs tests in forks of itself, after the slow imports.

It reads requests from stdin and answers on stdout, one JSON object per line. Each request is one run of
pytest in a separate fork: ``{"files": [...], "only": [...] or null, "parameters": {...}, "trace": bool,
"patience": s}``. The answer says how the run ended, which test failed, and, with ``trace``, how long each
test took and which lines it ran.

Only modules from outside the copy are imported beforehand: each fork imports the package and its tests
anew, and so includes the mutant, in whatever module it is. A fork leads a process group; its leftover
processes, including servers, are killed with it.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import os
import resource
import select
import signal
import sys
import time
from pathlib import Path
from typing import Any

_MEMORY = 6 << 30  # bytes of address space: a mutant that appends forever ends early
_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER of prctl(2)
_ARGUMENTS = ("-x", "-q", "--assert=plain", "--hypothesis-seed=0", "-p", "no:cacheprovider", "-p", "no:xdist",
              "-p", "no:cov", "-p", "no:randomly", "-m", "")  # fmt: skip


def main() -> None:
    """Answer requests until stdin ends."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    sys.path.insert(0, str(Path.cwd()))
    for line in sys.stdin:
        request = json.loads(line)
        sys.stdout.write(json.dumps(_run(request)) + "\n")
        sys.stdout.flush()


def _run(request: dict[str, Any]) -> dict[str, Any]:
    reading, writing = os.pipe()
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _be_a_run(request, writing)
    os.close(writing)
    answer = _await(reading, began + request["patience"])
    status = _end(child)
    if answer is None:
        answer = {"outcome": "hung"}
    elif not answer:
        answer = {"outcome": "crashed", "status": status}
    _import_all(answer.pop("imported", []))
    return {**answer, "seconds": time.monotonic() - began}


def _await(reading: int, deadline: float) -> dict[str, Any] | None:
    """Return the run's output, {} if it ends without any, or None if it times out."""
    text = b""
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        while (left := deadline - time.monotonic()) > 0:
            if select.select([pipe], [], [], left)[0]:
                part = pipe.read(1 << 20)
                text += part or b""
                if not part or text.endswith(b"\n"):
                    return json.loads(text) if text.endswith(b"\n") else {}
    return None


def _end(child: int) -> int:
    """End a run and all processes that it started; return its status."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    _end_orphans()
    return status


def _end_orphans() -> None:
    """End a run's processes in other sessions, which have become this process's children."""
    file = Path(f"/proc/self/task/{os.getpid()}/children")
    while file.exists() and (orphans := file.read_text().split()):
        for orphan in orphans:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(orphan), signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(int(orphan), 0)


def _import_all(names: list[str]) -> None:
    for name in names:
        if name not in sys.modules:
            with contextlib.suppress(Exception):  # the run that needs it will report the error
                importlib.import_module(name)


def _be_a_run(request: dict[str, Any], writing: int) -> None:
    """Run pytest in this fork, write the result, and exit without Python's own cleanup."""
    os.setsid()
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    log = os.open(".mutation-run.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    try:
        answer = _pytest(request)
    except BaseException as error:  # noqa: BLE001 - a mutant may break pytest itself
        answer = {"outcome": "crashed", "by": f"{type(error).__name__} outside of the tests"}
    with os.fdopen(writing, "wb") as pipe:
        pipe.write(json.dumps(answer).encode() + b"\n")
    os._exit(0)


def _pytest(request: dict[str, Any]) -> dict[str, Any]:
    coverage = _start_coverage() if request["trace"] else None
    import pytest

    watcher = _Watcher(request, coverage)
    arguments = [*_ARGUMENTS, *request["files"]]
    if request["trace"]:
        arguments.remove("-x")
    code = int(pytest.main(arguments, plugins=[watcher]))
    answer: dict[str, Any] = {"outcome": _OUTCOMES.get(code, "crashed"), "by": watcher.failed}
    if request["trace"]:
        tests = list(watcher.durations)
        answer |= {"tests": watcher.durations, "lines": _lines(coverage, tests), "broken": watcher.broken}
        answer |= {"imported": _imported_from_outside(), "helpers": _imported_helpers()}
    return answer


_OUTCOMES = {0: "passed", 1: "failed", 2: "failed", 5: "passed"}


class _Watcher:
    """Selects and orders tests, and records their results."""

    def __init__(self, request: dict[str, Any], coverage: Any) -> None:
        only = request["only"]
        self._only = None if only is None else {name: at for at, name in enumerate(only)}
        self._parameters: dict[str, str] = request["parameters"]
        self._coverage = coverage
        self.failed: str | None = None
        self.broken: list[str] = []
        self.durations: dict[str, float] = {}

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        kept = [item for item in items if self._is_wanted(item)]
        if self._only is not None:
            order = self._only
            kept.sort(key=lambda item: order[item.nodeid])
        items[:] = kept

    def _is_wanted(self, item: Any) -> bool:
        if self._only is not None:
            return item.nodeid in self._only
        given = item.callspec.params if hasattr(item, "callspec") else {}
        return all(given.get(name, kind) == kind for name, kind in self._parameters.items())

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        if self._coverage is not None:
            self._coverage.switch_context(nodeid)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        if self._coverage is not None:
            self._coverage.switch_context("")

    def pytest_runtest_logreport(self, report: Any) -> None:
        self.durations[report.nodeid] = self.durations.get(report.nodeid, 0.0) + report.duration
        if report.failed:
            self.failed = self.failed or report.nodeid
            self.broken.append(report.nodeid)

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.failed = self.failed or f"{report.nodeid} (import)"
            self.broken.append(report.nodeid)


def _start_coverage() -> Any:
    import coverage

    package = str(Path("streamroute").resolve())
    tracer = coverage.Coverage(data_file=None, config_file=False, include=[f"{package}/*"])
    tracer.start()
    return tracer


def _lines(tracer: Any, tests: list[str]) -> dict[str, dict[str, list[int]]]:
    """Return for each source file and line the tests that ran it; -1 stands for its import."""
    tracer.stop()
    data = tracer.get_data()
    places = {"": -1} | {test: at for at, test in enumerate(tests)}
    found = {}
    for file in data.measured_files():
        name = str(Path(file).relative_to(Path.cwd()))
        lines = data.contexts_by_lineno(file).items()
        found[name] = {str(line): [places[test] for test in ran] for line, ran in lines if ran}
    return found


def _imported_from_outside() -> list[str]:
    """Return the modules that a run imported from outside the copy, in the order of their import."""
    here = str(Path.cwd()) + os.sep
    names = []
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and not os.path.realpath(file).startswith(here) and not name.startswith(("__", "coverage")):
            names.append(name)
    return names


def _imported_helpers() -> list[str]:
    """Return the files beside the tests that a run imported, relative to the copy."""
    tests = Path.cwd() / "tests"
    files = [Path(file) for module in sys.modules.values() if (file := getattr(module, "__file__", None))]
    return sorted(str(file.relative_to(Path.cwd())) for file in files if file.is_relative_to(tests))


if __name__ == "__main__":
    main()
