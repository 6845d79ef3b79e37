"""The parts of ``explain``: the event to explain, and the configurations that explain it."""
