"""Break the code in small ways, run the tests that should notice, and print the unnoticed changes.

``python tests/mutation/mutate.py expressions --sample 200`` tries 200 mutants; see README.md beside it.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import queue
import random
import subprocess
import sys
import threading
import time
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from explanations import Explanation, flaws_of, load_explanations
from line_coverage import LineCoverage, data_of, request_for, trace_lines
from lua_operators import lua_mutants
from mutation_report import Report
from mutation_results import Result, ResultFile
from mutation_targets import Target, load_targets
from python_operators import python_mutants
from repository_copy import RepositoryCopy, list_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mutant import Mutant

ROOT = Path(__file__).resolve().parents[2]
_KEPT = ROOT / ".mutation"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0 if the aim is met, 1 if not, 2 for a wrong explanation."""
    options = _parser().parse_args(arguments)
    targets = load_targets(ROOT)
    explanations = load_explanations()
    problems = check_explanations(ROOT, explanations)
    if problems:
        _say("\n".join(["survivors.toml:", *problems]))
        return 2
    reports = [_run_target(targets[name], explanations, options) for name in options.targets or targets]
    return int(any(report.share() < options.aim for report in reports))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    add = parser.add_argument
    add("targets", nargs="*", metavar="TARGET", help="a name in targets.toml; all of them if none is given")
    add(
        "--paths",
        nargs="+",
        default=[],
        metavar="PATH",
        help="only these source files (globs, or parts of a path)",
    )
    add("--jobs", type=int, default=min(2, os.cpu_count() or 1), help="mutants at a time (%(default)s)")
    add("--sample", type=int, metavar="N", help="only N mutants, chosen at random")
    add("--seed", type=int, default=0, help="of the choice (%(default)s)")
    add("--survivors", action="store_true", help="only what survived the last time")
    add(
        "--budget",
        type=float,
        default=float("inf"),
        metavar="SECONDS",
        help="start no mutant after this long",
    )
    add(
        "--patience", type=float, default=20.0, metavar="SECONDS", help="beyond what tests take (%(default)s)"
    )
    add("--aim", type=float, default=95.0, metavar="PERCENT", help="the share to be caught (%(default)s)")
    add("--list", action="store_true", help="print the mutants, and run none")
    return parser


def mutants_in(root: Path, path: str) -> list[Mutant]:
    """Return all mutants of a source file."""
    make = lua_mutants if path.endswith(".lua") else python_mutants
    return make(path, (root / path).read_text("utf-8"))


def check_explanations(root: Path, explanations: Iterable[Explanation]) -> list[str]:
    """Return the errors of the explanations, given the current sources."""
    explanations = list(explanations)
    files = sorted({explanation.file for explanation in explanations if (root / explanation.file).is_file()})
    return flaws_of(explanations, [mutant for file in files for mutant in mutants_in(root, file)])


def _run_target(target: Target, explanations: list[Explanation], options: argparse.Namespace) -> Report:
    sources = [path for path in target.sources if _is_chosen(path, options.paths)]
    results = ResultFile(_KEPT / f"{target.name}.jsonl")
    session = _Session(target, options, results)
    mutants = [mutant for path in sources for mutant in mutants_in(ROOT, path)]
    if options.survivors:
        mutants = [mutant for mutant in mutants if session.survived(mutant)]
    if options.sample is not None and options.sample < len(mutants):
        mutants = random.Random(options.seed).sample(mutants, options.sample)  # noqa: S311 - no secret
    if options.list:
        _say("\n".join(map(str, mutants)))
        return Report()
    ended = session.run(mutants)
    report = Report(left=len(mutants) - len(ended))
    for mutant, result in ended:
        explanation = next((one for one in explanations if one.matches(mutant)), None)
        report.add(mutant, result, explanation)
    _say("\n".join(["", f"== {target.name}", *report.lines()]))
    return report


def _is_chosen(path: str, patterns: list[str]) -> bool:
    return not patterns or any(pattern in path or fnmatch(path, pattern) for pattern in patterns)


class _Session:
    """The mutants of one target, shared among processes with a copy of the repository each."""

    def __init__(self, target: Target, options: argparse.Namespace, results: ResultFile) -> None:
        self._target = target
        self._options = options
        self._results = results
        self._sources = {path: (ROOT / path).read_text("utf-8") for path in target.sources}
        files = list_files(ROOT)
        self._texts = {path: _text_of(path, data_of(path, files)) for path in target.tests}  # at this moment
        self._kills: dict[str, dict[str, int]] = {}
        self._lock = threading.Lock()
        self._ended: list[tuple[Mutant, Result]] = []

    def survived(self, mutant: Mutant) -> bool:
        """Whether a mutant survived the last time."""
        last = self._results.last(mutant.key(self._sources[mutant.path]))
        return last is not None and not last.caught

    def run(self, mutants: list[Mutant]) -> list[tuple[Mutant, Result]]:
        """Return the result of each mutant, as far as the budget allows."""
        deadline = time.monotonic() + self._options.budget
        with _Runner(f"{self._target.name}-0") as runner:
            coverage = trace_lines(
                ROOT, _KEPT / "lines", self._target, lambda file: _trace(runner, file, self._target)
            )
            for test in coverage.broken:
                _say(f"fails without a mutant, and is left out: {test}")
            waiting: queue.SimpleQueue[Mutant] = queue.SimpleQueue()
            for mutant in mutants:
                if not self._is_known(mutant, coverage):
                    waiting.put(mutant)
            _say(f"{self._target.name}: {len(mutants)} mutants, {waiting.qsize()} to run")
            others = [_Runner(f"{self._target.name}-{number}") for number in range(1, self._options.jobs)]
            work = [
                threading.Thread(target=self._work, args=(one, waiting, coverage, deadline))
                for one in (runner, *others)
            ]
            for thread in work:
                thread.start()
            for thread in work:
                thread.join()
            for other in others:
                other.close()
        return self._ended

    def _is_known(self, mutant: Mutant, coverage: LineCoverage) -> bool:
        key = mutant.key(self._sources[mutant.path])
        known = None if self._options.survivors else self._results.valid(key, self._digest(coverage, mutant))
        if known is not None:
            self._note(mutant, known)
        return known is not None

    def _digest(self, coverage: LineCoverage, mutant: Mutant) -> str:
        tests = coverage.tests_for(mutant)
        files = sorted({name.partition("::")[0] for name in tests})
        texts = [self._texts[file] for file in files]
        return hashlib.sha256("\n".join([*sorted(tests), *texts]).encode()).hexdigest()[:12]

    def _work(
        self, runner: _Runner, waiting: queue.SimpleQueue[Mutant], coverage: LineCoverage, deadline: float
    ) -> None:
        while time.monotonic() < deadline:
            try:
                mutant = waiting.get_nowait()
            except queue.Empty:
                return
            result = self._try(runner, mutant, coverage)
            with self._lock:
                self._results.add(result)
                self._note(mutant, result)
                if not result.caught:
                    _say(f"survived: {mutant}")

    def _note(self, mutant: Mutant, result: Result) -> None:
        self._ended.append((mutant, result))
        if result.caught and "::" in result.by:
            file = result.by.partition("::")[0]
            kills = self._kills.setdefault(mutant.path, {})
            kills[file] = kills.get(file, 0) + 1

    def _try(self, runner: _Runner, mutant: Mutant, coverage: LineCoverage) -> Result:
        """Run the tests of the file that has caught most mutants of this source, then all others."""
        began = time.monotonic()
        source = self._sources[mutant.path]
        tests = coverage.tests_for(mutant)
        by = ""
        with runner.copy.mutated(mutant.path, mutant.apply(source)):
            for part in _parts(tests, self._kills.get(mutant.path, {})):
                seconds = sum(coverage.durations[name] for name in part)
                answer = runner.ask(
                    {
                        "files": list(dict.fromkeys(name.partition("::")[0] for name in part)),
                        "only": part,
                        "trace": False,
                        "patience": self._options.patience + 3 * seconds,
                        "parameters": self._target.parameters,
                    }
                )
                if answer["outcome"] != "passed":
                    by = answer.get("by") or answer["outcome"]
                    break
        key = mutant.key(source)
        return Result(key, bool(by), by, self._digest(coverage, mutant), round(time.monotonic() - began, 2))


def _text_of(test_file: str, data: list[str]) -> str:
    """Return a test file's text, with a digest of the files that it may read."""
    digest = hashlib.sha256(b"".join((ROOT / name).read_bytes() for name in data)).hexdigest()
    return (ROOT / test_file).read_text("utf-8") + digest


def _parts(tests: list[str], kills: dict[str, int]) -> list[list[str]]:
    files = dict.fromkeys(name.partition("::")[0] for name in tests)
    if len(files) < 2:
        return [tests] if tests else []
    first = max(files, key=lambda file: kills.get(file, 0))
    of_first = [name for name in tests if name.startswith(f"{first}::")]
    return [of_first, [name for name in tests if not name.startswith(f"{first}::")]]


def _trace(runner: _Runner, file: str, target: Target) -> dict[str, Any]:
    _say(f"tracing {file}")
    answer = runner.ask(request_for(file, target))
    if "tests" not in answer:
        raise RuntimeError(f"{file}: {answer}")
    return answer


class _Runner:
    """A process that runs tests in forks of itself, in its own copy of the repository."""

    def __init__(self, name: str) -> None:
        folder = _KEPT / "copies" / name
        folder.parent.mkdir(parents=True, exist_ok=True)
        self._lock = folder.with_suffix(".lock").open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)  # waits for another run of this target to end
        self.copy = RepositoryCopy(ROOT, folder)
        self.copy.update()
        environment = os.environ | {"PYTHONPATH": str(self.copy.folder), "PYTHONDONTWRITEBYTECODE": "1"}
        environment.pop("PYTEST_ADDOPTS", None)
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("forked_runs.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=self.copy.folder,
            env=environment | {"COVERAGE_CORE": "ctrace"},
            text=True,
        )

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Run a request, and return its result."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the process that runs the tests has ended")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
