"""``python -m streamroute``."""

from __future__ import annotations

from streamroute.cli.entry import main

main()
