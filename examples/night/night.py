"""One bad night: python night.py [EMPTY-FOLDER] [--letters 2000] [--rate 50/s] [--person]

It needs streamroute[board,embedded]. With --person, it takes the time that a person takes to read and type.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from person import Person, until

HERE: Final = Path(__file__).resolve().parent
EARLIER: Final = 100  # orders before anything is wrong
MEANWHILE: Final = 20  # orders that come during the repair
TOKEN: Final = "a-token-that-nobody-guesses"  # noqa: S105 - of a server that lives for minutes
REASON: Final = "totals are written with a comma"
FIND_AND_CORRECT: Final = 45.0  # seconds that the correction of one line takes, with --person


class Night:
    """What happens, and what the person on call does about it."""

    def __init__(self, folder: Path, letters: int, rate: str, *, takes_time: bool) -> None:
        self._letters = letters
        self._rate = rate
        self._person = Person(str(folder), takes_time=takes_time)
        self._port = _free_port()
        self._server: subprocess.Popen[bytes] | None = None
        self._failure = ""
        self._summary = f"{letters:,} dead letters in 1 failure"

    def play(self) -> None:
        """Play it, from the evening to the check that nothing was lost."""
        try:
            self._evening()
            self._alert()
            self._look()
            self._stop_the_loss()
            self._repair()
            self._retry()
            self._resolve()
            self._account()
        finally:
            self._stop()

    def _evening(self) -> None:
        person = self._person
        person.heading("the evening: all is well")
        self._start()
        _write_orders("evening.jsonl", "A", EARLIER, ".")
        _publish("evening.jsonl")
        until(lambda: _count("receipts") == EARLIER)
        person.heading("the till of another country is connected: it writes 12,90 where others write 12.90")
        _write_orders("night.jsonl", "B", self._letters, ",")
        _publish("night.jsonl")

    def _alert(self) -> None:
        summary, action, limit = _rule("StreamrouteDeadLettersRise")
        pattern = r'^streamroute_messages_total\{result="dead",route="receipt",stream="orders"\} (\d+)'
        found = ["0"]

        def fires() -> bool:
            found[:] = re.findall(pattern, _fetch(self._port, "/metrics"), re.MULTILINE) or ["0"]
            return int(found[0]) == self._letters > limit

        until(fires)
        self._person.woken()
        self._person.heading("the pager: StreamrouteDeadLettersRise")
        self._person.write(f"{summary.format(route='receipt', stream='orders', value=found[0])}")
        self._person.write(action.format(route="receipt"))
        self._person.spend(6)

    def _look(self) -> None:
        person = self._person
        person.heading("what, why and how much: the board")
        self._sign_in()
        person.sees("Stream |", lines=2)
        person.clicks("Failures")
        person.sees(self._summary, lines=4)
        person.clicks("ValueError")
        person.sees("State", "Letters", "First, last", "Route", "Error class")
        person.sees("Letter |", lines=2)
        self._failure = person.signature
        person.clicks(person.first_letter)
        person.sees("Fields", lines=5)
        person.sees('  File "kiosk', lines=4)

    def _stop_the_loss(self) -> None:
        person = self._person
        person.heading("does it pass by itself? A retry stops as soon as it is clear that it does not")
        person.command(
            f"streamroute dead retry --group {self._failure} --rate {self._rate} --stop-after 5 --watch",
            exit_code=1,
        )
        person.clicks("Failures")
        person.waits_until_page(lambda lines: any(line.startswith(self._summary) for line in lines))
        person.sees(self._summary)
        person.heading("no: new orders wait until the route is repaired; they use no attempt")
        person.command(f'streamroute pause receipt --reason "{REASON}" --for 2h')
        _write_orders("meanwhile.jsonl", "C", MEANWHILE, ",")
        _publish("meanwhile.jsonl")
        until(lambda: _count("sold") == EARLIER + self._letters + MEANWHILE)
        person.command("streamroute paused")

    def _repair(self) -> None:
        person = self._person
        person.heading("the code is corrected, and the service starts again")
        person.spend(FIND_AND_CORRECT)
        person.command("diff kiosk/receipts.py fixed/receipts.py", exit_code=1)
        person.command("cp fixed/receipts.py kiosk/receipts.py")
        self._stop()
        self._start()
        person.command("streamroute resume receipt")
        until(lambda: _count("receipts") == EARLIER + MEANWHILE)
        person.write(f"({MEANWHILE} receipts of orders that have waited)")
        person.heading("one letter first")
        person.command(f"streamroute dead retry --group {self._failure} --where \"order == 'B-1'\" --watch")

    def _retry(self) -> None:
        person = self._person
        person.heading("then all of them, in the board")
        person.leaves()
        self._sign_in()
        person.clicks("Failures")
        person.clicks("ValueError")
        person.submits("Retry…", rate=self._rate)
        person.sees("Retry ", lines=3)
        person.submits(f"Retry ({self._letters - 1:,})", reason="totals with a comma are read")
        person.sees("retry-")
        person.waits_until_page(_newest_job_is_done)
        person.heading("all have their receipts")
        person.sees("Job |", lines=4)

    def _resolve(self) -> None:
        person = self._person
        person.heading("resolved: if the failure comes back, an alert says so")
        person.clicks("Failures")
        person.clicks("ValueError")
        person.submits("Mark as resolved…")
        person.sees("Mark this failure")
        person.submits("Mark as resolved", reason="totals with a comma are read")
        person.sees("the failure is resolved", "State", "Letters")

    def _account(self) -> None:
        person = self._person
        person.heading("what the next morning sees")
        person.command("streamroute dead groups")
        person.command("streamroute status")
        person.command("streamroute audit")
        person.heading("nothing was lost, and nobody has two receipts")
        numbers = [line.split()[0] for line in Path("receipts").read_text(encoding="utf-8").splitlines()]
        orders = EARLIER + self._letters + MEANWHILE
        person.write(f"{orders} orders, {len(numbers)} receipts, of {len(set(numbers))} orders")

    def _sign_in(self) -> None:
        self._person.opens(f"http://127.0.0.1:{self._port}/")
        self._person.submits("Sign in", token=TOKEN)

    def _start(self) -> None:
        line = f"streamroute serve --http {self._port} --http-admin --http-tokens tokens"
        self._person.write(f"$ {line} 2>serve.log &")
        with Path("serve.log").open("ab") as log:
            self._server = subprocess.Popen(line.split(), stderr=log)  # noqa: S603 - this command
        until(lambda: "ok" in _fetch(self._port, "/readyz"))

    def _stop(self) -> None:
        if self._server is not None:
            self._server.terminate()
            self._server.wait()
            self._server = None


def _write_orders(file: str, prefix: str, count: int, point: str) -> None:
    orders = (
        {"type": "order.paid", "order": f"{prefix}-{number}", "total": f"{number % 90 + 10}{point}90"}
        for number in range(1, count + 1)
    )
    Path(file).write_text("".join(f"{json.dumps(order)}\n" for order in orders), encoding="utf-8")


def _newest_job_is_done(lines: Sequence[str]) -> bool:
    head = next(number for number, line in enumerate(lines) if line.startswith("Job |"))
    return " | done" in lines[head + 2]


def _publish(file: str) -> None:
    """Let the tills write orders, without the person."""
    subprocess.run(["streamroute", "publish", "orders", file], check=True, capture_output=True)  # noqa: S603, S607 - on PATH


def _count(file: str) -> int:
    path = Path(file)
    return len(path.read_text(encoding="utf-8").splitlines()) if path.exists() else 0


def _rule(name: str) -> tuple[str, str, int]:
    """Return an alert of examples/monitoring: its summary and action as templates, and its limit."""
    text = (HERE.parent / "monitoring" / "alerts.yaml").read_text(encoding="utf-8")
    rule = text.partition(f"alert: {name}\n")[2].partition("- alert:")[0]
    [limit] = re.findall(r"> (\d+)$", rule, re.MULTILINE)
    summary, action = (_template(rule, key) for key in ("summary", "action"))
    return summary, action, int(limit)


def _template(rule: str, key: str) -> str:
    [text] = re.findall(rf'^ +{key}: "(.*)"$', rule, re.MULTILINE)
    return re.sub(r"\{\{ \$(?:labels\.)?(\w+).*?\}\}", r"{\1}", text)


def _fetch(port: int, path: str) -> str:
    try:
        with build_opener(ProxyHandler({})).open(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
            return str(answer.read().decode())
    except (URLError, ConnectionError):
        return ""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> None:
    """Copy the example to a folder, and play the night there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--letters", type=int, default=2000)
    parser.add_argument("--rate", default="50/s")
    parser.add_argument("--person", action="store_true")
    given = parser.parse_args()
    folder = Path(given.folder or tempfile.mkdtemp()).resolve()
    shutil.copytree(
        HERE, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".streamroute", "__pycache__")
    )
    os.chdir(folder)
    os.environ.update(STREAMROUTE_STATE_DIR="state", STREAMROUTE_ACTOR="ada")
    Path("tokens").touch(mode=0o600)
    Path("tokens").write_text(f"operator ada {TOKEN}\n", encoding="utf-8")
    Night(folder, given.letters, given.rate, takes_time=given.person).play()


if __name__ == "__main__":
    main()
