"""``streamroute serve`` that hears SIGHUP as a service does: without a terminal, and never ignored."""

from __future__ import annotations

import os
import signal
import sys

from streamroute.cli.main import main

if __name__ == "__main__":
    os.setsid()
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    main(["serve", "--log-format", "json", "--no-embedded", *sys.argv[1:]])
