"""``python -P -m streamroute``: without -P, Python looks for every module in the working folder first."""

from __future__ import annotations

from streamroute.cli.entry import main

main()
