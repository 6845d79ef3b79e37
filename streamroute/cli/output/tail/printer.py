"""Prints the items of a tail: records to stdout, notices to stderr."""

from __future__ import annotations

import sys
import time

from streamroute.cli.output.streams import echo, printable, write_document
from streamroute.cli.output.tail.as_json import json_record
from streamroute.cli.output.tail.as_text import TextLayout, text_record
from streamroute.cli.output.terminal import terminal_width, wants_color
from streamroute.ops.tail.records import TailItem, TailNotice


class TailPrinter:
    """Prints in one format; ``shown`` is the number of printed records. ``full``: cut nothing."""

    def __init__(self, output_format: str, *, full: bool) -> None:
        self.shown = 0
        self._is_json = output_format == "json"
        self._full = full
        self._color = wants_color(sys.stdout)

    def write(self, item: TailItem) -> bool:
        """Print an item; return False if the reader has closed stdout."""
        if isinstance(item, TailNotice):
            echo(printable(item.text), err=True)
            return True
        self.shown += 1
        if self._is_json:
            return write_document(json_record(item, full=self._full))
        width = None if self._full else terminal_width(sys.stdout)
        layout = TextLayout(width=width, full=self._full, color=self._color, now=time.time())
        return echo(text_record(item, layout))
