"""The parts of ``serve``: options, one process, supervised workers, the banner. Handle no entries."""
