"""The cost of ``serve --traces``: ``python tests/benchmarks/traces.py`` prints ratios to a run without.

Spans are exported over HTTP to a receiver in another process, which drops them. A share of the messages is
sampled; for the others the cost is that of finding out that they are not. The rounds are interleaved.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from typing import Any, Final

from measuring import Figures, Variant, measure, new_server

SHARES: Final = {"off": None, "on, none sampled": 0.0, "on, 1% sampled": 0.01, "on, all sampled": 1.0}
"""The share of messages whose spans are recorded; None without traces."""


class _Drop(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Nothing on stderr."""


def receive(port: Connection) -> None:
    """Send the port of a receiver of spans, and serve it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Drop)
    port.send(server.server_port)
    server.serve_forever()


@contextmanager
def receiver() -> Iterator[str]:
    """Yield the address of a receiver in a process of its own."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=receive, args=(theirs,), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        process.terminate()


def measured(rounds: int, messages: int) -> dict[str, Figures]:
    """Run each share in turn, ``rounds`` times."""
    figures = {
        name: Figures(Variant(name, "routed", ("--fast", "--traces", "off" if share is None else "link")))
        for name, share in SHARES.items()
    }
    with new_server() as server, receiver() as address:
        os.environ |= {
            "OTEL_EXPORTER_OTLP_ENDPOINT": address,
            "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
        }
        for _ in range(rounds):
            for name, share in SHARES.items():
                os.environ["OTEL_TRACES_SAMPLER_ARG"] = str(share or 0.0)
                measure(server, figures[name], messages)
    return figures


def main() -> None:
    """Print the ratios of the least disturbed rounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--messages", type=int, default=20_000)
    options = parser.parse_args()
    figures = measured(options.rounds, options.messages)
    base = min(figures["off"].cpu_us)
    lines = ["traces            cpu per message  ratio"]
    for name, found in figures.items():
        least = min(found.cpu_us)
        lines.append(f"{name:<17} {least:>12.0f} µs  {least / base:>5.2f}")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
