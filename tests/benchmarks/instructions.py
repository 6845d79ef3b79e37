"""Instructions per message: ``python tests/benchmarks/instructions.py`` counts them with valgrind.

Processor time depends on what else the machine does; the number of executed instructions hardly does. Each
variant runs with two numbers of messages, and the difference is that of the messages, without start and end.
Hashes are the same in each run, and clocks pass as slowly as valgrind runs, so that timers and budgets allow
as much work as without it. On a busy machine, valgrind runs even slower: raise ``--slower``. The server runs
at full speed, and answers at once. The last rows are parts of a message's cost, which run alone.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from cases import LOOPS, PARTS, SKIPPED
from measuring import Variant, fill, new_server, run_script, say
from tables import INSTRUCTIONS, table, write_tables

from servers import RealServer

VARIANTS: Final = (*LOOPS, *SKIPPED, *PARTS)
_SLOWER: Final = 25  # times, without simulated caches
_QUICK: Final = (1_000, 2_000)


def instructions(server: RealServer, variant: Variant, messages: int, slower: float) -> int:
    """Return the instructions of a whole process that handles this many messages."""
    handled = fill(server, messages, variant.mix)
    words = ["--url", server.url, "--messages", str(messages), "--handled", str(handled)]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "cachegrind"
        run_script(
            variant.script,
            [*words, "--slow", str(slower), *variant.arguments],
            variant.python,
            under=["env", "PYTHONHASHSEED=0", *valgrind(out)],
        )
        return total(out.read_text(encoding="utf-8"))


def valgrind(out: Path) -> list[str]:
    """Return the command that counts the instructions of another, and writes them to ``out``."""
    return ["valgrind", "-q", "--tool=cachegrind", "--cache-sim=no", f"--cachegrind-out-file={out}"]


def total(written: str) -> int:
    """Return the number of instructions in a file of cachegrind. Raise ValueError if it has none."""
    found = re.search(r"^summary: (\d+)$", written, re.MULTILINE)
    if not found:
        raise ValueError("cachegrind wrote no summary")
    return int(found[1])


def measured(variants: Sequence[Variant], few: int, many: int, slower: float) -> dict[Variant, float]:
    """Return the instructions per message of each variant, with clocks that pass this much slower."""
    found = {}
    with new_server() as server:
        for variant in variants:
            fewer, more = (instructions(server, variant, messages, slower) for messages in (few, many))
            found[variant] = (more - fewer) / (many - few)
            say(f"{variant.name}: {found[variant]:,.0f}")
    return found


def rows(found: Mapping[Variant, float]) -> list[list[str]]:
    """Return name, instructions per message, and their ratio to those of the variant's base."""
    by_name = {variant.name: count for variant, count in found.items()}
    return [
        [
            variant.name,
            f"{count:,.0f}",
            f"{count / by_name[variant.base]:.2f}" if variant.base in by_name else "",
        ]
        for variant, count in found.items()
    ]


def main() -> None:
    """Count, and print a line for each variant."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, nargs=2, default=(5_000, 25_000), metavar=("FEW", "MANY"))
    parser.add_argument(
        "--slower", type=float, default=_SLOWER, help="of the clocks; 100 if it gets a quarter of a processor"
    )
    parser.add_argument("--only", default="", help="variants whose name matches this pattern")
    parser.add_argument("--quick", action="store_true", help="few messages: whether it works, no figures")
    parser.add_argument("--markdown", type=Path, help="write the table into this file, too")
    options = parser.parse_args()
    if not shutil.which("valgrind"):
        parser.error("valgrind is not installed, and nothing else counts instructions")
    few, many = _QUICK if options.quick else options.messages
    wanted = [each for each in VARIANTS if re.search(options.only, each.name) and each.installed]
    shown = rows(measured(wanted, few, many, options.slower))
    for name, count, ratio in shown:
        sys.stdout.write(f"{name:38}{count:>12}{ratio:>8}\n")
    if options.markdown:
        heads = ["instructions a message", "count", "to its base"]
        write_tables(options.markdown, [table(heads, shown)], INSTRUCTIONS)


if __name__ == "__main__":
    main()
