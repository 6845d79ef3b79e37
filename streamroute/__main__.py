"""``python -P -m streamroute``: without -P, Python searches the working folder first for every module."""

from __future__ import annotations

from streamroute.cli.entry import main

main()
