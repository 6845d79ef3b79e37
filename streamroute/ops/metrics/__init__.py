"""Metrics of a running app: what is counted and measured, and the endpoint that tells it."""
