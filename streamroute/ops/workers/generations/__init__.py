"""Generations of workers: the supervisor and its workers replace one together, in two phases."""
