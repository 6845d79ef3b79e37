"""``python -m streamroute``."""

from __future__ import annotations

from streamroute.cli.main import main

main()
