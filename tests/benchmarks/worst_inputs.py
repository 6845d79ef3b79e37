"""Growth of the time and memory of ``check``, ``explain`` and ``test`` with the worst known inputs.

``python tests/benchmarks/worst_inputs.py`` prints a table: each input in doubling sizes, each run in its own
process with at most 60 s and 4 GB of address space. ``--against PYTHON`` runs another installation on the
same files, in turn, and adds its figures and the ratio of the seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

SECONDS: Final = 60
BYTES: Final = 4 << 30
ROOT: Final = Path(__file__).parents[2]
HEAD: Final = "version: 1\nstreams: {s: {group: g}}\n"
CHECK: Final = ("check", "--no-import")
EXPLAIN: Final = ("explain", "message.json")

Files = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Input:
    """Files that grow with a number, the command that reads them, and the smallest of the numbers."""

    name: str
    write: Callable[[int], Files]
    smallest: int
    command: Sequence[str] = CHECK


@dataclass(frozen=True, slots=True)
class Run:
    """The cost of a run: seconds and peak bytes; ``code`` is None if it was killed."""

    seconds: float
    peak: int
    code: int | None

    def __str__(self) -> str:
        ended = "over " if self.code is None else ""
        fault = f", exit {self.code}" if self.code not in {0, 1, None} else ""
        return f"{ended}{self.seconds:.2f} s, {self.peak / 1e6:.0f} MB{fault}"


# Files


def routes(*rows: Mapping[str, Any], head: str = HEAD) -> str:
    """Return a configuration with these routes, each with the given changes to a default route."""
    usual = {"type": "t", "handler": "streamroute.handlers.log"}
    lines = (f"- {json.dumps({'name': f'r{at}', **usual, **row})}\n" for at, row in enumerate(rows))
    return f"{head}routes:\n{''.join(lines)}"


def with_schema(schema: Any, **route: Any) -> Files:
    """Return files with one route of a type with a schema."""
    head = f"{HEAD}messages: {{t: {{schema: s.json}}}}\n"
    return {"routes.yaml": routes(route, head=head), "s.json": json.dumps(schema)}


def recursive_schema(size: int) -> Files:
    again = {"$ref": "#"}
    either = {"anyOf": [{"properties": {"l": again}}, {"properties": {"r": again}}]}
    paths = [".".join("lr"[at >> step & 1] for step in range(8)) for at in range(size)]
    return with_schema({"type": "object", "allOf": [either] * 3}, filter=" || ".join(paths))


def findings_on_one_line(size: int) -> Files:
    wrong = ", ".join(f"{{name: r{at}, type: t, handlr: x.y}}" for at in range(size))
    return {"routes.yaml": f"{HEAD}routes: [{wrong}]\n"}


def ignore_codes(size: int) -> Files:
    codes = ", ".join(f"SR{at % 900 + 100}" for at in range(size))
    return {"routes.yaml": f"# streamroute: ignore[{codes}] why\n{routes({})}"}


def address(signs: str) -> Callable[[int], Files]:
    def write(size: int) -> Files:
        url = json.dumps(f"redis://{signs * (size // len(signs))}")
        return {"routes.yaml": routes({}, head=f"{HEAD}redis: {{url: {url}}}\n")}

    return write


def handler_file(size: int) -> Files:
    code = "async def run(payload): ...\n" + "x = [1, 2, 3]\n" * size
    return {"routes.yaml": routes({"handler": "hand.run"}), "hand.py": code}


def deep_schema(size: int) -> Files:
    text = '{"items":' * size + "true" + "}" * size
    head = f"{HEAD}messages: {{t: {{schema: s.json}}}}\n"
    return {"routes.yaml": routes({}, head=head), "s.json": text}


def chain_of_references(size: int) -> Files:
    parts: dict[str, Any] = {f"d{at}": {"$ref": f"#/$defs/d{at + 1}"} for at in range(size)}
    return with_schema(
        {"$ref": "#/$defs/d0", "$defs": {**parts, f"d{size}": {"type": "object"}}}, filter="a.b"
    )


def pattern(size: int) -> Files:
    return with_schema({"properties": {"a": {"type": "string", "pattern": "(a|b)" * (size // 5)}}})


def many_files(size: int) -> Files:
    parts = {f"parts/{at}.yaml": "version: 1\nroutes: []\n" for at in range(size)}
    return {"routes.yaml": f"include: ['**/*.yaml']\n{routes({})}", **parts}


def flattened(size: int) -> Files:
    return {
        "routes.yaml": routes({"filter": "[@,@][]" * size}),
        "message.json": '{"type": "t", "a": 1}',
    }


def aliases(size: int) -> Files:
    lines = [f"  a{at}: &a{at} [*a{at - 1}, *a{at - 1}]\n" for at in range(1, size)]
    return {"routes.yaml": f"x-anchors:\n  a0: &a0 [1]\n{''.join(lines)}{routes({})}"}


def validated(schema: Any, value: Callable[[int], Any]) -> Callable[[int], Files]:
    def write(size: int) -> Files:
        expected = "version: 1\ntests:\n- {name: one, message: message.json, routes: [r0]}\n"
        files = with_schema({"type": "object", "properties": {"a": schema}})
        stated = files["routes.yaml"].replace("{group: g}", "{group: g, validate: true}")
        message = json.dumps({"type": "t", "a": value(size)})
        return {**files, "routes.yaml": stated, "message.json": message, "routes.test.yaml": expected}

    return write


def misspelt_keys(size: int) -> Files:
    keys = "".join(f"  concurency{at}: 1\n" for at in range(size))
    return {"routes.yaml": routes({}, head=f"version: 1\nstreams:\n s:\n  group: g\n{keys}")}


def missing_modules(size: int) -> Files:
    return {"routes.yaml": routes(*({"handler": f"missing{at}.run"} for at in range(size)))}


def types_and_patterns(size: int) -> Files:
    known = "".join(f"  a.{at}.b: {{}}\n" for at in range(size))
    rows = ({"type": f"a.*{at}.b*"} for at in range(size // 4))
    return {"routes.yaml": routes(*rows, head=f"{HEAD}messages:\n{known}")}


AGAIN: Final = {"items": {"$ref": "#/properties/a"}}
TREE: Final = validated({"anyOf": [AGAIN, {**AGAIN, "minItems": 2}]}, lambda n: json.loads("[" * n + "]" * n))
UNIQUE: Final = validated({"uniqueItems": True}, lambda n: [{"a": at} for at in range(n)])
NESTED: Final = validated({"pattern": "^(a+)+$"}, lambda n: "a" * n + "b")

INPUTS: Final = (
    Input("a recursive schema, and a filter with n `||`", recursive_schema, 2),
    Input("n findings on one line", findings_on_one_line, 2_500),
    Input("n codes in one `ignore[...]`", ignore_codes, 25_000),
    Input("a `redis.url` with n `+`", address("+"), 8_000),
    Input("a `redis.url` with n `:` and quotes", address(":'\""), 8_000),
    Input("a handler's file of n lines", handler_file, 10_000),
    Input("a schema n deep", deep_schema, 100),
    Input("a chain of n `$ref`", chain_of_references, 200),
    Input("a `pattern` of n characters", pattern, 100_000),
    Input("an include with wildcards over n files", many_files, 1_000),
    Input("explain: `[@,@][]` n times", flattened, 8, EXPLAIN),
    Input("n aliases that double", aliases, 8),
    Input("explain: `uniqueItems` of n objects", UNIQUE, 2_000, EXPLAIN),
    Input("explain: a nested quantifier on n characters", NESTED, 16, EXPLAIN),
    Input("test: an `anyOf` of itself on a list n deep", TREE, 8, ("test",)),
    Input("n misspelt keys of a stream", misspelt_keys, 5_000),
    Input("n handlers in modules that are missing", missing_modules, 2_500),
    Input("n types, and n/4 patterns", types_and_patterns, 2_000),
)  # fmt: skip


# Runs


def limited() -> None:
    """Limit the resources of the new process."""
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))


def run(python: str, command: Sequence[str], folder: Path) -> Run:
    """Run one command with one installation."""
    begun = time.monotonic()
    with subprocess.Popen(
        [python, "-P", "-m", "streamroute", *command],
        cwd=folder,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=limited,  # noqa: PLW1509 - this program has one thread
    ) as process:
        code = None
        while time.monotonic() - begun < SECONDS:
            ended, status, used = os.wait4(process.pid, os.WNOHANG)
            if ended:
                code = os.waitstatus_to_exitcode(status)
                break
            time.sleep(0.01)
        else:
            process.kill()
            _, _, used = os.wait4(process.pid, 0)
        process.returncode = code or 0
    return Run(time.monotonic() - begun, used.ru_maxrss * 1024, code)


def measure(pythons: Sequence[str], inputs: Sequence[Input], doublings: int) -> Iterator[list[str]]:
    """Yield a row of the table for each input and size."""
    for each in inputs:
        for size in (each.smallest << doubling for doubling in range(doublings)):
            with tempfile.TemporaryDirectory() as folder:
                for name, text in each.write(size).items():
                    path = Path(folder) / name
                    path.parent.mkdir(exist_ok=True)
                    path.write_text(text)
                runs = [run(python, each.command, Path(folder)) for python in pythons]
            ratio = [f"{runs[0].seconds / runs[1].seconds:.2f}"] if len(runs) > 1 else []
            yield [each.name, f"{size:,}", *map(str, runs), *ratio]


def show(cells: Sequence[str]) -> None:
    """Print one row of a Markdown table."""
    print(f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |", flush=True)  # noqa: T201 - a program that prints


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", metavar="PYTHON", help="the interpreter of another installation")
    parser.add_argument("--doublings", type=int, default=4)
    parser.add_argument("--only", default="", help="inputs whose names hold this text")
    options = parser.parse_args()
    pythons = [sys.executable, *([options.against] if options.against else [])]
    columns = ["input", "n", "here", *(["there", "here / there"] if options.against else [])]
    show(columns)
    show(["---"] * len(columns))
    for row in measure(pythons, [each for each in INPUTS if options.only in each.name], options.doublings):
        show(row)


if __name__ == "__main__":
    main()
