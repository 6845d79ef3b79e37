"""The parts of ``serve``: its options, one serving process, workers under a supervisor, the banner."""
