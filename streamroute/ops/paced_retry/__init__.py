"""Retry dead letters at a rate, as a job that stops when the messages fail again."""
