"""A worker with a mutation of the code for deploys, named by FAULTS_MUTANT."""

from __future__ import annotations

import os
import sys

from deploy_mutants import MUTANTS
from streamroute.cli.main import main

if __name__ == "__main__":
    MUTANTS[os.environ["FAULTS_MUTANT"]]()
    main(["serve", "--log-format", "json", "--no-embedded", *sys.argv[1:]])
