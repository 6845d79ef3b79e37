"""Fetching: reads and claims entries, in batches that the workers can take. Knows no handlers."""
