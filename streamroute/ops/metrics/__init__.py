"""Metrics of a running app: counters, measurements, and the HTTP endpoint. Handles no entries."""
