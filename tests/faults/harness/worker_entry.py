"""A manipulated worker: ``streamroute serve`` with a wrong clock, a fixed name, or a mutation.

FAULTS_CLOCK: seconds by which ``time.time()`` is off. FAULTS_CONSUMER: the consumer's name.
FAULTS_MUTANT: the name of a mutation.
"""

from __future__ import annotations

import os
import sys
import time

from streamroute.cli.main import main
from streamroute.services import consumer_names

if __name__ == "__main__":
    if offset := float(os.environ.get("FAULTS_CLOCK", "0")):
        true_time = time.time
        time.time = lambda: true_time() + offset
    if "FAULTS_CONSUMER" in os.environ:
        consumer_names.consumer_name = lambda: os.environ["FAULTS_CONSUMER"]
    if mutant := os.environ.get("FAULTS_MUTANT"):
        from mutants import MUTANTS

        MUTANTS[mutant]()
    main(["serve", "--log-format", "json", "--no-embedded", *sys.argv[1:]])
